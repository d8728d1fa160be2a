"""Where personal segments go: price and countdown between offer and call to action, a greeting before the first video.

Only the worker does this, ahead of need; a feed that web puts together in a request has none.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from babel.numbers import format_currency
from sqlalchemy import select

from personalization import consent
from shop import catalog
from shop.catalog import Product
from storage.accounts import people
from storage.database import AnyRow, Tx
from video_assembly import countdowns, personal, shelves
from video_assembly.candidates import SegmentCandidate
from video_assembly.countdowns import COUNTDOWN
from video_assembly.library import media_key, poster_key
from video_assembly.overlay import Content
from video_assembly.personal import NAME, PRICE, Wish
from video_assembly.storyboard import Part, Storyboard

LONGEST_NAME = 20
MOST_PREPARED = 200
GREETED_PLACE = 1
LONGEST_VIDEO_MS = 60_000

# Written into pictures, so that no catalogue of the pages can change them later.
WORDS = {
    "de": {
        "kicker": "Preis heute",
        "from": "ab {price}",
        "note": "{merchant} · inkl. MwSt., zzgl. Versand",
        "greeting": "Für dich, {name}",
    },
    "en": {
        "kicker": "Today's price",
        "from": "from {price}",
        "note": "{merchant} · incl. VAT, plus shipping",
        "greeting": "For you, {name}",
    },
}


def added(tx: Tx, viewer_id: str, boards: Sequence[tuple[int, Storyboard]], now: datetime) -> list[Storyboard]:
    """Return the storyboards of these places with the personal segments that are ready; the others are queued."""
    template = shelves.current(tx, now).template
    wanting = [(place, board) for place, board in boards if template(board.subject).personal]
    subjects = [board.subject for _, board in wanting]
    allows = personal.allowed(tx, {each.merchant_id for each in subjects})
    viewer = tx.one_or_none(select(people.c.name, people.c.guest, people.c.locale).where(people.c.id == viewer_id))
    locale = viewer.locale if viewer is not None and viewer.locale in WORDS else "de"
    priced = {each.product_id for each in subjects if allows[each.merchant_id].prices}
    wishes = {each.id: price_of(each, locale) for each in catalog.by_id(tx, priced, locale).values()}
    counted = {each.product_id for each in subjects if allows[each.merchant_id].countdowns}
    counting = _counting(tx, counted, locale, now)
    greeted = any(place == GREETED_PLACE and allows[board.subject.merchant_id].names for place, board in wanting)
    greeting = None
    if greeted and viewer is not None and not viewer.guest and consent.current(tx, viewer_id).personalise:
        greeting = greeting_of(viewer_id, viewer.name, locale)
    wanted = [*wishes.values(), *counting.values(), *([greeting] if greeting else [])]
    ready = personal.find(tx, wanted, now) if wanted else {}
    made = []
    for place, board in boards:
        wish = wishes.get(board.subject.product_id)
        if (place, board) not in wanting:
            made.append(board)
            continue
        if wish is not None and wish.digest in ready:
            board = _before_last(board, ready[wish.digest], "price-now")
        show = counting.get(board.subject.product_id)
        if show is not None and show.digest in ready:
            board = _before_last(board, ready[show.digest], "show-soon")
        if place == GREETED_PLACE and greeting is not None and greeting.digest in ready:
            board = _first(board, ready[greeting.digest])
        made.append(board)
    return made


def prepare(tx: Tx, product_ids: Sequence[str], now: datetime) -> int:
    """Queue prices and countdowns of products whose merchants want them, in both languages; returns how many hold."""
    ready = 0
    for locale in WORDS:
        found = list(catalog.by_id(tx, product_ids[:MOST_PREPARED], locale).values())
        allows = personal.allowed(tx, {each.merchant_id for each in found})
        wishes = [price_of(each, locale) for each in found if each.published and allows[each.merchant_id].prices]
        counted = {each.id for each in found if allows[each.merchant_id].countdowns}
        wishes += _counting(tx, counted, locale, now).values()
        ready += len(personal.find(tx, wishes, now)) if wishes else 0
    return ready


def _counting(tx: Tx, product_ids: Collection[str], locale: str, now: datetime) -> dict[str, Wish]:
    """Return the countdown of each of the products that are in a show soon."""
    shown = countdowns.coming(tx, product_ids, now) if product_ids else {}
    found = catalog.by_id(tx, shown, locale) if shown else {}
    return {
        product_id: Wish(COUNTDOWN, content, None, product_id, found[product_id].merchant_id)
        for product_id, content in countdowns.contents(found, shown, locale, now).items()
    }


def price_of(product: Product, locale: str) -> Wish:
    """Return the segment with a product's price of the moment."""
    words, price = WORDS[locale], product.price
    amounts = {variant.price.amount for variant in product.variants if variant.stock or not product.stock}
    written = str(format_currency(price.amount / 100, price.currency, locale=locale))
    content = Content(
        PRICE,
        locale,
        words["kicker"],
        product.title,
        written if len(amounts) == 1 else words["from"].format(price=written),
        words["note"].format(merchant=product.merchant),
        product.image,
    )
    return Wish(PRICE, content, None, product.id, product.merchant_id, price.amount, price.currency)


def greeting_of(viewer_id: str, name: str, locale: str) -> Wish | None:
    """Return the greeting of a viewer by the first name; None where there is none that fits."""
    first = name.split()[0] if name.split() else ""
    if not first or len(first) > LONGEST_NAME or not first.replace("-", "").isalpha():
        return None
    content = Content(NAME, locale, "", WORDS[locale]["greeting"].format(name=first), "", "")
    return Wish(NAME, content, viewer_id)


def plain(parts: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """Return the ids of a video's segments without the personal ones."""
    return tuple(each["id"] for each in parts if each["role"] not in personal.KINDS)


def _before_last(board: Storyboard, row: AnyRow, reason: str) -> Storyboard:
    """Put a card between the offer and the call to action, where both are and it fits."""
    roles = [part.segment.role for part in board.parts]
    if "offer" not in roles or roles[-1] != "cta":
        return board
    return _with(board, row, len(roles) - 1, reason)


def _first(board: Storyboard, row: AnyRow) -> Storyboard:
    return _with(board, row, 0, "by-name")


def _with(board: Storyboard, row: AnyRow, at: int, reason: str) -> Storyboard:
    beside = board.parts[min(at, len(board.parts) - 1)].segment
    # Drawn by another encoder than the library's it could not stand there; it is left out until both are equal.
    if row.init_digest != beside.init_digest or board.duration_ms + row.duration_ms > LONGEST_VIDEO_MS:
        return board
    part = Part(_as_candidate(row, beside), reason, 1.0)
    return replace(board, parts=(*board.parts[:at], part, *board.parts[at:]))


def _as_candidate(row: AnyRow, beside: SegmentCandidate) -> SegmentCandidate:
    return replace(
        beside,
        id=row.id,
        clip_id=row.id,
        product_id=row.product_id,
        role=row.kind,
        units=row.units,
        duration_ms=row.duration_ms,
        digest=row.digest,
        media_key=media_key(row.digest),
        poster_key=poster_key(row.digest),
        language=None,
        tags=(),
    )

"""Finding segments in a merchant's library: words, filters, states, pages, and which tags there are."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, String, and_, cast, func, or_, select

from shop.catalog import products
from storage.database import Tx
from storage.errors import UserError
from video_assembly.candidates import usable
from video_assembly.captions import captioned
from video_assembly.clips import clips
from video_assembly.library import SHOWN, Segment, segment_of, segments
from video_assembly.speech import SPEECH_FROM

NONE = "none"
STATES = ("usable", "unsorted", "uncaptioned", "unheard", "expiring", "expired", "archived")
EXPIRING = timedelta(days=30)
# From here on the sound of a segment resembles speech.
SPEECH_LIKELY = SPEECH_FROM
MOST_WORDS = 8
LONGEST_QUERY = 200
MOST_TAGS = 300


@dataclass(frozen=True)
class Filters:
    """What is looked for; an empty string is no filter, `none` asks for what is not set.

    `state`: `usable` in videos now, `unsorted` without role or product, `uncaptioned` speech, `unheard` where nobody
    has said whether there is speech, `expiring` within 30 days, `expired`, `archived`; without one, all that is not
    archived.
    """

    q: str = ""
    clip: str = ""
    product: str = ""
    role: str = ""
    tag: str = ""
    language: str = ""
    season: str = ""
    state: str = ""


@dataclass(frozen=True)
class Found:
    """A page of segments, how many there are in all, and the cursor of the next page."""

    items: tuple[Segment, ...]
    total: int
    next: str | None


def find(tx: Tx, merchant_id: str, wanted: Filters, now: datetime, *, limit: int, after: str | None = None) -> Found:
    """Return a merchant's segments, those of the newest clip first, each clip's in their order.

    Raises UserError for a state that does not exist or a cursor of somewhere else.
    """
    fits = [segments.c.merchant_id == merchant_id, segments.c.replaced_at.is_(None), *_conditions(wanted, now)]
    joined = segments.join(clips, clips.c.id == segments.c.clip_id).join(
        products, products.c.id == segments.c.product_id, isouter=True
    )
    total = tx.scalar(select(func.count()).select_from(joined).where(*fits))
    if after is not None:
        clip_id, position = _cursor(after)
        own = and_(segments.c.clip_id == clip_id, segments.c.position > position)
        fits.append(or_(segments.c.clip_id < clip_id, own))
    order = (segments.c.clip_id.desc(), segments.c.position)
    rows = tx.all(select(*SHOWN).select_from(joined).where(*fits).order_by(*order).limit(limit + 1))
    items = tuple(segment_of(row) for row in rows[:limit])
    more = f"{items[-1].clip_id}.{items[-1].position}" if len(rows) > limit else None
    return Found(items, int(total), more)


def of_clip(tx: Tx, merchant_id: str, clip_id: str) -> list[Segment]:
    """Return the segments of one of the merchant's clips that are not archived, in their order."""
    query = select(*SHOWN).where(
        segments.c.merchant_id == merchant_id,
        segments.c.clip_id == clip_id,
        segments.c.replaced_at.is_(None),
        segments.c.archived_at.is_(None),
    )
    return [segment_of(row) for row in tx.all(query.order_by(segments.c.position))]


def tags(tx: Tx, merchant_id: str) -> list[str]:
    """Return the tags of a merchant's segments, the most used ones first where there are too many, else by name."""
    shown = (segments.c.archived_at.is_(None), segments.c.replaced_at.is_(None))
    rows = tx.all(select(segments.c.tags).where(segments.c.merchant_id == merchant_id, *shown))
    counted = Counter(tag for row in rows for tag in row.tags)
    return sorted(tag for tag, _ in counted.most_common(MOST_TAGS))


def languages(tx: Tx, merchant_id: str) -> list[str]:
    """Return the languages of a merchant's segments."""
    query = select(segments.c.language).where(segments.c.merchant_id == merchant_id, segments.c.language.is_not(None))
    return sorted(tx.execute(query.distinct()).scalars())


def uncaptioned() -> ColumnElement[bool]:
    """Return the condition that there is speech and no captions, whether or not the merchant wants it so."""
    return and_(segments.c.speech.is_(True), ~captioned(segments.c.id))


def unheard() -> ColumnElement[bool]:
    """Return the condition that the sound resembles speech and nobody has said whether it is."""
    return and_(segments.c.speech.is_(None), segments.c.speech_hint >= SPEECH_LIKELY)


def expiring(now: datetime) -> ColumnElement[bool]:
    """Return the condition that rights or validity end within 30 days."""
    return or_(*[column.between(now, now + EXPIRING) for column in (segments.c.rights_until, segments.c.valid_until)])


def _conditions(wanted: Filters, now: datetime) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        segments.c.archived_at.is_not(None) if wanted.state == "archived" else segments.c.archived_at.is_(None)
    ]
    for column, value in (
        (segments.c.clip_id, wanted.clip),
        (segments.c.product_id, wanted.product),
        (segments.c.role, wanted.role),
        (segments.c.language, wanted.language),
        (segments.c.season, wanted.season),
    ):
        if value == NONE:
            found.append(column.is_(None))
        elif value:
            found.append(column == value)
    if wanted.tag:
        # Tags are kept as JSON: a quoted string in it is one whole tag.
        found.append(cast(segments.c.tags, String).contains(json.dumps(wanted.tag), autoescape=True))
    found += [_has(word) for word in wanted.q[:LONGEST_QUERY].split()[:MOST_WORDS]]
    return [*found, *_of_state(wanted.state, now)]


def _of_state(state: str, now: datetime) -> Sequence[ColumnElement[bool]]:
    if state in ("", "archived"):
        return []
    if state == "usable":
        return [usable(now)]
    if state == "unsorted":
        about = or_(segments.c.product_id.is_not(None), segments.c.category.is_not(None))
        return [or_(segments.c.role.is_(None), ~about)]
    if state == "uncaptioned":
        return [uncaptioned()]
    if state == "unheard":
        return [segments.c.speech.is_(None), segments.c.has_sound.is_(True)]
    if state == "expiring":
        return [expiring(now)]
    if state == "expired":
        return [or_(segments.c.rights_until <= now, segments.c.valid_until <= now)]
    raise UserError("state-unknown", "Choose one of these states: {states}.", field="state", states=", ".join(STATES))


def _has(word: str) -> ColumnElement[bool]:
    columns = (clips.c.filename, clips.c.title, products.c.title_de, products.c.title_en, products.c.brand)
    in_json = json.dumps(word)[1:-1]
    return or_(
        *[column.icontains(word, autoescape=True) for column in columns],
        cast(segments.c.tags, String).icontains(in_json, autoescape=True),
    )


def _cursor(after: str) -> tuple[str, int]:
    clip_id, _, position = after.rpartition(".")
    if not clip_id or len(position) > 6 or not (position.isascii() and position.isdigit()):
        raise UserError("cursor", "This is not a place in this list.", field="cursor")
    return clip_id, int(position)

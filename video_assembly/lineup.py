"""Which product and which storyboard come at each place of a viewer's feed: ranking and planning, put together."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import bindparam, select

from personalization import assortment, crowd, hypotheses, interleaving, log
from personalization.assortment import Assortment
from personalization.profile import milliseconds
from personalization.ranking import Choice, Columns, Flags, Ranker
from personalization.state import State
from shop.catalog import ProductFacts
from shop.sellable import sellable
from storage.database import Instant, Tx
from storage.kept import DATABASES, Kept
from storage.prepared import Prepared
from video_assembly import shelves, storyboard
from video_assembly.lots import Subject
from video_assembly.recipes import by_id
from video_assembly.shelf import Shelf
from video_assembly.slots import Slot
from video_assembly.storyboard import Rules, Storyboard
from video_assembly.templates import BRAND_WINDOW
from video_assembly.whole import whole_clip

# What was watched tires, and the less the longer ago it was.
TIRES_HALF_LIFE = timedelta(days=3)
# After four half-lives a showing counts for a sixteenth; nobody watches more in these days than this.
TIRES_FOR = 4 * TIRES_HALF_LIFE
MOST_WATCHED = 200
# Storyboards that are found ahead at once: more would hold up the requests beside.
MOST_PREPARED = 20
# And of so many products: some 40 KB each.
MOST_AHEAD = 10_000

# How far the storyboards of which products on which shelf were found ahead, by database and language.
_ahead: Kept[tuple[str, str], tuple[Shelf, tuple[str, ...], int]] = Kept(4 * DATABASES)


def planned(
    tx: Tx,
    viewer_id: str,
    current: State,
    places: Sequence[int],
    now: datetime,
    seed: str,
    held: Sequence[Slot],
    whole: bool = False,
) -> list[tuple[Choice, Storyboard]]:
    """Return a product and a storyboard for each of the places, fewer only when nothing is eligible.

    With `whole` a storyboard is one clip, wherever there is one that will do.
    """
    shelf = shelves.current(tx, now)
    rules = Rules(language=current.locale)
    placed = {slot.place: slot.recipe.product_id for slot in held}
    on_sale = assortment.current(tx, now)
    choices, ranker = _chosen(tx, current, on_sale, shelf, rules, places, now, seed, placed)
    chosen = {each.product_id for each in choices}
    if sellable(tx, chosen) != chosen:
        # What is in memory is older than the last edit.
        assortment.forget(tx)
        on_sale = assortment.current(tx, now)
        choices, ranker = _chosen(tx, current, on_sale, shelf, rules, places, now, seed, placed)
    if current.profiled:
        choices = hypotheses.with_guesses(
            tx, viewer_id, current.profile, choices, ranker, now, seed, placed, current.beside
        )
    # A hook of another product must be of one that this viewer could be offered too.
    lend = _everything(on_sale).names(current.profile)
    tastes = _tastes(current, now)
    used: defaultdict[str, float] = defaultdict(float)
    told: defaultdict[tuple[str, ...], float] = defaultdict(float)
    for segment_ids, times in _lately(tx, viewer_id, current, held, now):
        told[segment_ids] += times
        for each in segment_ids:
            used[each] += times
    found = []
    for choice in choices:
        dice = f"{seed}:{choice.place}:plan"
        subject = _subject(on_sale.facts[choice.product_id])
        board = whole_clip(shelf, subject, rules.language) if whole else None
        if board is None:
            board = storyboard.plan(shelf, subject, rules, dice, used=used, told=told, lend=lend, tastes=tastes)
        assert board is not None, "only products that a video can be made of are ranked"
        told[board.segment_ids] += 1
        for each in board.segment_ids:
            used[each] += 1
        found.append((choice, board))
    return found


def prepare(tx: Tx, languages: Iterable[str], now: datetime) -> None:
    """Find out beside requests what can be told in these languages; only what changed since then is left to them.

    The storyboards that everybody gets of some products more are found, too.
    """
    shelf, on_sale = shelves.current(tx, now), assortment.refresh(tx, now)
    crowd.refresh(tx, now)
    _everything(on_sale)
    left = MOST_PREPARED
    for language in languages:
        ids = _tellable(on_sale, shelf, Rules(language=language)).ids
        done = _ahead.find((tx.database, language))
        number = done[2] if done is not None and done[0] is shelf and done[1] is ids else 0
        while left and number < min(len(ids), MOST_AHEAD):
            left -= storyboard.prepare(shelf, _subject(on_sale.facts[ids[number]]), language)
            number += 1
        _ahead.keep((tx.database, language), (shelf, ids, number))


def _subject(each: ProductFacts) -> Subject:
    return Subject(each.id, each.merchant_id, each.category)


def _everything(on_sale: Assortment) -> Columns:
    """Return what is in stock."""
    return on_sale.columns("all", lambda each: True)


def _tellable(on_sale: Assortment, shelf: Shelf, rules: Rules) -> Columns:
    """Return what is in stock and can be told in the viewer's language."""
    return on_sale.columns((shelf, rules.language), lambda each: shelf.tellable(_subject(each), rules.language))


Brand = tuple[str, str]


def _cap(shelf: Shelf, product: ProductFacts) -> int | None:
    """Return how many of ten places the brand of a product may have by the product's template."""
    return shelf.template(_subject(product)).brand_cap


def _within_caps(shelf: Shelf, on_sale: Assortment, columns: Columns, before: Iterable[str]) -> Flags | None:
    """Return whose brand may have one place more after these products; None where that is all."""
    times: Counter[Brand] = Counter()
    for product_id in before:
        product = on_sale.facts.get(product_id)
        if product is not None and _cap(shelf, product) is not None:
            times[product.merchant_id, product.brand] += 1
    only = None
    for (merchant_id, brand), count in times.items():
        for place in columns.groups.get(("brand", brand), ()):
            product = on_sale.facts[columns.ids[place]]
            cap = _cap(shelf, product)
            if product.merchant_id == merchant_id and cap is not None and count >= cap:
                only = np.ones(len(columns), dtype=bool) if only is None else only
                only[place] = False
    return only


def _chosen(
    tx: Tx,
    current: State,
    on_sale: Assortment,
    shelf: Shelf,
    rules: Rules,
    places: Sequence[int],
    now: datetime,
    seed: str,
    placed: Mapping[int, str],
) -> tuple[list[Choice], Ranker]:
    """Return a choice for each place, and the ranking by the viewer's own profile that guesses are chosen with."""
    columns = _tellable(on_sale, shelf, rules)
    visit = crowd.visit(current.profile, now)
    # What others went on to is read only where there is a visit to compare.
    along = crowd.current(tx, now).scores(visit, milliseconds(now)) if visit else {}
    paid = on_sale.boosts if current.promoted else {}
    own, share = Ranker(current.profile, columns, now, along, paid), current.exploration
    if not shelf.caps and not current.sides:
        return own.rank(places, seed, exploration=share, placed=placed), own
    rankers = [Ranker(each.profile, columns, now, along if each.personal else {}, paid) for each in current.sides]
    # What is allowed at a place depends on those before it; the logged chance is that among what was allowed.
    held, choices = dict(placed), []
    for place in places:
        ranker, side = own, ""
        if rankers:
            turn = interleaving.turn(seed, place)
            ranker, side, share = rankers[turn], current.sides[turn].name, current.sides[turn].exploration
        before = [held[each] for each in range(place - BRAND_WINDOW + 1, place) if each in held]
        only = _within_caps(shelf, on_sale, columns, before) if shelf.caps else None
        made = ranker.rank([place], seed, exploration=share, placed=held, only=only)
        # A shop of one brand repeats it rather than showing nothing.
        made = made or ranker.rank([place], seed, exploration=share, placed=held)
        choices += [replace(each, drawn=each.drawn and replace(each.drawn, side=side)) for each in made]
        held.update({choice.place: choice.product_id for choice in made})
    return choices, own


def _tastes(current: State, now: datetime) -> dict[str, float]:
    """Return what the viewer thinks of tags, from -1 to 1."""
    at = int(now.timestamp() * 1000)
    found = {}
    for (kind, value), taste in current.profile.tastes.items():
        if kind == "tag":
            weight = sum(taste.at_time(at))
            found[value] = weight / (1 + abs(weight))
    return found


def _lately(
    tx: Tx, viewer_id: str, current: State, held: Sequence[Slot], now: datetime
) -> list[tuple[tuple[str, ...], float]]:
    """Return the segments of each video that the viewer had, and how much of a showing is left of it.

    Those of the feed so far count once; those that a profiled viewer watched are halved every three days.
    """
    watched: dict[str, float] = {}
    told: dict[str, tuple[str, ...]] = {}
    if current.profiled:
        started, told = _started(tx, viewer_id, current, now)
        for video_id, at in started:
            if at > now - TIRES_FOR:
                age = max(timedelta(0), now - at)
                watched[video_id] = watched.get(video_id, 0.0) + 2.0 ** -(age / TIRES_HALF_LIFE)
    shown = {slot.recipe.id: slot.recipe.told for slot in held}
    return [
        (segment_ids, max(watched.get(recipe_id, 0.0), 1.0 * (recipe_id in shown)))
        for recipe_id, segment_ids in {**told, **shown}.items()
        if recipe_id in watched or recipe_id in shown
    ]


def _started(
    tx: Tx, viewer_id: str, current: State, now: datetime
) -> tuple[list[tuple[str, datetime]], dict[str, tuple[str, ...]]]:
    """Return which videos the viewer started when, and the segments of each; from memory until there is another."""
    found: tuple[list[tuple[str, datetime]], dict[str, tuple[str, ...]]] | None = current.beside.get("started")
    if found is None:
        rows = _STARTED.all(tx, viewer=viewer_id, since=now - TIRES_FOR)
        recipes = by_id(tx, {row.video_id for row in rows})
        found = [(row.video_id, row.at) for row in rows], {each.id: each.told for each in recipes.values()}
        current.beside["started"] = found
    return found


# Made once: composing a statement takes longer than running it.
_STARTED = Prepared(
    select(log.events.c.video_id, log.events.c.at)
    .where(log.events.c.viewer_id == bindparam("viewer"), log.events.c.name == log.STARTED, log.events.c.personalise)
    .where(log.events.c.video_id.is_not(None), log.events.c.at > bindparam("since", type_=Instant()))
    .order_by(log.events.c.seq.desc())
    .limit(MOST_WATCHED)
)

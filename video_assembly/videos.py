"""The videos of each viewer: put together ahead of need by a worker, or when asked by web, by the same functions.

Two feeds without a reaction between them are equal, because a filled place stays (`slots`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import func, select

from personalization import memory, state
from personalization.ranking import Choice
from personalization.state import State
from shop import boosts, catalog
from shop.sellable import sellable
from shop.stock import stock, stock_moves
from storage import costs
from storage.database import EPOCH, Tx
from storage.errors import NotFound, UserError
from video_assembly import candidates, inserts, lineup, personal, renditions, shelves, slots
from video_assembly.recipes import Recipe, by_id, store, subjects, without
from video_assembly.renditions import Source
from video_assembly.slots import Slot
from video_assembly.storyboard import Storyboard
from video_assembly.vetoes import vetoed

__all__ = [
    "FeedPage",
    "FeedSegment",
    "FeedVideo",
    "Playable",
    "assemble",
    "assembly_counts",
    "erase",
    "export",
    "feed",
    "forget_profile",
    "give_up",
    "ready",
    "shareable",
    "subjects",
    "video",
]

PLACES_AHEAD = 10
MOST_PLACES = 50
# Digits of a place in a cursor; a hundred thousand videos are more than a life of scrolling.
LONGEST_PLACE = 5
# Places before a page that its videos should differ from.
LOOK_BACK = 20
# After this a place is filled anew, so that new clips reach viewers who do not react.
FRESH_FOR = timedelta(hours=12)
# A video whose product sold out still plays for those who have it open.
SOLD_OUT_GRACE = timedelta(hours=1)
# To plan with a shelf that is as old as the database says; the last one is with one that was read anew.
MOST_ATTEMPTS = 3
ASSEMBLED_BY = ("worker", "web")

assembly_counts = slots.counts
export = slots.export
erase = slots.erase
forget_profile = slots.forget_profile
give_up = slots.give_up
# The part of a score that is paid for.
BOOSTED = "boost"


class FeedSegment(NamedTuple):
    """A segment of a video in a feed; `start_ms` is its place in the video, `reason` a code of storyboard.Part.

    A page has fifty of them, and named tuples are made the fastest.
    """

    id: str
    clip_id: str
    product_id: str | None
    role: str
    start_ms: int
    duration_ms: int
    poster_key: str
    reason: str
    propensity: float


@dataclass(frozen=True)
class FeedVideo:
    """A video at its place; `reasons` are codes with the events they name, `parts` sum to `score`."""

    place: int
    id: str
    product_id: str
    merchant_id: str
    duration_ms: int
    kind: str
    score: float
    parts: Mapping[str, float]
    propensity: float
    reasons: tuple[Mapping[str, Any], ...]
    segments: tuple[FeedSegment, ...]

    @property
    def promoted(self) -> bool:
        """Whether a shop pays for it to come up more often."""
        return BOOSTED in self.parts

    @property
    def poster_key(self) -> str:
        """The media key of the picture to be shown before the video plays."""
        return self.segments[0].poster_key


@dataclass(frozen=True)
class FeedPage:
    """Some places of a viewer's feed in their order; `cursor` asks for those after, None when nothing can be shown."""

    version: int
    profiled: bool
    videos: tuple[FeedVideo, ...]
    cursor: str | None


@dataclass(frozen=True)
class Playable:
    """A video that may be played now: its recipe and what stitching needs, in order."""

    recipe: Recipe
    sold_out: bool
    sources: tuple[Source, ...]


def assemble(tx: Tx, viewer_id: str, *, places: int = PLACES_AHEAD, now: datetime, by: str = "worker") -> int:
    """Fill the first places of the viewer's current feed and return how many were missing; running it again adds none.

    A viewer who was erased in the meantime needs none.
    `by` is who does it, `worker` ahead of need or `web` in a request, for `assembly_counts`.
    """
    assert by in ASSEMBLED_BY, f"{by!r} does not assemble"
    if not memory.hold(tx, viewer_id):
        return 0
    current = state.current(tx, viewer_id, now)
    _, made = _filled(tx, viewer_id, current, range(1, places + 1), now, by)
    if made and by == "worker":
        tx.tell(memory.topic(viewer_id), {"type": "feed-changed", "version": current.version, "ready": True})
    return made


def ready(tx: Tx, viewer_id: str, *, limit: int, now: datetime, after: str | None = None) -> FeedPage | None:
    """Return a page of the feed if all its places are filled and can be shown, else None; only reads."""
    version = state.version(tx, viewer_id, now)
    first = _first(after, version)
    held = slots.read(tx, viewer_id, version, first, first + _bounded(limit) - 1)
    if len(held) < _bounded(limit) or _unusable(tx, held, now):
        return None
    return _page(version, held)


def feed(
    tx: Tx,
    viewer_id: str,
    *,
    limit: int,
    now: datetime,
    after: str | None = None,
    seed: str | None = None,
) -> FeedPage:
    """Return a page of the feed, filling the places that are missing or can no longer be shown; writes.

    It is shorter than `limit` only when nothing that the viewer allows is in stock. `after` is the cursor of the page
    before; of an older version it starts anew. With a `seed` (operators, previews) the page is made from that seed
    and kept for nobody.
    """
    memory.hold(tx, viewer_id)
    current = state.current(tx, viewer_id, now)
    if seed is not None:
        return _page(current.version, _made(tx, viewer_id, current, range(1, _bounded(limit) + 1), now, seed, []))
    first = _first(after, current.version)
    held, _ = _filled(tx, viewer_id, current, range(first, first + _bounded(limit)), now, "web")
    return _page(current.version, held)


def video(tx: Tx, video_id: str, now: datetime, *, viewer_id: str | None, sources: bool = True) -> Playable:
    """Return a video that this viewer's feed has or had; with None the caller has checked a share link or a role.

    Without `sources` those are left out, for who has stitched it before.

    Raises NotFound for a video of others, and 410 `video-gone` an hour after its product sold out, or at once when
    the product is no longer published.
    """
    recipe = by_id(tx, [video_id]).get(video_id)
    if recipe is None or (viewer_id is not None and not slots.holds(tx, viewer_id, video_id)):
        raise NotFound("video-unknown", "There is no such video.")
    since = _sold_out_since(tx, recipe.product_id)
    if since is not None and since < now - SOLD_OUT_GRACE:
        raise UserError("video-gone", "What this video shows is no longer for sale.", status=410)
    found = renditions.sources(tx, [each.id for each in recipe.ingredients]) if sources else []
    return Playable(recipe, since is not None, tuple(found))


def shareable(tx: Tx, recipe: Recipe, now: datetime) -> Recipe:
    """Return the video to give to others: the same without what was made for its viewer."""
    mine = personal.ids_of_viewers(tx, [each.id for each in recipe.ingredients])
    return without(tx, recipe, mine, now) if mine else recipe


def _bounded(limit: int) -> int:
    return max(1, min(limit, MOST_PLACES))


def _first(after: str | None, version: int) -> int:
    """Return the place after a cursor `version.place`; the first one when it is none of this version."""
    of_version, _, place = (after or "").rpartition(".")
    known = of_version == str(version) and len(place) <= LONGEST_PLACE and place.isascii() and place.isdigit()
    return int(place) + 1 if known else 1


def _filled(tx: Tx, viewer_id: str, current: State, places: range, now: datetime, by: str) -> tuple[list[Slot], int]:
    """Return these places of the current feed, in order, and how many of them had to be filled."""
    # Those before are read too: what they hold is not to come again at once.
    held = slots.read(tx, viewer_id, current.version, places.start - LOOK_BACK, places.stop - 1)
    asked = [slot for slot in held if slot.place in places]
    gone = _unusable(tx, asked, now)
    slots.clear(tx, viewer_id, current.version, gone, now)
    held = [slot for slot in held if slot not in gone]
    taken = {slot.place for slot in held}
    missing = [place for place in places if place not in taken]
    if not missing:
        return [slot for slot in held if slot.place in places], 0
    made = _made(tx, viewer_id, current, missing, now, current.seed, held, by)
    slots.write(tx, viewer_id, current.version, made, by)
    slots.prune(tx, viewer_id, current.version, now)
    return sorted((slot for slot in [*held, *made] if slot.place in places), key=lambda slot: slot.place), len(made)


def _made(
    tx: Tx,
    viewer_id: str,
    current: State,
    places: Sequence[int],
    now: datetime,
    seed: str,
    held: Sequence[Slot],
    by: str = "web",
) -> list[Slot]:
    """Choose a product and a storyboard for each place; the recipes are written, the slots are not."""
    level = costs.level(tx, now)
    whole = level == costs.WHOLE
    planned = lineup.planned(tx, viewer_id, current, places, now, seed, held, whole)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        stale = _stale(tx, planned, now)
        if not stale:
            break
        # Something changed that the shelf in memory is not told of.
        if attempt < MOST_ATTEMPTS:
            shelves.mend(tx, now, stale)
        else:
            shelves.forget(tx)
        planned = lineup.planned(tx, viewer_id, current, places, now, seed, held, whole)
    if by == "worker" and level == costs.PERSONAL:
        boards = inserts.added(tx, viewer_id, [(choice.place, board) for choice, board in planned], now)
        planned = [(choice, board) for (choice, _), board in zip(planned, boards, strict=True)]
    stored = store(tx, [board for _, board in planned], now)
    return [_slot(choice, board, recipe, seed, now) for (choice, board), recipe in zip(planned, stored, strict=True)]


def _slot(choice: Choice, board: Storyboard, recipe: Recipe, seed: str, now: datetime) -> Slot:
    return Slot(
        choice.place,
        recipe,
        choice.kind,
        choice.score,
        choice.propensity,
        choice.parts,
        [_with_amount(reason.to_json(), choice.amounts) for reason in choice.reasons],
        [(part.reason, part.propensity) for part in board.parts],
        seed,
        now,
        None if choice.drawn is None else asdict(choice.drawn),
    )


def _with_amount(reason: dict[str, Any], amounts: Mapping[str, float]) -> dict[str, Any]:
    """Add what the score would lose without the event that a reason names."""
    found = amounts.get(reason.get("event_id", ""))
    return reason if found is None else {**reason, "amount": found}


def _unusable(tx: Tx, held: Sequence[Slot], now: datetime) -> list[Slot]:
    """Return the slots whose video is old, vetoed, not paid for any more, sold out, or of segments not to be used."""
    if not held:
        return []
    ingredients = [each for slot in held for each in slot.recipe.ingredients]
    shown = {each.product_id for each in ingredients if each.product_id} | {slot.recipe.product_id for slot in held}
    for_sale = sellable(tx, shown)
    used = {each.id for each in ingredients}
    roles = candidates.roles(tx, now, used)
    roles |= personal.holding(tx, used - roles.keys(), now)
    paid = boosts.running(tx, now) if any(BOOSTED in slot.parts for slot in held) else {}
    unwanted = {ids for each in vetoed(tx, shown).values() for ids in each}
    return [
        slot
        for slot in held
        if slot.created_at < now - FRESH_FOR
        or slot.recipe.product_id not in for_sale
        or slot.recipe.told in unwanted
        or (BOOSTED in slot.parts and slot.recipe.product_id not in paid)
        or any(
            (each.product_id is not None and each.product_id not in for_sale)
            or roles.get(each.id) != (each.role, each.product_id)
            for each in slot.recipe.ingredients
        )
    ]


def _stale(tx: Tx, planned: Sequence[tuple[Choice, Storyboard]], now: datetime) -> set[str]:
    """Return the segments that are not, or not any more, as they were planned with."""
    parts = {part.segment.id: part.segment for _, board in planned for part in board.parts}
    there = {each.id: each for each in candidates.candidates(tx, now, among=parts.keys())}
    return {name for name, each in parts.items() if there.get(name) != each}


def _sold_out_since(tx: Tx, product_id: str) -> datetime | None:
    """Return since when nothing is left of a product, None while there is; the beginning of time when unpublished."""
    if sellable(tx, [product_id]):
        return None
    query = (
        select(func.max(stock_moves.c.at))
        .join_from(stock_moves, stock, stock.c.variant_id == stock_moves.c.variant_id)
        .join(catalog.products, catalog.products.c.id == stock.c.product_id)
        .where(stock.c.product_id == product_id, catalog.products.c.published)
    )
    last: datetime | None = tx.scalar(query)
    return last or EPOCH


def _page(version: int, held: Sequence[Slot]) -> FeedPage:
    cursor = f"{version}.{held[-1].place}" if held else None
    return FeedPage(version, version >= 0, tuple(map(_shown, held)), cursor)


def _shown(slot: Slot) -> FeedVideo:
    recipe, start, shown = slot.recipe, 0, []
    for each, (reason, propensity) in zip(recipe.ingredients, slot.segments, strict=True):
        shown.append(
            FeedSegment(
                each.id,
                each.clip_id,
                each.product_id,
                each.role,
                start,
                each.duration_ms,
                each.poster_key,
                reason,
                propensity,
            )
        )
        start += each.duration_ms
    return FeedVideo(
        slot.place,
        recipe.id,
        recipe.product_id,
        recipe.merchant_id,
        recipe.duration_ms,
        slot.kind,
        slot.score,
        slot.parts,
        slot.propensity,
        tuple(slot.reasons),
        tuple(shown),
    )

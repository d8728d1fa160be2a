"""The interest profile: a pure function of a viewer's event log.

Every weight is a sum of what events were worth, each halved once a half-life, so absorbing an event late, early or in
a rebuild gives the same sum. Nothing here knows a database or a clock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from personalization.log import STARTED, Event
from storage.database import EPOCH, MILLISECOND

DAY = 86_400_000
# Long-term taste: 90 days did best in next-basket replays. A session's mood is gone after a few of these half-hours.
LONG_HALF_LIFE = 90 * DAY
SHORT_HALF_LIFE = 30 * 60_000
# A video that was just shown tires for some days.
SEEN_HALF_LIFE = 3 * DAY

WEIGHTS: Mapping[str, float] = {
    "Order Completed": 3.0,
    "Product Added": 1.0,
    "Product Removed": -0.5,
    "Product Clicked": 0.6,
    "Product Viewed": 0.3,
    "Product Shared": 0.5,
    "Video Liked": 0.5,
    "Video Unliked": -0.5,
    "Video Content Completed": 0.5,
    "Video Skipped": -0.4,
    "Not Interested": -2.0,
    "Interested": 2.0,
    "Products Searched": 0.4,
    "Question Asked": 0.4,
    "Product Dwelled": 0.2,
    "Video Rewatched": 0.5,
}
# What a viewer says of an interest on the page of their profile; it weighs what they say.
STATED = "Interest Stated"
# These change the next feed at once; the others are only remembered until one of these comes.
REACTIONS = frozenset(WEIGHTS) | {STATED}
# A skip below this says no; later it says little, because a part was watched.
SKIP_MS = 2_000
LATE_SKIP = -0.1
# "Video Content Playing" comes several times a video, so each one is small.
WATCHED_MS = 10_000
WATCHED = 0.05
# From the least to the most watched of all viewings of videos about as long. Completions and skips count besides.
WATCHED_SPAN = 1.2

# Kept beside the events that they take back, so that nobody is told "because you liked" of what they no longer like.
UNDOES: Mapping[str, str] = {"Video Unliked": "Video Liked", "Product Removed": "Product Added"}

SCOPES: Mapping[str, str] = {
    "item": "product",
    "brand": "brand",
    "category": "category",
    "merchant": "merchant",
    "host": "host",
    "value": "value",
}
STRONGEST_KEPT = 3
NEWEST_KEPT = 3

BOUGHT = "Order Completed"

Key = tuple[str, str]


# A profile has hundreds of these, and named tuples are made the fastest.
class Evidence(NamedTuple):
    """An event that speaks for a taste, or takes one back: `at` in ms since 1970, `weight` as it was on that day.

    Brand, category and merchant are those of the event's product.
    """

    event_id: str
    name: str
    product_id: str | None
    at: int
    weight: float
    brand: str | None = None
    category: str | None = None
    merchant_id: str | None = None


class Taste(NamedTuple):
    """How much a viewer cares for one product, brand, category or merchant, as of `at` (ms since 1970)."""

    long: float = 0.0
    short: float = 0.0
    at: int = 0
    evidence: tuple[Evidence, ...] = ()

    def at_time(self, now: int) -> tuple[float, float]:
        """Return long-term and session weight at `now` (ms since 1970)."""
        return self.long * _decay(now - self.at, LONG_HALF_LIFE), self.short * _decay(now - self.at, SHORT_HALF_LIFE)

    @property
    def bought(self) -> int | None:
        """When the last order among the evidence was (ms since 1970), None without one."""
        # An order weighs the most of all events, so the last ones are always among the evidence.
        last = None
        for each in self.evidence:
            if each.name == BOUGHT and (last is None or each.at > last):
                last = each.at
        return last


class Block(NamedTuple):
    """The viewer's last word on never seeing something again."""

    blocked: bool
    at: int
    event_id: str


class Seen(NamedTuple):
    """How often videos about a product were started, decayed to `at` (ms since 1970)."""

    times: float
    at: int

    def at_time(self, now: int) -> float:
        """Return the decayed number at `now` (ms since 1970)."""
        return self.times * _decay(now - self.at, SEEN_HALF_LIFE)


@dataclass(frozen=True)
class Profile:
    """Tastes and blocks by (kind, value), kinds being product, brand, category and merchant; what was seen by product.

    `last` is when which product's video was started last.
    """

    tastes: Mapping[Key, Taste] = field(default_factory=dict)
    blocks: Mapping[Key, Block] = field(default_factory=dict)
    seen: Mapping[str, Seen] = field(default_factory=dict)
    last: tuple[int, str] | None = None

    def blocks_any(
        self, product_id: str | None, brand: str | None, category: str | None, merchant_id: str | None
    ) -> bool:
        """Tell whether the viewer asked for nothing of this product, brand, category or merchant."""
        keys = (("product", product_id), ("brand", brand), ("category", category), ("merchant", merchant_id))
        return any(
            (found := self.blocks.get((kind, value))) is not None and found.blocked for kind, value in keys if value
        )

    def bought(self, product_id: str) -> int | None:
        """Return when the viewer last ordered this product (ms since 1970), None if never or long forgotten."""
        taste = self.tastes.get(("product", product_id))
        return None if taste is None else taste.bought


NOTHING = Profile()


def milliseconds(instant: datetime) -> int:
    """Return an instant as milliseconds since 1970."""
    return (instant - EPOCH) // MILLISECOND


def worth(event: Event) -> float:
    """Return what an event says about its product, from -2 to 3; of what was stated, just that."""
    if event.name == STATED:
        return event.amount or 0.0
    if event.name == "Video Skipped" and (event.watched_ms or 0) >= SKIP_MS:
        return LATE_SKIP
    if event.quantile is not None:
        return WATCHED_SPAN * (event.quantile - 0.5)
    if event.name == "Video Content Playing":
        return WATCHED if (event.watched_ms or 0) >= WATCHED_MS else 0.0
    return WEIGHTS.get(event.name, 0.0)


def rebuild(events: Iterable[Event]) -> Profile:
    """Compute the profile from the whole log."""
    return absorb(NOTHING, events)


def absorb(profile: Profile, events: Iterable[Event]) -> Profile:
    """Return the profile with these events in it; their order makes no difference beyond rounding."""
    tastes, blocks, seen, last = dict(profile.tastes), dict(profile.blocks), dict(profile.seen), profile.last
    for event in events:
        at = milliseconds(event.at)
        if event.name == STARTED and event.product_id is not None:
            seen[event.product_id] = _see(seen.get(event.product_id), at)
            last = max(last, (at, event.product_id)) if last else (at, event.product_id)
        if event.scope is not None:
            key = _scoped(event)
            if key is not None:
                word = Block(event.name == "Not Interested", at, event.id)
                blocks[key] = max(blocks.get(key, word), word, key=lambda block: (block.at, block.event_id))
        weight = worth(event)
        if weight:
            for key in _about(event):
                tastes[key] = _lean(tastes.get(key), event, weight, at)
    return Profile(tastes, blocks, seen, last)


def against(events: Iterable[Event]) -> dict[Key, list[Evidence]]:
    """Return by taste the events that speak against it, the strongest first: a profile keeps none of them."""
    found: dict[Key, list[Evidence]] = {}
    for event in events:
        weight = worth(event)
        for key in _about(event) if weight < 0 else ():
            about = event.brand, event.category, event.merchant_id
            evidence = Evidence(event.id, event.name, event.product_id, milliseconds(event.at), weight, *about)
            found.setdefault(key, []).append(evidence)
    return {key: sorted(said, key=lambda each: (each.weight, -each.at)) for key, said in found.items()}


class Testimony:
    """Where each event stands among the evidence of a profile, looked through once for many questions."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._found: dict[str, list[tuple[Key, Evidence]]] = {}
        # The places of a feed name the same few events.
        self._known: dict[str, dict[Key, Taste]] = {}
        for key, taste in profile.tastes.items():
            for each in taste.evidence:
                self._found.setdefault(each.event_id, []).append((key, each))

    def without(self, event_id: str) -> dict[Key, Taste]:
        """Return the tastes that would be others if this event had never been, as they would be."""
        known = self._known.get(event_id)
        if known is None:
            known = self._known[event_id] = self._without(event_id)
        return known

    def _without(self, event_id: str) -> dict[Key, Taste]:
        gone: dict[tuple[Key | None, str | None], tuple[Evidence, tuple[Key, ...]]] = {}
        for key, each in self._found.get(event_id, ()):
            scoped = each.name in ("Interested", "Not Interested", STATED)
            named = (("product", each.product_id), ("brand", each.brand), ("category", each.category))
            keys = (key,) if scoped else tuple((kind, value) for kind, value in named if value)
            gone[(key if scoped else None, each.product_id)] = (each, keys)
        tastes: dict[Key, Taste] = {}
        for evidence, keys in gone.values():
            for key in keys:
                taste = tastes.get(key) or self._profile.tastes[key]
                kept = tuple(each for each in taste.evidence if each.event_id != event_id)
                lost_long = evidence.weight * _decay(taste.at - evidence.at, LONG_HALF_LIFE)
                lost_short = evidence.weight * _decay(taste.at - evidence.at, SHORT_HALF_LIFE)
                tastes[key] = Taste(taste.long - lost_long, taste.short - lost_short, taste.at, kept)
        return tastes


def to_json(profile: Profile) -> dict[str, Any]:
    """Return the profile as JSON values; `from_json` gives the equal profile back."""
    # An event speaks for a product, its brand and its category: it is written once, and tastes have its number.
    numbers: dict[Evidence, int] = {}
    tastes = [
        [*key, taste.long, taste.short, taste.at, [numbers.setdefault(each, len(numbers)) for each in taste.evidence]]
        for key, taste in profile.tastes.items()
    ]
    return {
        "evidence": [list(each) for each in numbers],
        "tastes": tastes,
        "blocks": [[*key, block.blocked, block.at, block.event_id] for key, block in profile.blocks.items()],
        "seen": [[product_id, seen.times, seen.at] for product_id, seen in profile.seen.items()],
        "last": profile.last,
    }


def from_json(kept: Mapping[str, Any]) -> Profile:
    """Return the profile that `to_json` wrote."""
    evidence = [Evidence(*each) for each in kept["evidence"]]
    return Profile(
        {
            (kind, value): Taste(long, short, at, tuple([evidence[each] for each in numbers]))
            for kind, value, long, short, at, numbers in kept["tastes"]
        },
        {(kind, value): Block(blocked, at, event_id) for kind, value, blocked, at, event_id in kept["blocks"]},
        {product_id: Seen(times, at) for product_id, times, at in kept["seen"]},
        None if kept["last"] is None else (kept["last"][0], kept["last"][1]),
    )


def _decay(age: int, half_life: int) -> float:
    # An event from after `now` is one from a clock ahead of ours: it counts as of now.
    return float(2.0 ** (-max(age, 0) / half_life))


def _see(before: Seen | None, at: int) -> Seen:
    if before is None:
        return Seen(1.0, at)
    latest = max(before.at, at)
    return Seen(before.at_time(latest) + _decay(latest - at, SEEN_HALF_LIFE), latest)


def _lean(before: Taste | None, event: Event, weight: float, at: int) -> Taste:
    evidence = () if before is None else before.evidence
    if weight > 0 or event.name in UNDOES:
        about = (event.brand, event.category, event.merchant_id)
        evidence = _kept((*evidence, Evidence(event.id, event.name, event.product_id, at, weight, *about)))
    if before is None:
        return Taste(weight, weight, at, evidence)
    latest = max(before.at, at)
    long, short = before.at_time(latest)
    return Taste(
        long + weight * _decay(latest - at, LONG_HALF_LIFE),
        short + weight * _decay(latest - at, SHORT_HALF_LIFE),
        latest,
        evidence,
    )


def _kept(evidence: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    # The best of the best of two parts are the best of the whole, so this too is independent of the order.
    if len(evidence) == 1:
        return evidence
    latest = max(each.at for each in evidence)
    newest = sorted(set(evidence), key=lambda each: (each.at, each.event_id), reverse=True)

    def strength(each: Evidence) -> float:
        return abs(each.weight) * _decay(latest - each.at, LONG_HALF_LIFE)

    strongest = sorted(newest, key=strength, reverse=True)
    chosen = {*newest[:NEWEST_KEPT], *strongest[:STRONGEST_KEPT]}
    return tuple(each for each in newest if each in chosen)


def _about(event: Event) -> list[Key]:
    if event.scope is not None:
        key = _scoped(event)
        return [] if key is None else [key]
    named = (
        ("product", event.product_id),
        ("brand", event.brand),
        ("category", event.category),
        ("host", event.host_id),
    )
    return [(kind, value) for kind, value in named if value]


def _scoped(event: Event) -> Key | None:
    values = {
        "item": event.product_id,
        "brand": event.brand,
        "category": event.category,
        "merchant": event.merchant_id,
        "host": event.host_id,
        "value": event.target,
    }
    value = values[event.scope or "item"]
    return (SCOPES[event.scope or "item"], value) if value else None

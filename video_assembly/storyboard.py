"""Which segments make a video about one product, in the order of its merchant's template.

Pure: a shelf, a viewer's past and a seed in, a storyboard out. A plan is the cheapest way through the template's roles:
a segment costs less the more it interests this viewer and more the more often it was seen, neighbours cost what their
colours and paces differ. Among few choices it is the best there is, among many the best of the 40 cheapest of each
role. A small share of surprises replaces hook, demo or proof, never the offer or the call to action.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from video_assembly.candidates import SegmentCandidate
from video_assembly.lots import Lot, Subject
from video_assembly.paths import Costs, Ways
from video_assembly.shelf import Shelf
from video_assembly.templates import Template

__all__ = ["Part", "Rules", "Shelf", "Storyboard", "Subject", "campaign", "plan"]

EXPLORED = ("hook", "demo", "proof")
# As with products: small, explicit, logged.
EXPLORATION = 0.05

# What a segment costs that was seen endlessly often; half of it after three times, and never so much that it could not
# come again: a small library repeats itself rather than running dry.
FATIGUE = 1.2
TIRED_AFTER = 3.0
# How much of a showing counts for another take of the same role from the same clip.
ALIKE = 0.25
# What a segment that has all that the viewer likes costs less.
INTEREST = 0.5
# The same whole video again, on top of its parts' repetitions: there is nearly always another way to tell it.
SAME_AGAIN = 0.5
MOST_TOLD = 3
MOST_WAYS = 500
# Neighbours that differ by less count as alike for the reason that is given.
NOTABLE = 0.02
MOST_COMPARED = 10

NOTHING_USED: Mapping[str, float] = {}
NOTHING_TOLD: Mapping[tuple[str, ...], float] = {}
NO_TASTES: Mapping[str, float] = {}


@dataclass(frozen=True)
class Rules:
    """What holds for every plan of a viewer: the language, the share of surprises."""

    language: str | None = None
    exploration: float = EXPLORATION


@dataclass(frozen=True)
class Part:
    """A segment in a storyboard: why it, as a code, and the exact chance that it was chosen, given those before it.

    Codes: `only-one`, `own-language`, `your-interest`, `not-seen-lately`, `about-category` (a hook of another
    product), `goes-with-before`, `fits-best`, `surprise`.
    """

    segment: SegmentCandidate
    reason: str
    propensity: float


@dataclass(frozen=True)
class Storyboard:
    """An ordered plan of one video about one product."""

    subject: Subject
    parts: tuple[Part, ...]

    @property
    def duration_ms(self) -> int:
        """Length of the video."""
        return sum(part.segment.duration_ms for part in self.parts)

    @property
    def segment_ids(self) -> tuple[str, ...]:
        """The segments in their order."""
        return tuple(part.segment.id for part in self.parts)


class Everything:
    """A container of all product ids: where nobody rules out any, every product lends its hooks."""

    def __contains__(self, _: object) -> bool:
        return True


def plan(
    shelf: Shelf,
    subject: Subject,
    rules: Rules,
    seed: str,
    *,
    used: Mapping[str, float] = NOTHING_USED,
    told: Mapping[tuple[str, ...], float] = NOTHING_TOLD,
    lend: Container[str] = (),
    tastes: Mapping[str, float] = NO_TASTES,
    template: Template | None = None,
    without: Collection[tuple[str, ...]] = (),
) -> Storyboard | None:
    """Return the storyboard of a video about `subject`, or None when its segments make none.

    `used` says how often the viewer had each segment, decayed; `told` how often each whole video (its segments' ids in
    order); `lend` names products whose hooks may open this video; `tastes` are what the viewer thinks of tags, -1 to 1.
    A `template` takes the place of the merchant's. Videos in `without`, and vetoed ones, are not made.
    """
    template = template or shelf.template(subject)
    unwanted = {*shelf.vetoed(subject), *without}
    for tier in shelf.tiers(subject, template, rules.language):
        best: tuple[float, list[int], _View] | None = None
        for lot in tier:
            view = _view(lot, used, lend, tastes)
            found = _freshest(view, told, unwanted)
            if found is not None and (best is None or found[0] < best[0]):
                best = (*found, view)
        if best is not None:
            return _explored(best[2], best[1], rules, seed, unwanted, shelf)
    return None


def prepare(shelf: Shelf, subject: Subject, language: str | None) -> bool:
    """Find the storyboards that everybody gets who knows nothing of a product's segments; False: they were known."""
    lots = [lot for tier in shelf.tiers(subject, shelf.template(subject), language) for lot in tier]
    unknown = [lot for lot in lots if "plain" not in lot.beside or language not in _Plain.of(lot).languages]
    for lot in unknown:
        plain = _Plain.of(lot)
        plain.languages.add(language)
        if plain.found is not None:
            # With why each part stands there, and what could stand there instead.
            _explored(plain.view, plain.found[1], Rules(language, 0.0), "", (), shelf)
    return bool(unknown)


def campaign(
    shelf: Shelf, subject: Subject, rules: Rules, seed: str, count: int, *, template: Template | None = None
) -> list[Storyboard]:
    """Return up to `count` different videos about a product, each as unlike those before it as the library allows."""
    boards: list[Storyboard] = []
    used: Counter[str] = Counter()
    made: set[tuple[str, ...]] = set()
    plain = Rules(rules.language, 0.0)
    for number in range(count):
        board = plan(
            shelf, subject, plain, f"{seed}:{number}", used=used, lend=Everything(), template=template, without=made
        )
        if board is None:
            break
        boards.append(board)
        used.update(board.segment_ids)
        made.add(board.segment_ids)
    return boards


class _View:
    """A lot as one viewer sees it: what each choice costs."""

    def __init__(self, lot: Lot, used: Mapping[str, float], lend: Container[str], tastes: Mapping[str, float]) -> None:
        self.lot = lot
        seen, liked = np.zeros(len(lot.costs)), np.zeros(len(lot.costs))
        for tag, taste in tastes.items():
            if (tagged := lot.tagged.get(tag)) is not None:
                liked[tagged] += taste
        # Whichever is shorter is looked through.
        for segment_id in used if len(used) <= len(lot.place) else lot.place:
            place, times = lot.place.get(segment_id), used.get(segment_id, 0.0)
            if place is None or times <= 0:
                continue
            seen[place] += times
            for other in lot.alike.get(place, ()):
                seen[other] += ALIKE * times
        costs = lot.costs - INTEREST * liked.clip(-1, 1) + FATIGUE * seen / (TIRED_AFTER + seen)
        for place, product_id in lot.borrowed:
            if product_id not in lend:
                costs[place] = np.inf
        self.likes = bool(liked.any())
        self._row = costs
        self.seen, self.liked, self.costs = lot.layered(seen), lot.layered(liked), lot.layered(costs)

    def untouched(self, row: Sequence[int]) -> bool:
        """Tell whether these choices, by their places in one row, cost this viewer what they cost everybody."""
        return bool((self._row[row] == self.lot.costs[row]).all())

    def ids(self, way: Sequence[int]) -> tuple[str, ...]:
        """The segments of a way, in their order."""
        return tuple(self.lot.choices[n][m].id for n, m in enumerate(way) if m >= 0)


class _Plain:
    """A lot as everybody sees it who knows nothing of it: the same for all, so it is kept beside the lot."""

    def __init__(self, lot: Lot) -> None:
        self.view = _View(lot, NOTHING_USED, Everything(), NO_TASTES)
        self.found = _searched(self.view, NOTHING_TOLD, ())
        way = [] if self.found is None else self.found[1]
        self.ids = self.view.ids(way)
        # The places of the cheapest way among all choices in one row.
        self.row = [lot.starts[n] + m for n, m in enumerate(way) if m >= 0]
        self.open_to: dict[int, list[int]] = {}
        self.reasons: dict[tuple[int, str | None], str] = {}
        # Of viewers: for whom the reasons were found ahead.
        self.languages: set[str | None] = set()

    @classmethod
    def of(cls, lot: Lot) -> _Plain:
        """Return what is kept beside a lot."""
        found: _Plain | None = lot.beside.get("plain")
        if found is None:
            found = lot.beside["plain"] = cls(lot)
        return found


def _view(lot: Lot, used: Mapping[str, float], lend: Container[str], tastes: Mapping[str, float]) -> _View:
    known = not lot.place.keys().isdisjoint(used.keys()) or not lot.tagged.keys().isdisjoint(tastes.keys())
    if known or not all(product_id in lend for product_id in lot.lenders):
        return _View(lot, used, lend, tastes)
    return _Plain.of(lot).view


def _freshest(
    view: _View, told: Mapping[tuple[str, ...], float], unwanted: Collection[tuple[str, ...]]
) -> tuple[float, list[int]] | None:
    """Return the cheapest way when telling the same whole video again costs too."""
    if view.lot.small and not view.likes:
        # Having seen a choice only makes it dearer: what is cheapest for everybody stays it where none of it was seen.
        plain = _Plain.of(view.lot)
        if plain.found is None:
            return None
        if plain.ids not in told and plain.ids not in unwanted and view.untouched(plain.row):
            return plain.found
    return _searched(view, told, unwanted)


def _searched(
    view: _View, told: Mapping[tuple[str, ...], float], unwanted: Collection[tuple[str, ...]]
) -> tuple[float, list[int]] | None:
    ways, kept = view.lot.ways(view.costs)
    costs = view.costs if kept is None else [view.costs[n][each] for n, each in enumerate(kept)]
    found = _first(view, ways, costs, kept, told, unwanted)
    if found is None and kept is not None:
        # All that the cheapest make is unwanted, which is as good as never so.
        found = _first(view, view.lot.all_ways(), view.costs, None, told, unwanted)
    return found


def _first(
    view: _View,
    ways: Ways,
    costs: Sequence[Costs],
    kept: Sequence[NDArray[np.int64]] | None,
    told: Mapping[tuple[str, ...], float],
    unwanted: Collection[tuple[str, ...]],
) -> tuple[float, list[int]] | None:
    best: tuple[float, list[int]] | None = None
    for number, (cost, way) in enumerate(ways.cheapest(costs)):
        if best is not None and (cost >= best[0] or number >= MOST_WAYS):
            break
        chosen = list(way) if kept is None else [int(kept[n][m]) if m >= 0 else -1 for n, m in enumerate(way)]
        ids = view.ids(chosen)
        if ids in unwanted:
            continue
        cost += SAME_AGAIN * min(told.get(ids, 0), MOST_TOLD)
        if best is None or cost < best[0]:
            best = (cost, chosen)
    return best


def _explored(
    view: _View,
    greedy: Sequence[int],
    rules: Rules,
    seed: str,
    unwanted: Collection[tuple[str, ...]],
    shelf: Shelf,
) -> Storyboard:
    lot = view.lot
    chosen = list(greedy)
    # What all who know nothing of the lot have in common was found out once, for as long as nothing is a surprise.
    plain = _Plain.of(lot)
    common = view is plain.view and not unwanted and plain.found is not None and greedy == plain.found[1]
    # Which values these draws take decides nothing about anybody's security.
    dice = random.Random(seed)  # noqa: S311
    parts = []
    for n, role in enumerate(lot.order):
        if greedy[n] < 0:
            continue
        propensity = 1.0
        if role in EXPLORED:
            open_to = plain.open_to.get(n) if common else None
            if open_to is None:
                open_to = _open_to(view, n, chosen, unwanted)
                if common:
                    plain.open_to[n] = open_to
            if len(open_to) > 1:
                # Both draws are always made, so that the next role's do not depend on this one's.
                explores, surprise = dice.random() < rules.exploration, open_to[dice.randrange(len(open_to))]
                if explores:
                    chosen[n] = surprise
                propensity = rules.exploration / len(open_to) + (1 - rules.exploration) * (chosen[n] == greedy[n])
        if chosen[n] != greedy[n]:
            reason, common = "surprise", False
        elif common:
            known = plain.reasons.get((n, rules.language))
            reason = plain.reasons[n, rules.language] = known or _reason(view, n, chosen, rules, shelf)
        else:
            reason = _reason(view, n, chosen, rules, shelf)
        parts.append(Part(lot.choices[n][chosen[n]], reason, propensity))
    return Storyboard(lot.subject, tuple(parts))


def _open_to(view: _View, n: int, chosen: Sequence[int], unwanted: Collection[tuple[str, ...]]) -> list[int]:
    """Return what could stand in the place of layer `n`'s choice with all the rules kept."""
    lot = view.lot
    others = [(i, m) for i, m in enumerate(chosen) if m >= 0 and i != n]
    lengths = sum(int(lot.units[i][m]) for i, m in others) + lot.units[n]
    bits = lot.bits[n].copy()
    for i, m in others:
        bits |= lot.bits[i][m]
    holds = (lengths >= lot.window[0]) & (lengths <= lot.window[1]) & (bits == lot.wanted) & np.isfinite(view.costs[n])
    found: list[int] = np.flatnonzero(holds).tolist()
    if not unwanted:
        return found
    return [m for m in found if view.ids([*chosen[:n], m, *chosen[n + 1 :]]) not in unwanted]


def _reason(view: _View, n: int, chosen: Sequence[int], rules: Rules, shelf: Shelf) -> str:
    lot, m = view.lot, chosen[n]
    each = lot.choices[n][m]
    if each.product_id != lot.subject.product_id:
        return "about-category"
    others = np.flatnonzero(np.isfinite(view.costs[n]))
    others = others[others != m]
    spoken = each.language and rules.language and lot.language == rules.language[:2]
    if spoken and any(other.language != lot.language for other in shelf.lots(lot.subject, lot.template)):
        return "own-language"
    if not len(others):
        return "only-one"
    if view.liked[n][m] > view.liked[n][others].min():
        return "your-interest"
    if view.seen[n][m] < view.seen[n][others].max():
        return "not-seen-lately"
    before = [(i, chosen[i]) for i in range(n) if chosen[i] >= 0]
    if before:
        joined = lot.join(before[-1], (n, m))
        if any(joined + NOTABLE < lot.join(before[-1], (n, other)) for other in others[:MOST_COMPARED].tolist()):
            return "goes-with-before"
    return "fits-best"

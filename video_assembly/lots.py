"""What one video about a product may be made of, as arrays: lengths, tags, looks and costs of each choice."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from video_assembly.candidates import SegmentCandidate
from video_assembly.common_form import UNIT_MS
from video_assembly.paths import Costs, Layer, Ways
from video_assembly.templates import Template

# Of each role at most so many take part in one search, the cheapest of each length: enough for any variety.
MOST_CHOICES = 40
LEAST_OF_A_KIND = 4

# Costs, in the unit of storyboard's. A hook about the category comes in when the product's own was just seen; one about
# another product shows something else than is for sale, so it comes only when the other ways to vary a video are told.
BORROWED = 0.1
LENT = 0.6
# Neighbours: from black to white; from a still picture to the quickest; back to an earlier moment of the same clip.
COLOUR = 0.15
PACE = 0.15
BACKWARDS = 0.1
# The quickest picture in a calm video, or a still one in a lively one.
TONE = 0.4
# A part that is missing weighs more than one repetition and less than two, so a small library varies its videos by
# leaving a part out; each further one weighs more, and the hook is the last to go.
MISSING = {"hook": 0.7, "demo": 0.5, "proof": 0.5, "offer": 0.7, "cta": 0.7}
MISSING_MORE = 0.5


@dataclass(frozen=True)
class Subject:
    """The product that a video is about."""

    product_id: str
    merchant_id: str
    category: str


class Lot:
    """What one video about a product may be made of: segments of one init digest that speak one language or none."""

    def __init__(
        self,
        subject: Subject,
        template: Template,
        language: str | None,
        roles: Mapping[str, Sequence[SegmentCandidate]],
    ) -> None:
        self.subject, self.template, self.language = subject, template, language
        self.order = template.order
        self.choices = [tuple(roles.get(role, ())) for role in self.order]
        # All choices in one row, as plans fill in what a viewer thinks of each; layer n begins at starts[n].
        row = list(chain(*self.choices))
        self.starts = np.cumsum([0, *map(len, self.choices)]).tolist()
        self.place = {each.id: number for number, each in enumerate(row)}
        self.units = [np.array([each.units for each in choices], np.int64) for choices in self.choices]
        self.bits = [np.array([self._bits(each) for each in choices], np.int64) for choices in self.choices]
        self.wanted = (1 << len(template.must_tags)) - 1
        self.window = (-(-template.shortest_ms // UNIT_MS), template.longest_ms // UNIT_MS)
        self.costs = np.array([self._cost(each) for each in row], np.float64)
        self.borrowed = [
            (number, each.product_id)
            for number, each in enumerate(row)
            if each.product_id is not None and each.product_id != subject.product_id
        ]
        # Takes of one role from one clip are much alike: having seen one tires of the others a little, too.
        takes: dict[tuple[str, str], list[int]] = {}
        tagged: dict[str, list[int]] = {}
        for number, each in enumerate(row):
            takes.setdefault((each.clip_id, each.role), []).append(number)
            for tag in set(each.tags):
                tagged.setdefault(tag, []).append(number)
        self.alike = {
            number: [other for other in numbers if other != number]
            for numbers in takes.values()
            if len(numbers) > 1
            for number in numbers
        }
        self.tagged = {tag: np.array(numbers, np.int64) for tag, numbers in tagged.items()}
        numbers = {clip: n for n, clip in enumerate({each.clip_id for each in row})}
        self._looks = [
            np.array([_look(each, numbers) for each in choices]).reshape(-1, 8).T for choices in self.choices
        ]
        self._kinds: list[list[NDArray[np.int64]]] = []
        for units, bits in zip(self.units, self.bits, strict=True):
            kinds = units * (self.wanted + 1) + bits
            self._kinds.append([np.flatnonzero(kinds == kind) for kind in np.unique(kinds)])
        self.small = all(len(choices) <= MOST_CHOICES for choices in self.choices)
        self._ways: Ways | None = None
        self.lenders = frozenset(product_id for _, product_id in self.borrowed)
        self.beside: dict[str, Any] = {}
        """What plans computed from the lot alone, by name."""

    def ways(self, costs: Sequence[Costs]) -> tuple[Ways, list[NDArray[np.int64]] | None]:
        """Return the ways to search, and which choices take part where there are too many for all of them."""
        if self.small:
            return self.all_ways(), None
        kept = [self._kept(n, each) for n, each in enumerate(costs)]
        return self._made(kept), kept

    def all_ways(self) -> Ways:
        """Return the ways through every choice."""
        if self._ways is None:
            self._ways = self._made([np.arange(len(choices)) for choices in self.choices])
        return self._ways

    def own_costs(self) -> list[Costs]:
        """Return what choices cost for nobody in particular; what is borrowed is not to be had."""
        costs = self.costs.copy()
        costs[[number for number, _ in self.borrowed]] = np.inf
        return self.layered(costs)

    def layered(self, row: Costs) -> list[Costs]:
        """Return each layer's share of a number for every choice."""
        return [row[start:stop] for start, stop in pairwise(self.starts)]

    def join(self, one: tuple[int, int], other: tuple[int, int]) -> float:
        """Return what two choices, given by layer and number, cost as neighbours; the one number of `joins`."""
        before, after = self.choices[one[0]][one[1]], self.choices[other[0]][other[1]]
        cost = BACKWARDS * (before.clip_id == after.clip_id and after.start_ms < before.start_ms)
        if before.colour is not None and after.colour is not None:
            cost += COLOUR * math.dist(_rgb(before), _rgb(after)) / math.sqrt(3)
        if before.pace is not None and after.pace is not None:
            cost += PACE * abs(_pace(before) - _pace(after))
        return cost

    def _made(self, kept: Sequence[NDArray[np.int64]]) -> Ways:
        layers = [
            Layer(self.units[n][each], self.bits[n][each], self.order[n] in self.template.needed)
            for n, each in enumerate(kept)
        ]
        return Ways(layers, self.window, self.wanted, lambda i, j: self.joins(i, j, kept[i], kept[j]), self._missing)

    def _kept(self, n: int, costs: Costs) -> NDArray[np.int64]:
        """Return the cheapest choices of each kind; kinds are what decides whether a way holds."""
        if len(costs) <= MOST_CHOICES:
            return np.arange(len(costs))
        share = max(LEAST_OF_A_KIND, MOST_CHOICES // len(self._kinds[n]))
        # Between equals the newest wins here, too.
        ranked = costs + 1e-12 * np.arange(len(costs))
        first = [
            kind if len(kind) <= share else kind[np.argpartition(ranked[kind], share)[:share]]
            for kind in self._kinds[n]
        ]
        return np.sort(np.concatenate(first))

    def joins(self, i: int, j: int, ones: NDArray[np.int64], others: NDArray[np.int64]) -> Costs:
        """Return what each of these choices of layer `i` costs before each of those of layer `j`."""
        one, other = self._looks[i][:, ones], self._looks[j][:, others]
        red, green, blue, coloured, pace, paced, clip, start = range(8)
        apart = one[:4, :, None] - other[:4, None, :]
        apart *= apart
        # What was not measured is no reason against anything.
        joined: Costs = np.sqrt(apart[red] + apart[green] + apart[blue])
        joined *= COLOUR / math.sqrt(3) * one[coloured, :, None] * other[coloured]
        joined += np.abs(one[pace, :, None] - other[pace]) * (PACE * one[paced, :, None] * other[paced])
        backwards = (one[clip, :, None] == other[clip]) & (other[start] < one[start, :, None])
        if backwards.any():
            joined += BACKWARDS * backwards
        return joined

    def _missing(self, there: tuple[bool, ...]) -> float:
        gone = [role for role, each in zip(self.order, there, strict=True) if not each]
        return sum(MISSING[role] + MISSING_MORE * number for number, role in enumerate(gone))

    def _bits(self, each: SegmentCandidate) -> int:
        return sum(1 << number for number, tag in enumerate(self.template.must_tags) if tag in each.tags)

    def _cost(self, each: SegmentCandidate) -> float:
        own = each.product_id == self.subject.product_id
        cost = 0.0 if own else BORROWED if each.product_id is None else LENT
        tone = self.template.tone
        if tone is None or tone in each.tags:
            return cost
        pace = 0.5 if each.pace is None else each.pace
        return cost + TONE * (pace if tone == "calm" else 1 - pace)


def _look(each: SegmentCandidate, numbers: Mapping[str, int]) -> tuple[float, ...]:
    return (
        *_rgb(each),
        each.colour is not None,
        _pace(each),
        each.pace is not None,
        numbers[each.clip_id],
        each.start_ms,
    )


def _rgb(each: SegmentCandidate) -> tuple[float, float, float]:
    red, green, blue = ((each.colour or 0) >> shift & 255 for shift in (16, 8, 0))
    return red / 255, green / 255, blue / 255


def _pace(each: SegmentCandidate) -> float:
    return min(1.0, max(0.0, each.pace or 0.0))

"""The cheapest way through layers of choices, one or none of each layer, and the next cheapest, in exact order.

Pure arrays: it knows lengths, costs of choices, of neighbours and of left-out layers, and nothing of what they mean.
Few ways are listed once and only summed for each question; many are searched backwards by dynamic programming and
then told apart best first with the exact rest as bound.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

FEW = 1_024
"""So many ways are listed; about 20 KB."""
_DIGITS = 9
"""Costs that differ behind these digits are equal: sums of floats depend on their order."""

_LEFT_OUT = 32_000
"""Orders a layer that is left out behind all its choices."""

Costs = NDArray[np.float64]
Way = tuple[int, ...]
"""For each layer the number of its choice, -1 where the layer is left out."""


@dataclass(frozen=True)
class Layer:
    """The choices of one layer: their lengths, bits of what each contributes, and whether one must be chosen."""

    lengths: NDArray[np.int64]
    bits: NDArray[np.int64]
    needed: bool


Joins = Callable[[int, int], Costs]
LeftOut = Callable[[tuple[bool, ...]], float]


class Ways:
    """All ways whose lengths sum to a number in the window and whose bits together are `wanted`.

    `joins(i, j)` are the costs of neighbours of the layers i < j; `left_out` is told which layers are there.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        window: tuple[int, int],
        wanted: int,
        joins: Joins,
        left_out: LeftOut,
        *,
        few: int = FEW,
    ) -> None:
        self._layers = layers
        self._shortest, self._longest = window
        self._wanted = wanted
        self._joins: dict[tuple[int, int], Costs] = {}
        self._shapes: dict[tuple[int, ...], float] = {}
        many = 0
        for there in product((True, False), repeat=len(layers)):
            held = [n for n, each in enumerate(there) if each]
            if not held or any(layers[n].needed and not there[n] for n in range(len(layers))):
                continue
            if any(len(layers[n].lengths) == 0 for n in held):
                continue
            self._shapes[tuple(held)] = left_out(there)
            ways = 1
            for n in held:
                ways *= len(layers[n].lengths)
            many += ways
            for pair in pairwise(held):
                if pair not in self._joins:
                    self._joins[pair] = joins(*pair)
        self._listed = many <= few
        if self._listed:
            self._list(many)
        else:
            self._prepare()

    def cheapest(self, costs: Sequence[Costs]) -> Iterator[tuple[float, Way]]:
        """Yield the ways by their cost, given that of each layer's choices; infinite ones never.

        Equal ones come in the order of their choices' numbers, a layer that is there before one that is left out.
        """
        return self._from_list(costs) if self._listed else self._searched(costs)

    def _list(self, many: int) -> None:
        """Write down each way that holds, and what is the same for every question."""
        longest = len(self._layers)
        ways = np.full((many, longest), -1, np.int16)
        fixed = np.zeros(many)
        lengths, bits = np.zeros(many, np.int64), np.zeros(many, np.int64)
        row = 0
        for held, missing in self._shapes.items():
            grids = np.meshgrid(*[np.arange(len(self._layers[n].lengths)) for n in held], indexing="ij")
            count = grids[0].size
            part = slice(row, row + count)
            fixed[part] = missing
            flat = {n: grid.ravel() for n, grid in zip(held, grids, strict=True)}
            for n, chosen in flat.items():
                ways[part, n] = chosen
                lengths[part] += self._layers[n].lengths[chosen]
                bits[part] |= self._layers[n].bits[chosen]
            for one, other in pairwise(held):
                fixed[part] += self._joins[one, other][flat[one], flat[other]]
            row += count
        holds = (lengths >= self._shortest) & (lengths <= self._longest) & (bits == self._wanted)
        ways, fixed = ways[holds], fixed[holds]
        # A layer that is left out is the last of its choices: its number points behind the others, where 0 stands.
        order = np.lexsort([np.where(ways[:, n] < 0, _LEFT_OUT, ways[:, n]) for n in reversed(range(longest))])
        self._ways, self._fixed = ways[order], fixed[order]
        sizes = [len(layer.lengths) + 1 for layer in self._layers]
        starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
        self._places = np.where(self._ways < 0, np.array(sizes) - 1, self._ways).astype(np.int64) + starts

    def _from_list(self, costs: Sequence[Costs]) -> Iterator[tuple[float, Way]]:
        if not len(self._fixed):
            return
        nothing = np.zeros(1)
        flat = np.concatenate([part for each in costs for part in (each, nothing)])
        totals = np.round(flat[self._places].sum(axis=1) + self._fixed, _DIGITS)
        first = int(totals.argmin())
        if not np.isfinite(totals[first]):
            return
        yield float(totals[first]), tuple(self._ways[first].tolist())
        for number in np.argsort(totals, kind="stable").tolist():
            if not np.isfinite(totals[number]):
                return
            if number != first:
                yield float(totals[number]), tuple(self._ways[number].tolist())

    def _prepare(self) -> None:
        """Number the states (length so far, bits so far) of each layer and where each choice leads from each.

        The last state of each layer is the one from which nothing holds: it is -1 everywhere.
        """
        values, before = self._wanted + 1, 0
        lengths, bits = np.divmod(np.arange((self._longest + 1) * values), values)
        self._end = np.append(np.where((lengths >= self._shortest) & (bits == self._wanted), 0.0, np.inf), np.inf)
        self._after: list[NDArray[np.int64]] = []
        for layer in self._layers:
            # Before this layer no video is longer than the longest choices of those before it make it.
            states = (min(before, self._longest) + 1) * values
            to_length = lengths[None, :states] + layer.lengths[:, None]
            after = to_length * values + (bits[None, :states] | layer.bits[:, None])
            after = np.where(to_length > self._longest, -1, after)
            self._after.append(np.concatenate([after, np.full((len(after), 1), -1)], axis=1))
            before += int(layer.lengths.max(initial=0))

    def _searched(self, costs: Sequence[Costs]) -> Iterator[tuple[float, Way]]:
        rest = self._rests(costs)
        # Of choices that stand for each other only the best waits; when it is taken, the next one does.
        waiting: list[tuple[float, tuple[int, ...], tuple[int, ...], int, _Siblings]] = []

        def wait(siblings: _Siblings, number: int) -> None:
            if number < len(siblings.order):
                ranks = (*siblings.before, siblings.order[number], *siblings.behind)
                heapq.heappush(waiting, (siblings.bounds[number], ranks, siblings.end, number, siblings))

        for held, missing in self._shapes.items():
            bounds = rest[held][:, 0] + missing
            wait(_Siblings(bounds, costs[held[0]] + missing, (), held, 0, len(self._layers)), 0)
        while waiting:
            bound, ranks, end, number, siblings = heapq.heappop(waiting)
            wait(siblings, number + 1)
            if len(end) == 1:
                yield bound, tuple(-1 if each == _LEFT_OUT else each for each in ranks)
                continue
            chosen, following = siblings.order[number], end[1:]
            state = int(self._after[end[0]][chosen, siblings.state])
            joined = siblings.so_far[chosen] + self._joins[end[0], following[0]][chosen]
            bounds = joined + rest[following][:, state]
            so_far = joined + costs[following[0]]
            wait(_Siblings(bounds, so_far, ranks, following, state, len(self._layers)), 0)

    def _rests(self, costs: Sequence[Costs]) -> dict[tuple[int, ...], Costs]:
        """For each end of a shape: what the rest costs at least from each choice of its first layer in each state."""
        found: dict[tuple[int, ...], Costs] = {}
        ends = {held[n:] for held in self._shapes for n in range(len(held))}
        for end in sorted(ends, key=len):
            first = end[0]
            after = self._after[first]
            if len(end) == 1:
                found[end] = costs[first][:, None] + self._end[after]
                continue
            joined = self._joins[first, end[1]]
            following = found[end[1:]]
            if joined.any():
                best = (joined[:, :, None] + following[None]).min(axis=1)
            else:
                best = np.broadcast_to(following.min(axis=0), (len(joined), following.shape[1]))
            found[end] = costs[first][:, None] + best[np.arange(len(after))[:, None], after]
        return found


class _Siblings:
    """The choices of one layer behind the same choices before it, the best first; never compared in the queue."""

    def __init__(
        self, bounds: Costs, so_far: Costs, before: tuple[int, ...], end: tuple[int, ...], state: int, layers: int
    ) -> None:
        rounded = np.round(bounds, _DIGITS)
        order = np.argsort(rounded, kind="stable")
        order = order[np.isfinite(rounded[order])]
        self.order: list[int] = order.tolist()
        self.bounds: list[float] = rounded[order].tolist()
        self.so_far, self.end, self.state = so_far, end, state
        self.before = (*before, *(_LEFT_OUT,) * (end[0] - len(before)))
        # The last choice says that all behind it are left out: only then are equal ways in order.
        self.behind = (_LEFT_OUT,) * (layers - end[0] - 1) if len(end) == 1 else ()

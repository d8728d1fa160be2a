"""Slates: some of many candidates in an order, drawn with a chance that is known exactly and can be replayed.

Each slot is, with probability `surprise`, any candidate that is left (of the `reserved` ones while there are some),
else one by its score (Plackett-Luce with a small `spread`; none: the best). The chance of the whole is the product of
its slots'. Diversity comes before: greedy MMR (Carbonell and Goldstein, 1998) or a greedy determinantal point process
(Chen et al., 2018), above a relevance floor.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TIE = 1e-12


@dataclass(frozen=True)
class Slate:
    """What was drawn: indices into the candidates, each slot's chance given those before, and what replays it."""

    chosen: tuple[int, ...]
    chances: tuple[float, ...]
    surprises: tuple[bool, ...]
    seed: str
    candidates: str

    @property
    def propensity(self) -> float:
        """The exact chance of this slate in this order."""
        return float(np.prod(self.chances))


def digest(ids: Sequence[str], scores: Floats) -> str:
    """Return the hash of candidates and scores, in their order: a slate replays only over the same."""
    found = sha256("\n".join(ids).encode())
    found.update(np.ascontiguousarray(scores, dtype="<f8").tobytes())
    return found.hexdigest()


def draw(
    scores: Floats,
    length: int,
    seed: str,
    *,
    surprise: float = 0.0,
    spread: float = 0.0,
    candidates: str = "",
    reserved: NDArray[np.bool_] | None = None,
) -> Slate:
    """Draw a slate of at most `length`; the same arguments give the same slate, byte for byte.

    `reserved` tells which candidates surprises are for: those that were shown too rarely to be judged.
    """
    dice = random.Random(seed)  # noqa: S311 -- no secret hangs on it
    open_ = np.array(scores, dtype=np.float64)
    chosen: list[int] = []
    chances: list[float] = []
    surprises: list[bool] = []
    for _ in range(min(length, len(scores))):
        explores = dice.random() < surprise
        luck = dice.random()
        wanted, weights = _wanted(open_, spread)
        pool = _pool(open_, reserved)
        if explores:
            pick = int(pool[min(int(luck * len(pool)), len(pool) - 1)])
        else:
            pick = int(wanted[min(int(np.searchsorted(np.cumsum(weights), luck, side="right")), len(wanted) - 1)])
        at = np.flatnonzero(wanted == pick)
        by_score = float(weights[at[0]]) if len(at) else 0.0
        by_surprise = 1.0 / len(pool) if pick in pool else 0.0
        chances.append(surprise * by_surprise + (1.0 - surprise) * by_score)
        surprises.append(explores)
        chosen.append(pick)
        open_[pick] = -np.inf
    return Slate(tuple(chosen), tuple(chances), tuple(surprises), seed, candidates)


def diverse(scores: Floats, features: Floats, length: int, *, weight: float = 0.8, floor: float = 0.5) -> list[int]:
    """Return a greedy MMR order: `weight` on the score, the rest against likeness to what is there already.

    Only candidates of at least `floor` times the best score may come in for being different (scores of 0 and more).
    """
    span = max(float(scores.max(initial=0.0)), TIE)
    allowed = np.flatnonzero(scores >= floor * span)
    if len(allowed) < length:
        allowed = np.argsort(-scores, kind="stable")[:length]
    near = np.zeros(len(allowed))
    open_ = np.ones(len(allowed), dtype=bool)
    order: list[int] = []
    for _ in range(min(length, len(allowed))):
        gain = np.where(open_, weight * scores[allowed] / span - (1.0 - weight) * near, -np.inf)
        best = int(np.argmax(gain))
        order.append(int(allowed[best]))
        open_[best] = False
        near = np.maximum(near, features[allowed] @ features[allowed[best]])
    return order


def determinantal(
    scores: Floats, features: Floats, length: int, *, theta: float = 8.0, floor: float = 0.0
) -> list[int]:
    """Return the greedy most probable set of a DPP of quality `exp(theta * score / best / 2)`; rows of unit length."""
    span = max(float(scores.max(initial=0.0)), TIE)
    allowed = np.flatnonzero(scores >= floor * span)
    if len(allowed) < length:
        allowed = np.argsort(-scores, kind="stable")[:length]
    quality = np.exp(0.5 * theta * (scores[allowed] / span - 1.0))
    rows = features[allowed]
    gains = quality**2 * np.maximum(np.einsum("ij,ij->i", rows, rows), TIE)
    basis = np.zeros((min(length, len(allowed)), len(allowed)))
    order: list[int] = []
    open_ = np.ones(len(allowed), dtype=bool)
    for step in range(len(basis)):
        best = int(np.argmax(np.where(open_, gains, -np.inf)))
        order.append(int(allowed[best]))
        open_[best] = False
        if gains[best] > TIE:
            kernel = quality * (rows @ rows[best]) * quality[best]
            basis[step] = (kernel - basis[:step].T @ basis[:step, best]) / np.sqrt(gains[best])
            gains = gains - basis[step] ** 2
    return order


def _pool(open_: Floats, reserved: NDArray[np.bool_] | None) -> NDArray[np.intp]:
    """Return what a surprise may be, each as likely as the others."""
    found = np.flatnonzero(open_ > -np.inf)
    if reserved is None:
        return found
    some = found[reserved[found]]
    return some if len(some) else found


def _wanted(open_: Floats, spread: float) -> tuple[NDArray[np.intp], Floats]:
    """Return who may come by score, and with which chances; without spread the best, equal ones sharing."""
    best = open_.max()
    if spread <= 0:
        found = np.flatnonzero(open_ >= best - TIE)
        return found, np.full(len(found), 1.0 / len(found))
    found = np.flatnonzero(open_ > -np.inf)
    weights = np.exp((open_[found] - best) / spread)
    return found, np.asarray(weights / weights.sum())

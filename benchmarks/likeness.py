"""Rivals of E2 that tell types by what is bought by the same viewers: EASE, item-kNN and implicit ALS, in numpy.

EASE is the closed form of Steck (WWW 2019), item-kNN the cosine of co-occurrence, ALS that of Hu, Koren and Volinsky
(ICDM 2008) with the dense part shared by all. Each is fitted anew on what is known by then, so none sees the future.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# Given what viewers hold of items (one row each), returns what each row is told of every item.
Fit = Callable[[Floats], Callable[[Floats], Floats]]


def ease(penalty: float = 50.0) -> Fit:
    """Return EASE: the linear model of items by all others whose diagonal is nought."""

    def fit(held: Floats) -> Callable[[Floats], Floats]:
        gram = held.T @ held
        gram[np.diag_indices_from(gram)] += penalty
        inverse = np.linalg.inv(gram)
        weights = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0.0)
        return lambda row: np.asarray(row @ weights)

    return fit


def nearest(most: int = 100) -> Fit:
    """Return item-kNN: the cosine of items over viewers, of each item the nearest only."""

    def fit(held: Floats) -> Callable[[Floats], Floats]:
        length = np.linalg.norm(held, axis=0) + 1e-9
        near = (held.T @ held) / np.outer(length, length)
        np.fill_diagonal(near, 0.0)
        least = np.partition(near, -most, axis=1)[:, -most][:, None]
        near[near < least] = 0.0
        return lambda row: np.asarray(row @ near)

    return fit


def factors(size: int = 48, penalty: float = 20.0, trust: float = 5.0, sweeps: int = 6, seed: int = 1) -> Fit:
    """Return implicit ALS: `trust` is how much more one purchase counts than none; a row is folded in."""

    def solved(other: Floats, rows: Floats) -> Floats:
        gram = other.T @ other + penalty * np.eye(size)
        found = np.zeros((len(rows), size))
        for number, row in enumerate(rows):
            at = np.flatnonzero(row)
            some, more = other[at], trust * row[at]
            found[number] = np.linalg.solve(gram + (some.T * more) @ some, some.T @ (1.0 + more))
        return found

    def fit(held: Floats) -> Callable[[Floats], Floats]:
        items = np.random.default_rng(seed).normal(0, 0.1, (held.shape[1], size))
        for _ in range(sweeps):
            items = solved(solved(items, held), held.T)
        return lambda row: np.asarray(items @ solved(items, row[None])[0])

    return fit

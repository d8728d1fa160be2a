"""E3: the next click in 60,858 places of Diginetica's last week, ranked against all 43,097 items.

Static: the index knows the training sessions only. Prequential: also the test sessions that ended before; the two are
never mixed. Chosen on the last tenth of the training sessions.
"""

import gzip
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks import pairs
from personalization.neighbours import Nearness, Sessions

FOLDER = Path("../shared/data/diginetica")
DEPTH = 20
# Of the sessions there are, since the data has their order and no times; an index that grows may forget sooner.
HALF_LIFE, GROWING_HALF_LIFE = 0.35, 0.2
WANING_LIFE = 0.1


def read(path: Path) -> list[list[str]]:
    """Return the lines of a file."""
    with gzip.open(path, "rt") as lines:
        return [line.split() for line in lines]


def rank(scores: dict[str, float], wanted: str) -> int | None:
    """Return the place of an item, from 1; None when it is not among the first 20 (equal scores by name)."""
    mine = scores.get(wanted)
    if mine is None:
        return None
    before = sum(score > mine or (score == mine and item < wanted) for item, score in scores.items())
    return before + 1 if before < DEPTH else None


def sessions_of(test: Sequence[Sequence[str]]) -> list[list[int]]:
    """Return which lines come from one session: each line drops the last click of the one before."""
    found: list[list[int]] = []
    for number, line in enumerate(test):
        if number and list(line) == list(test[number - 1][:-1]):
            found[-1].append(number)
        else:
            found.append([number])
    return found


def run(
    train: Sequence[Sequence[str]],
    test: Sequence[Sequence[str]],
    nearness: Nearness,
    tell: Callable[[str], None],
    *,
    grow: bool,
) -> tuple[list[str], dict[str, float]]:
    """Return the line of the report and its figures."""
    index = Sessions(nearness)
    for number, items in enumerate(train):
        index.add(f"a{number:07}", number, items)
    ranks: list[int | None] = []
    clusters: list[int] = []
    lengths: list[int] = []
    taken: list[float] = []
    covered: set[str] = set()
    for cluster, lines in enumerate(sessions_of(test)):
        for number in lines:
            visit, wanted = test[number][:-1], test[number][-1]
            begin = time.process_time()
            scores = index.scores(visit, len(index))
            taken.append(time.process_time() - begin)
            ranks.append(rank(scores, wanted))
            clusters.append(cluster)
            lengths.append(len(visit))
            if cluster % 10 == 0:
                covered.update(sorted(scores, key=scores.__getitem__, reverse=True)[:DEPTH])
        if grow:
            index.add(f"b{cluster:07}", len(train) + cluster, test[lines[0]])
        if cluster % 2000 == 1999:
            tell(f"{len(ranks)} places: HR@20 {100 * np.mean([each is not None for each in ranks]):.2f}")
    hit = np.array([100.0 * (each is not None) for each in ranks])
    reciprocal = np.array([100.0 / each if each else 0.0 for each in ranks])
    first = np.array(lengths) == 1
    low, middle, high = pairs.difference(hit, np.array(clusters))
    below, inside, above = pairs.difference(reciprocal, np.array(clusters))
    name = "prequential" if grow else "static"
    p50, p99 = 1e3 * np.quantile(taken, [0.5, 0.99])
    line = (
        f"{name:<12} HR@20 {middle:.2f} [{low:.2f}, {high:.2f}]  MRR@20 {inside:.2f} [{below:.2f}, {above:.2f}]  "
        f"after 1 click {hit[first].mean():.2f}  {len(covered)} items  processor p50 {p50:.2f} ms, p99 {p99:.2f} ms"
    )
    return [line], {f"e3 {name} hr20": round(middle, 3), f"e3 {name} mrr20": round(inside, 3)}

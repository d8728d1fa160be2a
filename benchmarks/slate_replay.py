"""E1: slates of five from 200 product types on real shopping trips; only what is shown is learnt from.

Every reward is known, so the figures are counts and no estimates. Chosen on the first 10,000 trips of seed 0, told of
trips 10,001 to 60,000 of seeds 1 to 3.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import journey, pairs
from benchmarks.journey import SLATE, Journey, nth
from benchmarks.policies import Policy
from personalization import slates

Floats = NDArray[np.float64]
EARLY = 5
TUNED = 10_000


def replay(
    trips: Journey, count: int, seed: int, policies: Mapping[str, Policy], tell: Callable[[str], None]
) -> dict[str, Floats]:
    """Return the hits of each policy's slate on each trip, beside what chance and an oracle would have hit."""
    hits = {name: np.zeros(count) for name in ("random", "oracle", *policies)}
    departments = dict.fromkeys(policies, 0)
    begin = time.process_time()
    for trip, (items, rewards) in enumerate(journey.offers(trips, count, seed)):
        viewer = int(trips.viewers[trip])
        hits["random"][trip] = SLATE * rewards.mean()
        hits["oracle"][trip] = min(SLATE, rewards.sum())
        for name, policy in policies.items():
            scores = policy.scores(viewer, items)
            slate = slates.draw(
                scores, SLATE, f"{seed}:{trip}", surprise=policy.surprise, reserved=policy.reserved(items)
            )
            chosen = np.array(slate.chosen)
            policy.learn(viewer, items[chosen], rewards[chosen])
            hits[name][trip] = rewards[chosen].sum()
            departments[name] += len(set(trips.departments[items[chosen]].tolist()))
        if trip % 5000 == 4999:
            tell(f"seed {seed}: {trip + 1} trips, {time.process_time() - begin:.0f} s of CPU")
    for name, seen in departments.items():
        hits[f"{name} / departments"] = np.array([seen / count])
    return hits


def table(
    trips: Journey, first: int, runs: Sequence[Mapping[str, Floats]], ours: str
) -> tuple[list[str], dict[str, float]]:
    """Return the lines of the report and its figures: means over seeds, `ours` minus each in pairs by viewer."""
    names = [name for name in runs[0] if " / " not in name]
    count = len(runs[0]["random"])
    viewers = trips.viewers[first:count]
    order = nth(trips, count)[first:]
    mean = {name: np.mean([run[name][first:] for run in runs], axis=0) for name in names}
    lines = [
        f"{'policy':<38}{'hits':>8}{'first 5':>9}{'20+':>8}{'last half':>10}{'dep.':>6}{'ours minus it (95 %)':>26}"
    ]
    figures: dict[str, float] = {}
    for name in names:
        each = mean[name]
        late = each[len(each) // 2 :]
        seen = np.mean([run[f"{name} / departments"][0] for run in runs]) if f"{name} / departments" in runs[0] else 0
        low, middle, high = pairs.difference(mean[ours] - each, viewers)
        gap = "" if name == ours else f"{middle:+.3f} [{low:+.3f}, {high:+.3f}]"
        early, old = each[order < EARLY], each[order >= 20]
        lines.append(
            f"{name:<38}{each.mean():>8.3f}{early.mean() if len(early) else np.nan:>9.3f}"
            f"{old.mean() if len(old) else np.nan:>8.3f}{late.mean():>10.3f}{seen:>6.2f}{gap:>26}"
        )
        figures[f"e1 {name}"] = round(float(each.mean()), 4)
        if len(early):
            figures[f"e1 {name} first five"] = round(float(early.mean()), 4)
            if name != ours:
                low, middle, high = pairs.difference((mean[ours] - each)[order < EARLY], viewers[order < EARLY])
                lines[-1] += f"   first 5: {middle:+.3f} [{low:+.3f}, {high:+.3f}]"
    low, _, high = pairs.difference(mean[ours], viewers)
    lines.append(
        f"ours: [{low:.3f}, {high:.3f}]; {len(runs)} seeds, trips {first + 1}-{count}, {len(set(viewers))} viewers"
    )
    return lines, figures


def keep(path: Path | None, seed: int, hits: Mapping[str, Floats]) -> None:
    """Write what one seed gave, so that a run that is cut short has not been for nothing."""
    if path is not None:
        np.savez_compressed(path.with_suffix(f".e1-{seed}.npz"), **dict(hits.items()))
        path.with_suffix(f".e1-{seed}.json").write_text(json.dumps({n: float(h.mean()) for n, h in hits.items()}))

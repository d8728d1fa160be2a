"""The feed among simulated viewers: how near it comes to an oracle, day by day. A simulation, not evidence.

`python -m benchmarks.simulation [--quick] [--json FILE]` prints the interest that was met as a share of the oracle's by
day, the days to 80 % of it for a new viewer and for a new clip, what the surprise slider costs and gives, and what the
experiment report says of planted effects of 5 % and of nothing.
"""

import argparse
import json
import random
import statistics
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.simulator import BEGIN, Shown, World, diversity
from personalization.choices import USUAL, Choices
from personalization.experiments import Experiment, Variant
from personalization.outcomes import Happening, Report, summarise
from personalization.ranking import EXPLORATION

SLIDER = (0.0, USUAL, 0.5, 0.75, 1.0)
ENOUGH = 0.8
# When new clips come, after the viewers are known.
NEW_ON, NEW_CLIPS = 6, 6

Days = list[dict[str, list[Shown]]]


def run(seed: int, viewers: int, days: int, **options: Any) -> Days:
    """Return what every viewer saw on every day."""
    world = World(seed, viewers, **options)
    return [world.day(day) for day in range(days)]


def met(day: dict[str, list[Shown]]) -> float:
    """Return the hidden interest that was met, per viewer."""
    return statistics.fmean(sum(each.interest for each in seen) for seen in day.values())


def first_day(shares: list[float]) -> int | None:
    """Return the first day, from 1, on which ENOUGH is reached."""
    return next((day for day, share in enumerate(shares, 1) if share >= ENOUGH), None)


def of_oracle(seeds: range, viewers: int, days: int, **options: Any) -> list[float]:
    """Return by day the interest met as a share of the oracle's, with the same viewers in the same moods."""
    ours, best = [[0.0] * days for _ in range(2)]
    for seed in seeds:
        for total, policy in ((ours, {"policy": "ours"} | options), (best, {"policy": "oracle"})):
            for day, seen in enumerate(run(seed, viewers, days, **policy)):
                total[day] += met(seen)
    return [mine / most for mine, most in zip(ours, best, strict=True)]


def new_clips(seeds: range, viewers: int, days: int) -> list[float]:
    """Return by day since new clips came how often they were shown, as a share of how often the oracle shows them."""
    counts = {policy: [0] * days for policy in ("ours", "oracle")}
    for seed in seeds:
        for policy, found in counts.items():
            world = World(seed, viewers, policy=policy)
            for day in range(NEW_ON):
                world.day(day)
            made = {world.add_product(f"new{n}", NEW_ON, 0.9).id for n in range(NEW_CLIPS)}
            for day in range(days):
                seen = world.day(NEW_ON + day)
                found[day] += sum(each.product.id in made for session in seen.values() for each in session)
    return [mine / max(1, most) for mine, most in zip(counts["ours"], counts["oracle"], strict=True)]


def slider(seeds: range, viewers: int, days: int) -> list[tuple[float, float, float]]:
    """Return for each place of the slider a session's diversity and the seconds watched, after the first two days."""
    found = []
    for place in SLIDER:
        exploration = Choices(surprise=place).exploration(EXPLORATION)
        sessions = [
            seen
            for seed in seeds
            for day in run(seed, viewers, days, policy="ours", exploration=exploration)[2:]
            for seen in day.values()
        ]
        found.append(
            (
                place,
                statistics.fmean(diversity(seen) for seen in sessions),
                statistics.fmean(sum(each.watched for each in seen) for seen in sessions),
            )
        )
    return found


def planted(effect: float, sessions: list[float], viewers: int, seed: int) -> Report:
    """Return the report on viewers drawn from simulated sessions, half of whom watch longer by `effect`."""
    dice = random.Random(seed)
    variants = (Variant("control", 0.5, {}), Variant("planted", 0.5, {}))
    happened = []
    for number in range(viewers):
        variant = dice.choice(variants).name
        at = BEGIN + timedelta(days=14) * (number / viewers)
        watched = dice.choice(sessions) * (1 + effect * (variant == "planted"))
        happened.append(Happening(at, str(number), "exposed", variant=variant))
        happened.append(Happening(at, str(number), "watched", watched))
    experiment = Experiment("e", "", "", "ab", variants, 0, 1, 1, "running", BEGIN, BEGIN, None)
    return summarise(experiment, happened, BEGIN + timedelta(days=14))


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    wish = parser.parse_args()
    seeds, viewers, days = (range(1), 15, 5) if wish.quick else (range(2), 24, 10)
    figures: dict[str, Any] = {}
    print("SIMULATION: viewers are invented, see benchmarks/simulator.py\n")
    print(f"interest met as a share of the oracle's, {len(seeds)} x {viewers} viewers, by day")
    for policy in ("ours", "all", "random"):
        shares = of_oracle(seeds, viewers, days, policy=policy)
        figures[f"share_last_day_{policy}"] = shares[-1]
        if policy == "ours":
            figures["days_to_80_percent_new_viewer"] = first_day(shares)
        print(f"  {policy:8}", " ".join(f"{share:5.3f}" for share in shares))
    clips = new_clips(seeds, viewers, 5 if wish.quick else 8)
    figures["days_to_80_percent_new_clip"] = first_day(clips)
    print("  new clips' showings as a share of the oracle's:", " ".join(f"{share:5.2f}" for share in clips))
    print(f"days to 80 %: new viewer {figures['days_to_80_percent_new_viewer']},", end=" ")
    print(f"new clip {figures['days_to_80_percent_new_clip']}\n")
    rows = slider(seeds, viewers, days)
    base = rows[0][2]
    print("slider   categories a session   watch time against none")
    for place, breadth, watched in rows:
        figures[f"slider_{place}_diversity"], figures[f"slider_{place}_watch"] = breadth, watched / base
        print(f"  {place:4.2f}   {breadth:6.3f}                {100 * (watched / base - 1):+6.2f} %")
    sessions = [
        sum(each.watched for each in seen) for day in run(7, viewers, days, policy="ours") for seen in day.values()
    ]
    print("\nplanted effect on watch time, 20,000 viewers: reported uplift [interval], verdict")
    for effect in (0.05, 0.0):
        found = planted(effect, sessions, 20_000, 5).results["watch_time"][0].uplift
        figures[f"planted_{effect}_uplift"] = found.relative
        figures[f"planted_{effect}_low"], figures[f"planted_{effect}_high"] = found.relative_low, found.relative_high
        low, high = 100 * (found.relative_low or 0), 100 * (found.relative_high or 0)
        print(
            f"  {100 * effect:+.0f} %: {100 * (found.relative or 0):+.2f} % [{low:+.2f}, {high:+.2f}], {found.verdict}"
        )
    if wish.json:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
        report = {"name": "simulation", "commit": done.stdout.strip(), "figures": figures}
        wish.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()

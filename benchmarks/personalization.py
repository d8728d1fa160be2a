"""How well the profile predicts real people, beside everything that it is compared with, in one run.

`python -m benchmarks.personalization [--quick] [--json FILE] [--only e1 e2 e3]`. E1 and E2 need the extra `dev`, E3
the files of Diginetica (`--diginetica FOLDER`); what is missing is skipped with the reason. What each seed gave is kept
beside FILE as it comes. --quick: a few trips, to see that everything runs; its figures mean nothing.
"""

import argparse
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks import journey, next_basket, next_click, policies, slate_replay
from benchmarks.journey import Journey
from personalization import features
from personalization.neighbours import Nearness

SEEDS = (1, 2, 3)
TRIPS, QUICK_TRIPS = 60_000, 300
BASKETS, QUICK_BASKETS = 119_001, 1_000
QUICK_CLICKS = 200
DIMENSIONS = 48
OURS = "ours, sentence encoder"


def slates(trips: Journey, quick: bool, path: Path | None, tell: Callable[[str], None]) -> dict[str, float]:
    """E1."""
    words = features.reduced(features.hashed(trips.names, 512), DIMENSIONS)
    vectors, ours = {"hashed words": words}, "ours, hashed words"
    if not quick and features.encoder() is features.encoded:
        tell("reading the product types with the sentence encoder")
        vectors = {"sentence encoder": features.reduced(features.encoded(trips.names), DIMENSIONS), **vectors}
        ours = OURS
    count, first = (QUICK_TRIPS, 0) if quick else (TRIPS, slate_replay.TUNED)
    runs = []
    for seed in SEEDS[:1] if quick else SEEDS:
        runs.append(slate_replay.replay(trips, count, seed, policies.everyone(vectors), tell))
        slate_replay.keep(path, seed, runs[-1])
    lines, figures = slate_replay.table(trips, first, runs, ours)
    print("\nE1 slates of 5 from 200, Complete Journey", *lines, sep="\n")
    if not quick:
        print("\nE1 variants, chosen among on trips 5,001-10,000 of seed 0")
        tried = slate_replay.replay(trips, slate_replay.TUNED, 0, policies.variants(next(iter(vectors.values()))), tell)
        for name, each in tried.items():
            if " / " not in name:
                print(
                    f"{name:<38}{each[slate_replay.TUNED // 2 :].mean():>8.3f}{each.mean():>8.3f} from the first trip"
                )
    return figures


def baskets(trips: Journey, quick: bool, tell: Callable[[str], None]) -> dict[str, float]:
    """E2."""
    found = next_basket.run(trips, QUICK_BASKETS if quick else BASKETS, tell)
    lines, figures = next_basket.table(trips, found)
    print("\nE2 next basket, Complete Journey", *lines, sep="\n")
    return figures


def clicks(folder: Path, quick: bool, tell: Callable[[str], None]) -> dict[str, float]:
    """E3."""
    train, test = next_click.read(folder / "train.txt.gz"), next_click.read(folder / "test.txt.gz")
    if quick:
        train, test = train[-5_000:], test[:QUICK_CLICKS]
    print("\nE3 next click, Diginetica")
    figures = {}
    for grow in (False, True):
        half_life = next_click.GROWING_HALF_LIFE if grow else next_click.HALF_LIFE
        nearness = Nearness(half_life=half_life * len(train), waning_life=next_click.WANING_LIFE * len(train))
        lines, each = next_click.run(train, test, nearness, tell, grow=grow)
        print(*lines, sep="\n")
        figures |= each
    return figures


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", nargs="*", choices=("e1", "e2", "e3"), default=("e1", "e2", "e3"))
    parser.add_argument("--diginetica", type=Path, default=next_click.FOLDER)
    asked = parser.parse_args()
    begin = time.perf_counter()

    def tell(text: str) -> None:
        print(f"  [{time.perf_counter() - begin:6.0f} s] {text}", flush=True)

    figures: dict[str, float] = {}
    if {"e1", "e2"} & set(asked.only):
        try:
            trips = journey.load()
        except ImportError as missing:
            print(f"E1 and E2 skipped: {missing}. Install the extra `dev`.")
        else:
            if "e1" in asked.only:
                figures |= slates(trips, asked.quick, asked.json, tell)
            if "e2" in asked.only:
                figures |= baskets(trips, asked.quick, tell)
    if "e3" in asked.only:
        if (asked.diginetica / "train.txt.gz").exists():
            figures |= clicks(asked.diginetica, asked.quick, tell)
        else:
            print(f"E3 skipped: there is no {asked.diginetica / 'train.txt.gz'} (no licence to ship it).")
    if asked.json:
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
        found = {name: value for name, value in figures.items() if np.isfinite(value)}
        asked.json.write_text(
            json.dumps({"name": "personalization", "commit": commit.stdout.strip(), "figures": found}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()

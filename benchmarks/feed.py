"""What a feed costs inside the process: profile, candidates, ranking and storyboard over a large library.

`python -m benchmarks.feed [--quick] [--json FILE]`. Requests come in an open loop (200 a second) from a process on the
other core; the time of each is taken where it is answered, beside it what it used of the processor (which a
busy machine changes less), and the time since it should have been sent. Each request computes its places, which is the
hard case; one row is of places that a worker filled ahead, as is usual. Then the
way from a reaction to a different feed, with both commits; and how it grows with clips and with a viewer's history.
"""

import argparse
import json
import multiprocessing
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from benchmarks import plot
from personalization import consent, events, memory, state
from personalization.log import Event
from personalization.profile import rebuild
from shop import catalog, merchants
from shop.catalog import NewVariant
from shop.money import Money
from storage import accounts
from storage.clock import utcnow
from storage.database import Database, metadata
from storage.ids import new_id
from storage.kept import settle
from video_assembly import clips, library, lineup, videos
from video_assembly.library import NewSegment
from video_assembly.templates import ORDER

PER_ROLE, QUICK_PER_ROLE = 8_000, 200
PER_PRODUCT = 4
RATE = 200
VIEWERS = 100
WARMED = 20
HISTORY = 40
CATEGORIES, BRANDS = 40, 200
NAMES = ("Video Liked", "Video Skipped", "Product Viewed", "Product Added", "Order Completed")


@dataclass(frozen=True)
class Scene:
    """A library in a database file, and its viewers."""

    url: str
    products: Sequence[str]
    viewers: Sequence[str]


def build(folder: Path, per_role: int) -> Scene:
    """Write products with four segments a role each, and viewers who did forty things."""
    url = f"sqlite:///{folder / f'{per_role}.sqlite3'}"
    db, now, dice = Database(url), utcnow() - timedelta(days=1), random.Random(1)
    metadata.create_all(db.engine)
    products = []
    with db.writing() as tx:
        shops = [merchants.add_merchant(tx, f"m{n}", f"M{n}") for n in range(10)]
        for number in range(per_role // PER_PRODUCT):
            shop = shops[number % len(shops)]
            product = catalog.add_product(
                tx,
                shop,
                f"p{number}",
                titles={"de": f"Ding {number % 97} aus Stoff {number % 31}"},
                descriptions={"de": "Gut."},
                brand=f"b{number % BRANDS}",
                category=f"c{number % CATEGORIES}",
                variants=[NewVariant(f"p{number}", Money(100, "EUR"), {}, 5)],
                now=now - timedelta(days=number % 90),
            )
            products.append(product)
            clip = clips.add_clip(
                tx,
                shop,
                clip_id=new_id(),
                filename="c.mp4",
                title="C",
                size=1,
                product_ids=[product],
                language="de",
                now=now,
            )
            made = [
                NewSegment(
                    digest=f"{number}-{role}-{each}",
                    index=b"",
                    init_digest="i",
                    units=2 + each % 2,
                    duration_ms=1600 * (2 + each % 2),
                    bytes=1,
                    start_ms=0,
                    has_sound=True,
                    product_id=product,
                    role=role,
                )
                for role in ORDER
                for each in range(PER_PRODUCT)
            ]
            library.store_segments(tx, clip, made, now)
            clips.set_state(tx, clip.id, "ready", now, duration_ms=20_000)
    viewers = []
    with db.writing() as tx:
        for _ in range(VIEWERS):
            viewer = accounts.add_guest(tx, "de", now)
            consent.put(tx, viewer, personalise=True, measure=True, text_version="1", source="b", now=now)
            messages = [
                {
                    "messageId": new_id(),
                    "event": dice.choice(NAMES),
                    "properties": {"product_id": dice.choice(products)},
                    "timestamp": (now - timedelta(hours=dice.randrange(700))).isoformat(),
                }
                for _ in range(HISTORY)
            ]
            events.ingest(tx, viewer, events.check(messages), now, videos.subjects)
            viewers.append(viewer)
    db.dispose()
    return Scene(url, products, viewers)


def answer(scene: Scene, places: int, ahead: bool, pipe: Connection) -> None:
    """Answer requests in a process of its own: the number of a viewer in, the seconds that its feed took out.

    With `ahead` all places are filled beforehand and only read; else each request computes all of its places.
    """
    _stay_on(0)
    os.nice(5)
    db = Database(scene.url)
    _ready(db, scene, places, ahead)
    while (number := pipe.recv()) is not None:
        begin, used = time.perf_counter(), time.thread_time()
        now = utcnow()
        with db.reading() as tx:
            if ahead:
                page = videos.ready(tx, scene.viewers[number], limit=places, now=now)
                count = 0 if page is None else len(page.videos)
            else:
                current = state.current(tx, scene.viewers[number], now)
                wanted = range(1, places + 1)
                count = len(lineup.planned(tx, scene.viewers[number], current, wanted, now, current.seed, []))
        pipe.send((time.perf_counter() - begin, time.thread_time() - used, count))
    db.dispose()


def _ready(db: Database, scene: Scene, places: int, ahead: bool) -> None:
    """Do before the requests what web does beside them until all is known; with `ahead` what the worker does, too."""
    if ahead:
        for viewer in scene.viewers:
            with db.writing() as tx:
                videos.assemble(tx, viewer, places=places, now=utcnow())
    with db.reading() as tx:
        for _ in range(1 + len(scene.products) // lineup.MOST_PREPARED):
            lineup.prepare(tx, ["de"], utcnow())
    settle()


def load(scene: Scene, places: int, seconds: float, rate: float, *, ahead: bool = False) -> dict[str, float]:
    """Send requests at their times whatever the answers do, and return quantiles in milliseconds."""
    ours, theirs = multiprocessing.Pipe()
    given = (scene, places, ahead, theirs)
    server = multiprocessing.get_context("spawn").Process(target=answer, args=given, daemon=True)
    server.start()
    _stay_on(1)
    # Connections and statements; the first request of each of the other viewers comes cold, as after a reaction.
    for number in range(WARMED):
        ours.send(number % VIEWERS)
        ours.recv()
    inside, worked, whole = [], [], []
    known = set(range(WARMED))
    cold: list[float] = []
    warm: list[float] = []
    waiting: list[float] = []
    asked: list[int] = []
    begin, sent = time.perf_counter(), 0
    most = int(seconds * rate)
    while len(inside) < most:
        now = time.perf_counter()
        due = begin + sent / rate
        # Answers first: who only sends while the other is late would wait for the other to read, and both for ever.
        if sent < most and now >= due and not ours.poll():
            waiting.append(due)
            asked.append(sent * 7 % VIEWERS)
            ours.send(asked[-1])
            sent += 1
        elif ours.poll(max(0.0, min(0.01, due - now)) if sent < most else 5.0):
            taken, used, count = ours.recv()
            assert count == places, "the feed is shorter than asked for"
            viewer = asked[len(inside)]
            (warm if viewer in known else cold).append(taken)
            known.add(viewer)
            inside.append(taken)
            worked.append(used)
            whole.append(time.perf_counter() - waiting[len(inside) - 1])
    took = time.perf_counter() - begin
    ours.send(None)
    server.join(10)
    return {
        **{f"inside p{q}": 1e3 * float(np.percentile(inside, q)) for q in (50, 95, 99)},
        **{f"first of a viewer p{q}": 1e3 * float(np.percentile(cold or [0.0], q)) for q in (50, 99)},
        "others p99": 1e3 * float(np.percentile(warm or [0.0], 99)),
        **{f"CPU p{q}": 1e3 * float(np.percentile(worked, q)) for q in (50, 99)},
        "with queue p99": 1e3 * float(np.percentile(whole, 99)),
        "answered a second": most / took,
    }


def reactions(scene: Scene, rounds: int) -> dict[str, float]:
    """Return the milliseconds from a reaction that arrives to the new feed that was read, both committed."""
    db, taken, differ = Database(scene.url), [], 0
    _ready(db, scene, 10, ahead=False)
    for number in range(rounds):
        viewer, now = scene.viewers[number % VIEWERS], utcnow()
        with db.writing() as tx:
            before = videos.feed(tx, viewer, limit=10, now=now)
        begin = time.perf_counter()
        message = {
            "messageId": new_id(),
            "event": "Not Interested",
            "properties": {"product_id": before.videos[0].product_id, "scope": "category"},
        }
        with db.writing() as tx:
            events.ingest(tx, viewer, events.check([message]), now, videos.subjects)
        with db.writing() as tx:
            after = videos.feed(tx, viewer, limit=10, now=now)
        taken.append(time.perf_counter() - begin)
        differ += [each.id for each in after.videos] != [each.id for each in before.videos]
    db.dispose()
    assert differ == rounds, "a feed did not follow the reaction"
    return {f"p{q}": 1e3 * float(np.percentile(taken, q)) for q in (50, 95)}


def histories() -> dict[str, float]:
    """Return the milliseconds that a profile takes to be made anew and the bytes that are kept, by its events."""
    now, found = utcnow(), {}
    for length in (30, 300):
        happened = [
            Event(
                f"e{n}", NAMES[n % len(NAMES)], now - timedelta(hours=n), f"p{n % 90}", f"c{n % 12}", f"b{n % 30}", "m"
            )
            for n in range(length)
        ]
        begin = time.perf_counter()
        for _ in range(20):
            profile = rebuild(happened)
        found[f"rebuild {length} ms"] = 1e3 * (time.perf_counter() - begin) / 20
        found[f"kept {length} bytes"] = float(len(json.dumps(memory.to_json(profile))))
    return found


def _stay_on(core: int) -> None:
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > core:
        os.sched_setaffinity(0, {core})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    most, seconds = (QUICK_PER_ROLE, 0.5) if asked.quick else (PER_ROLE, 20.0)
    figures: dict[str, float] = {"load average": os.getloadavg()[0]}
    print(f"load of the machine before: {figures['load average']:.1f}")
    growth = []
    with tempfile.TemporaryDirectory() as folder:
        for per_role in sorted({most // 8, most}):
            scene = build(Path(folder), per_role)
            for places in (1, 10):
                found = load(scene, places, seconds, RATE if places == 1 else RATE / 10)
                name = f"5 x {per_role}, {places} places"
                print(f"{name:<24}" + "  ".join(f"{what} {value:.2f}" for what, value in found.items()) + "  (ms)")
                figures |= {f"{name} {what}": round(value, 3) for what, value in found.items()}
                if places == 1:
                    growth.append((per_role / 1000, found["inside p99"]))
        found = load(scene, 10, seconds, RATE, ahead=True)
        name = "10 places filled ahead"
        print(f"{name:<24}" + "  ".join(f"{what} {value:.2f}" for what, value in found.items()) + "  (ms)")
        figures |= {f"{name} {what}": round(value, 3) for what, value in found.items()}
        found = reactions(scene, 5 if asked.quick else 60)
        print(f"reaction to new feed   p50 {found['p50']:.1f} ms  p95 {found['p95']:.1f} ms, two commits")
        figures |= {f"reaction {what}": round(value, 2) for what, value in found.items()}
    found = histories()
    print("  ".join(f"{name} {value:.2f}" for name, value in found.items()))
    figures |= {name: round(value, 3) for name, value in found.items()}
    if asked.json:
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
        asked.json.write_text(
            json.dumps({"name": "feed", "commit": commit.stdout.strip(), "figures": figures}, indent=1) + "\n"
        )
        plot.lines(
            asked.json.with_suffix(".svg"),
            "One video at 200 requests a second",
            "thousand segments a role",
            "ms, p99",
            {"inside the process": growth},
        )


if __name__ == "__main__":
    main()

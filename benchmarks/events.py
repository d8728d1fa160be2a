"""How many events a second are taken in by one core, and what that does to who reads meanwhile.

`python -m benchmarks.events [--quick] [--json FILE]`: batches of a phone's size from many viewers into a SQLite file as
`vitrine up` has it; then the same at 2,000 events/s while another thread reads what a feed is made from.
"""

import argparse
import json
import random
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from personalization import consent, events, state
from shop import catalog, merchants
from shop.catalog import NewVariant
from shop.money import Money
from storage import accounts
from storage.clock import utcnow
from storage.database import Database, metadata
from storage.ids import new_id

VIEWERS, PRODUCTS, BATCH = 400, 60, 40
NAMES = ("Video Content Started", "Video Content Playing", "Video Playback Exited", "Video Liked", "Video Skipped")
WANTED = 2_000


def shop_of(db: Database) -> tuple[list[str], list[str]]:
    """Write products and viewers who agreed; returns their ids."""
    now = utcnow()
    with db.writing() as tx:
        merchant = merchants.add_merchant(tx, "m", "M")
        products = [
            catalog.add_product(
                tx,
                merchant,
                f"p{n}",
                titles={"de": f"p{n}"},
                descriptions={"de": "Gut."},
                brand=f"b{n % 12}",
                category=f"c{n % 8}",
                variants=[NewVariant(f"p{n}", Money(100, "EUR"), {}, 5)],
                now=now,
            )
            for n in range(PRODUCTS)
        ]
        viewers = [accounts.add_guest(tx, "de", now) for _ in range(VIEWERS)]
        for viewer in viewers:
            consent.put(tx, viewer, personalise=True, measure=True, text_version="1", source="b", now=now)
    return products, viewers


def batch_of(products: list[str], dice: random.Random) -> events.Batch:
    """Make a batch as a phone sends it, through the same door."""
    messages = [
        {
            "messageId": new_id(),
            "event": dice.choice(NAMES),
            "properties": {
                "product_id": dice.choice(products),
                "watched_ms": dice.randrange(20_000),
                "total_length": 12,
            },
        }
        for _ in range(BATCH)
    ]
    return events.read_batch(json.dumps({"batch": messages}).encode())


def take_in(db: Database, viewer: str, batch: events.Batch) -> None:
    """Take one batch in, as the endpoint does."""
    with db.writing() as tx:
        events.ingest(tx, viewer, batch, utcnow(), lambda tx, videos, segments: {})


def flat_out(db: Database, products: list[str], viewers: list[str], batches: int) -> float:
    """Return events for each second of this process's processor time."""
    dice = random.Random(1)
    begin = time.process_time()
    for _ in range(batches):
        take_in(db, dice.choice(viewers), batch_of(products, dice))
    return batches * BATCH / (time.process_time() - begin)


def readers(db: Database, viewers: list[str], seconds: float, pause: float) -> list[float]:
    """Return how long reading what a feed is made from took, in milliseconds."""
    dice, found, end = random.Random(2), [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        with db.reading() as tx:
            state.current(tx, dice.choice(viewers), utcnow())
        found.append(1000 * (time.perf_counter() - begin))
        time.sleep(pause)
    return found


def paced(db: Database, products: list[str], viewers: list[str], seconds: float) -> tuple[float, list[float]]:
    """Send WANTED events a second for a while; returns what was reached, and the readers' times."""
    times: list[float] = []
    reader = threading.Thread(target=lambda: times.extend(readers(db, viewers, seconds, 0.02)))
    reader.start()
    dice, sent, begin = random.Random(3), 0, time.perf_counter()
    while (now := time.perf_counter() - begin) < seconds:
        due = sent * BATCH / WANTED
        if due > now:
            time.sleep(due - now)
        take_in(db, dice.choice(viewers), batch_of(products, dice))
        sent += 1
    reader.join()
    return sent * BATCH / (time.perf_counter() - begin), times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    wish = parser.parse_args()
    seconds = 3.0 if wish.quick else 15.0
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        db = Database(f"sqlite:///{folder}/events.sqlite")
        metadata.create_all(db.engine)
        products, viewers = shop_of(db)
        flat_out(db, products, viewers, 10)
        figures["events_per_core_second"] = flat_out(db, products, viewers, 50 if wish.quick else 400)
        idle = readers(db, viewers, seconds / 3, 0.02)
        figures["reached_events_per_second"], busy = paced(db, products, viewers, seconds)
        for name, times in (("idle", idle), ("at_2000_events", busy)):
            figures[f"read_p50_ms_{name}"] = statistics.median(times)
            figures[f"read_p99_ms_{name}"] = statistics.quantiles(times, n=100)[98]
        db.dispose()
    for name, value in figures.items():
        print(f"{name:32} {value:10.2f}")
    if wish.json:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
        wish.json.write_text(
            json.dumps({"name": "events", "commit": done.stdout.strip(), "figures": figures}, indent=1)
        )


if __name__ == "__main__":
    main()

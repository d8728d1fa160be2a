"""What grows with a library and with the stored videos: planning, finding and stitching one, bytes on the disk."""

import random
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import select, text

import web.app  # noqa: F401  every package's tables
from storage import schema
from storage.database import Database
from storage.ids import new_id
from storage.media import Media
from video_assembly import videos
from video_assembly.candidates import SegmentCandidate
from video_assembly.library import segments
from video_assembly.lots import Subject
from video_assembly.packed import Ingredient, pack
from video_assembly.shelf import Shelf
from video_assembly.stitch import SegmentSource, Stitched
from video_assembly.storyboard import Rules, plan
from video_assembly.templates import ORDER
from web import demo

NOW = datetime(2026, 11, 25, tzinfo=UTC)
CATEGORIES, SEGMENTS_OF_A_PRODUCT, PLANS, LOOKUPS, AT_ONCE = 20, 50, 300, 300, 50_000
# Millions of rows: written without what makes one row convenient.
INSERT = (
    "INSERT INTO recipes (id, digest, product_id, merchant_id, segments, duration_ms, created_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)
Figures = dict[str, float]


def library(size: int) -> list[SegmentCandidate]:
    """A library of products with ten segments a role, of all lengths, colours and paces; always the same."""
    dice = random.Random(size)
    found = []
    for number in range(size):
        product = number // SEGMENTS_OF_A_PRODUCT
        name = f"s{number:06}"
        found.append(
            SegmentCandidate(
                id=name,
                clip_id=f"c{number // 6}",
                merchant_id="m",
                product_id=f"p{product}",
                category=f"k{product % CATEGORIES}",
                role=ORDER[number % len(ORDER)],
                units=(units := dice.randint(1, 4)),
                duration_ms=1600 * units,
                digest=name,
                init_digest="i",
                media_key=f"segments/{name}.mp4",
                poster_key=f"posters/{name}.jpg",
                language="de",
                tags=(f"t{dice.randrange(30)}",),
                created_at=NOW,
                start_ms=1600 * (number % 6),
                colour=dice.randrange(1 << 24),
                pace=dice.random(),
            )
        )
    return found


def plans(sizes: Sequence[int]) -> list[Figures]:
    """Milliseconds of the processor to plan one video for a viewer who had a hundred segments, by library size."""
    found = []
    for size in sizes:
        start = time.process_time()
        shelf = Shelf(library(size))
        sorted_in = 1e3 * (time.process_time() - start)
        products = size // SEGMENTS_OF_A_PRODUCT
        dice, lend = random.Random(1), {f"p{number}" for number in range(products)}
        first, again = [], []
        for number in range(PLANS):
            product = dice.randrange(products)
            subject = Subject(f"p{product}", "m", f"k{product % CATEGORIES}")
            used = {f"s{dice.randrange(size):06}": dice.random() for _ in range(100)}
            tastes = {f"t{tag}": 0.5 for tag in range(5)}
            for times in (first, again):
                start = time.process_time()
                board = plan(shelf, subject, Rules("de"), str(number), used=used, lend=lend, tastes=tastes)
                times.append(1e3 * (time.process_time() - start))
                assert board is not None, "ten segments a role make a video"
        figures = {
            f"plan_p50_ms_{size}": statistics.median(again),
            f"plan_p99_ms_{size}": statistics.quantiles(again, n=100)[98],
            f"plan_first_p50_ms_{size}": statistics.median(first),
            f"shelf_ms_{size}": sorted_in,
        }
        found.append({name: round(value, 3) for name, value in figures.items()})
        print(
            f"{size:>9} segments: " + "  ".join(f"{name} {value:.2f}" for name, value in found[-1].items()), flush=True
        )
    return found


def one_product(size: int) -> Figures:
    """Milliseconds to plan one video when all of the library is about one product, the least of five runs each.

    The least, because all these plans are the same work: what is above it is the machine's.
    """
    shelf = Shelf(replace(each, product_id="p0", category="k0") for each in library(size))
    subject, dice, found = Subject("p0", "m", "k0"), random.Random(3), []
    for number in range(PLANS // 3):
        used = {f"s{dice.randrange(size):06}": dice.random() for _ in range(100)}
        tastes = {f"t{tag}": 0.5 for tag in range(5)}
        times = []
        for _ in range(5):
            start = time.process_time()
            board = plan(shelf, subject, Rules("de"), str(number), used=used, lend={"p0"}, tastes=tastes)
            times.append(1e3 * (time.process_time() - start))
            assert board is not None, "two hundred segments a role make a video"
        found.append(min(times))
    figures = {
        "one_product_segments": size,
        "one_product_p50_ms": round(statistics.median(found), 3),
        "one_product_p99_ms": round(statistics.quantiles(found, n=100)[98], 3),
    }
    print(f"{size:>9} of one product: p50 {figures['one_product_p50_ms']}  p99 {figures['one_product_p99_ms']}")
    return figures


def lookups(counts: Sequence[int], folder: Path) -> list[Figures]:
    """Milliseconds to check, find and stitch one of the stored videos, and their bytes, by how many there are."""
    database, media = Database(f"sqlite:///{folder / 'growth.sqlite3'}"), Media(folder / "media")
    schema.upgrade(database)
    demo.load(database, media, NOW)
    with database.reading() as tx:
        rows = tx.all(select(segments))
    dice, found = random.Random(2), []
    made = _made({role: [row for row in rows if row.role == role] for role in ORDER}, dice)
    ids: list[str] = []
    empty = _bytes(database)
    for count in counts:
        start = time.perf_counter()
        while len(ids) < count:
            some = [new_id() for _ in range(min(AT_ONCE, count - len(ids)))]
            with database.writing() as tx:
                tx.connection.exec_driver_sql(INSERT, [(each, dice.randbytes(32), *dice.choice(made)) for each in some])
            ids += some
        print(f"{count:>9} videos written, {time.perf_counter() - start:.0f} s", flush=True)
        used = []
        for _ in range(LOOKUPS):
            start = time.process_time()
            with database.reading() as tx:
                playable = videos.video(tx, dice.choice(ids), NOW, viewer_id=None)
            parts = [SegmentSource(media.path(s.media_key), s.index, s.init_digest, s.digest) for s in playable.sources]
            next(Stitched(parts).read(0, 262_144))
            used.append(1e3 * (time.process_time() - start))
        figures = {
            f"lookup_p50_ms_{count}": round(statistics.median(used), 3),
            f"lookup_p99_ms_{count}": round(statistics.quantiles(used, n=100)[98], 3),
            f"bytes_per_video_{count}": round((_bytes(database) - empty) / count),
        }
        found.append(figures)
        print(f"{count:>9} videos:   " + "  ".join(f"{name} {value:g}" for name, value in figures.items()), flush=True)
    database.dispose()
    return found


def _made(by_role: dict[str, list[Any]], dice: random.Random) -> list[tuple[str, str, bytes, int, int]]:
    """Columns of a thousand recipes; what they hold may come again, their ids and digests do not."""
    found = []
    for _ in range(1_000):
        chosen = [dice.choice(by_role[role]) for role in ORDER]
        subject = chosen[-1]
        ingredients = [
            Ingredient(each.id, each.clip_id, each.product_id, each.role, each.duration_ms, each.poster_key)
            for each in chosen
        ]
        length, at = sum(each.duration_ms for each in ingredients), int(NOW.timestamp() * 1000)
        packed = pack(ingredients, subject.product_id)
        found.append((subject.product_id, subject.merchant_id, packed, length, at))
    return found


def _bytes(database: Database) -> int:
    with database.reading() as tx:
        pages, size = (tx.scalar(text(f"PRAGMA {name}")) for name in ("page_count", "page_size"))
    return int(pages) * int(size)


def commit() -> str:
    """Return the commit that is measured."""
    found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def draw(path: Path, plot: ModuleType, title: str, up: str, figures: Figures, what: str) -> None:
    """Draw how a figure grows; the axis counts powers of ten."""
    series: dict[str, list[tuple[float, float]]] = {}
    for name, value in figures.items():
        stem, _, size = name.rpartition("_")
        if stem.startswith(what) and "_ms" in stem and size.isdigit():
            label = stem.removeprefix(f"{what}_").removesuffix("_ms").replace("_", " ")
            series.setdefault(label, []).append((len(size) - 1, value))
    plot.lines(path, title, "powers of ten in the library or in the database", up, series)

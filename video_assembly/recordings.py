"""What a show leaves behind: its replay for a while, and for each merchant a clip of what was pinned of theirs.

The recorder's files are read here by their journal (livestream/recording.py says what is in it): a segment's line
names the bytes of its picture and of its Opus in the file of its take, and those bytes are there.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Column, ForeignKey, Integer, Table, delete, insert, select, update

from shop import catalog
from shop.shows import OVER, Pin, Show, shows
from storage import jobs
from storage.accounts import people
from storage.database import Instant, Tx, metadata
from video_assembly.clips import MOST_PRODUCTS, clips
from video_assembly.common_form import UNIT_SECONDS
from video_assembly.plan import MOST_UNITS, Span
from video_assembly.source import Limits
from video_assembly.upkeep import remove_clip

JOB = "recording"
JOURNAL = "journal.jsonl"
ROLE = "demo"
RATE = 90_000
SOUND_TRACK, SOUND_RATE = 2, 48_000
# Of what is pinned so many seconds become a segment, as much as one holds; a pin of less than one unit gives none.
LONGEST, SHORTEST = MOST_UNITS * UNIT_SECONDS, UNIT_SECONDS + 0.1
# Excerpts end with whole segments of the recording.
ENDS_LATE = 1.5

recordings = Table(
    "recordings",
    metadata,
    Column("show_id", ForeignKey("shows.id", ondelete="CASCADE"), primary_key=True),
    Column("host_id", ForeignKey(people.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("seconds", Integer),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
)
# Which part of a clip shows which product: each becomes one segment.
parts = Table(
    "recording_parts",
    metadata,
    Column("clip_id", ForeignKey("clips.id", ondelete="CASCADE"), primary_key=True),
    Column("start_ms", Integer, primary_key=True),
    Column("units", Integer, nullable=False),
    Column("show_id", ForeignKey("shows.id", ondelete="SET NULL"), index=True),
    Column("product_id", ForeignKey("products.id", ondelete="CASCADE"), nullable=False),
)


@dataclass(frozen=True)
class Piece:
    """A segment of a recording: seconds, the instant of its beginning, its take, and where its bytes are there."""

    start: float
    duration: float
    at: float
    take: int
    jump: bool
    key: bool
    places: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Recorded:
    """What the journal of a show's folder says."""

    folder: Path
    heads: dict[int, int]
    pieces: list[Piece]
    closed: bool

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.pieces[-1].start + self.pieces[-1].duration if self.pieces else 0.0

    def head(self, take: int) -> bytes:
        """Return the init of a take."""
        with self._path(take).open("rb") as file:
            return file.read(self.heads[take])

    def read(self, piece: Piece) -> bytes:
        """Return the fragments of a segment."""
        with self._path(piece.take).open("rb") as file:
            found = []
            for offset, length in piece.places:
                file.seek(offset)
                found.append(file.read(length))
        return b"".join(found)

    def _path(self, take: int) -> Path:
        return self.folder / f"{take:04}.mp4"


@dataclass(frozen=True)
class Part:
    """A segment to be of a clip, and the product that it is about."""

    span: Span
    product_id: str


@dataclass(frozen=True)
class Excerpt:
    """Segments in which one product was pinned."""

    product_id: str
    pieces: tuple[Piece, ...]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return sum(piece.duration for piece in self.pieces)


def load(folder: Path) -> Recorded:
    """Read a journal; a folder without one is an empty recording."""
    heads: dict[int, int] = {}
    pieces: list[Piece] = []
    closed = True
    path = folder / JOURNAL
    whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
    for line in map(json.loads, whole.splitlines()):
        if "heads" in line:
            heads[line["take"]] = line["heads"]["opus"]
            closed = False
        elif "segment" in line:
            places = tuple((offset, length) for offset, length in sorted(line["video"] + line["opus"]))
            seconds = line["start"] / RATE, line["duration"] / RATE
            pieces.append(Piece(*seconds, line["at"], line["take"], line["jump"], line["key"], places))
        elif line.get("closed"):
            closed = True
    return Recorded(folder, heads, pieces, closed)


def note_end(tx: Tx, show: Show, now: datetime, keep: timedelta) -> None:
    """A show is over: its recording is looked after by a worker, and kept for so long."""
    known = tx.scalar(select(recordings.c.show_id).where(recordings.c.show_id == show.id))
    if known is None:
        row = {"show_id": show.id, "host_id": show.host_id, "created_at": now, "expires_at": now + keep}
        tx.execute(insert(recordings).values(row))
        jobs.enqueue(tx, JOB, show.id, show.id, now)


def note_length(tx: Tx, show_id: str, seconds: float) -> None:
    """Note how long a recording is."""
    tx.execute(update(recordings).where(recordings.c.show_id == show_id).values(seconds=round(seconds)))


def note_parts(tx: Tx, clip_id: str, show_id: str, shown: Sequence[Part]) -> None:
    """Note which product a clip shows where."""
    rows = [
        {
            "clip_id": clip_id,
            "show_id": show_id,
            "start_ms": round(part.span.start * 1000),
            "units": part.span.units,
            "product_id": part.product_id,
        }
        for part in shown
    ]
    tx.execute(insert(parts), rows)


def parts_of(tx: Tx, clip_id: str) -> list[Part]:
    """Return what of a clip shows which product; empty for an upload."""
    rows = tx.all(select(parts).where(parts.c.clip_id == clip_id).order_by(parts.c.start_ms))
    return [Part(Span(row.start_ms / 1000, row.units), row.product_id) for row in rows]


def clips_of(tx: Tx, show_id: str) -> list[str]:
    """Return the clips that were made of a show."""
    found = tx.execute(select(parts.c.clip_id).where(parts.c.show_id == show_id).distinct()).scalars()
    return sorted(found)


def drop(tx: Tx, show_id: str) -> None:
    """Forget a show's replay; its files are for the caller."""
    tx.execute(delete(recordings).where(recordings.c.show_id == show_id))


def expire(tx: Tx, now: datetime) -> None:
    """Forget the replays whose time is over."""
    tx.execute(delete(recordings).where(recordings.c.expires_at <= now))


def kept(tx: Tx, show_ids: Sequence[str]) -> set[str]:
    """Return which of these shows' files must stay: they run, or their replay is offered."""
    running = select(shows.c.id).where(shows.c.id.in_(show_ids), shows.c.state.not_in(OVER))
    offered = select(recordings.c.show_id).where(recordings.c.show_id.in_(show_ids))
    return {*tx.execute(running).scalars(), *tx.execute(offered).scalars()}


def take_orphans(tx: Tx, now: datetime) -> list[str]:
    """Take the clips out of the library whose show was erased; their originals are for the caller to delete."""
    lost = select(parts.c.clip_id).where(parts.c.show_id.is_(None))
    rows = tx.all(select(clips.c.id, clips.c.merchant_id).where(clips.c.id.in_(lost)))
    for row in rows:
        remove_clip(tx, row.id, row.merchant_id, now)
    tx.execute(delete(parts).where(parts.c.show_id.is_(None)))
    return [row.id for row in rows]


def export(tx: Tx, person_id: str) -> list[dict[str, Any]]:
    """Return which recordings there are of a person's shows."""
    rows = tx.all(select(recordings).where(recordings.c.host_id == person_id).order_by(recordings.c.show_id))
    return [dict(row._mapping) for row in rows]


def erase(tx: Tx, person_id: str) -> None:
    """Remove the recordings of a person's shows; files and the clips cut from them go with the next tidying."""
    tx.execute(delete(recordings).where(recordings.c.host_id == person_id))


def owners(tx: Tx, pins: Sequence[Pin]) -> dict[str, str]:
    """Return the merchant of each pinned product."""
    ids = {pin.product_id for pin in pins}
    query = select(catalog.products.c.id, catalog.products.c.merchant_id).where(catalog.products.c.id.in_(ids))
    return {row.id: row.merchant_id for row in tx.all(query)}


def excerpts(recorded: Recorded, pins: Sequence[Pin]) -> Iterator[Excerpt]:
    """Yield what was recorded of each pin: from the first keyframe after it on, as much as one segment holds."""
    for pin in pins:
        start = pin.at.timestamp()
        until = float("inf") if pin.until is None else pin.until.timestamp()
        taken: list[Piece] = []
        for piece in recorded.pieces:
            if not taken and (piece.at < start or not piece.key):
                continue
            inside = piece.at + piece.duration <= until + ENDS_LATE and sum(p.duration for p in taken) < LONGEST
            if not inside or (taken and (piece.jump or piece.take != taken[0].take)):
                break
            taken.append(piece)
        excerpt = Excerpt(pin.product_id, tuple(taken))
        if excerpt.seconds >= SHORTEST:
            yield excerpt


def batches(recorded: Recorded, found: Sequence[Excerpt], limits: Limits) -> Iterator[list[Excerpt]]:
    """Group a merchant's excerpts into clips that ingest takes: of one init, not too long, large or many products."""
    batch: list[Excerpt] = []
    head, seconds, size = b"", 0.0, 0
    for excerpt in found:
        own = recorded.head(excerpt.pieces[0].take)
        bytes_of = sum(length for piece in excerpt.pieces for _, length in piece.places)
        products = {each.product_id for each in batch} | {excerpt.product_id}
        fits = own == head and seconds + excerpt.seconds < limits.seconds and size + bytes_of < limits.size
        if batch and not (fits and len(products) <= MOST_PRODUCTS):
            yield batch
            batch, seconds, size = [], 0.0, 0
        batch.append(excerpt)
        head, seconds, size = own, seconds + excerpt.seconds, size + bytes_of
    if batch:
        yield batch


def write(recorded: Recorded, batch: Sequence[Excerpt], target: Path) -> list[Part]:
    """Write excerpts as one fragmented MP4; returns what of it shows which product."""
    shown = []
    end = 0.0
    with target.open("wb") as file:
        file.write(recorded.head(batch[0].pieces[0].take))
        for excerpt in batch:
            units = min(MOST_UNITS, int(excerpt.seconds / UNIT_SECONDS))
            shown.append(Part(Span(end, units), excerpt.product_id))
            back = excerpt.pieces[0].start - end
            for piece in excerpt.pieces:
                file.write(moved(recorded.read(piece), back))
            end += excerpt.seconds
    return shown


def moved(fragments: bytes, seconds: float) -> bytes:
    """Move fragments to an earlier time: the `tfdt` of each (ISO/IEC 14496-12, 8.8.12), never before the beginning."""
    data = bytearray(fragments)
    for at, track in _times(data):
        ticks = round(seconds * (SOUND_RATE if track == SOUND_TRACK else RATE))
        time = struct.unpack_from(">Q", data, at)[0]
        struct.pack_into(">Q", data, at, max(time - ticks, 0))
    return bytes(data)


def _times(data: bytearray) -> Iterator[tuple[int, int]]:
    """Where the times of fragments stand, and of which track they are."""
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind != b"moof":
            continue
        for inner, first, last in _boxes(data, start, end):
            if inner != b"traf":
                continue
            track = 0
            for leaf, at, _ in _boxes(data, first, last):
                if leaf == b"tfhd":
                    track = struct.unpack_from(">I", data, at + 4)[0]
                elif leaf == b"tfdt":
                    yield at + 4, track


def _boxes(data: bytearray, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        if size < 8:
            return
        yield kind, start + 8, start + size
        start += size

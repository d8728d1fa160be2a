"""New versions of a segment: the merchant moves its beginning or end, a worker cuts it anew from the original."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Column, ForeignKey, Integer, String, Table, insert, select, update

from storage import jobs
from storage.database import Instant, Tx, metadata
from storage.errors import Conflict, UserError
from storage.ids import new_id
from video_assembly import clips
from video_assembly.common_form import UNIT_SECONDS
from video_assembly.library import MERCHANTS_OWN, NewSegment, add_segment, segment, segments
from video_assembly.plan import MOST_UNITS, Span

JOB = "recut"
UNIT_MS = round(UNIT_SECONDS * 1000)
# A last picture may be held this long to fill a unit.
HELD_MS = 300

recuts = Table(
    "recuts",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("segment_id", ForeignKey("segments.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("start_ms", Integer, nullable=False),
    Column("units", Integer, nullable=False),
    Column("state", String(8), nullable=False),
    Column("reason", String(40)),
    Column("created_at", Instant, nullable=False),
)


@dataclass(frozen=True)
class Recut:
    """A wish for other edges of a segment; `state` is queued, done or failed, `reason` a code when failed."""

    id: str
    segment_id: str
    start_ms: int
    units: int
    state: str
    reason: str | None

    @property
    def span(self) -> Span:
        """The stretch of the clip that is wanted."""
        return Span(self.start_ms / 1000, self.units)


@dataclass(frozen=True)
class Version:
    """A segment as it is or was: its number, its edges in the clip, whether it is the one in use."""

    id: str
    version: int
    start_ms: int
    duration_ms: int
    used_in: int
    created_at: datetime
    current: bool


def cut_anew(tx: Tx, segment_id: str, merchant_id: str, start_ms: int, end_ms: int, now: datetime) -> Recut:
    """Queue a version of a segment from `start_ms` to `end_ms` of its clip, in whole units of 1.6 s.

    Raises NotFound, UserError for edges that cannot be, and Conflict when the original is gone or a cut is on its way.
    """
    before = segment(tx, segment_id, merchant_id)
    clip = clips.clip(tx, before.clip_id, merchant_id)
    units, rest = divmod(end_ms - start_ms, UNIT_MS)
    if rest or not 1 <= units <= MOST_UNITS:
        raise UserError(
            "cut-length", "A segment lasts 1.6, 3.2, 4.8 or 6.4 seconds.", field="out", units=[1.6, 3.2, 4.8, 6.4]
        )
    if start_ms < 0 or end_ms > (clip.duration_ms or 0) + HELD_MS:
        raise UserError("cut-outside", "The clip is not that long.", field="in" if start_ms < 0 else "out")
    if before.archived_at is not None or before.replaced_at is not None or not clip.bytes:
        raise Conflict("cut-not-possible", "This segment cannot be cut any more. Upload its clip again.")
    if any(each.state == "queued" for each in wishes(tx, [segment_id]).values()):
        raise Conflict("cut-underway", "A new version of this segment is being made. Wait until it is there.")
    made = Recut(new_id(), segment_id, start_ms, units, "queued", None)
    tx.execute(insert(recuts).values(**asdict(made), created_at=now))
    jobs.enqueue(tx, JOB, made.id, made.id, now)
    return made


def wish(tx: Tx, recut_id: str) -> Recut | None:
    """Return the wish that a job is about, None when its segment is gone."""
    row = tx.one_or_none(select(*_SHOWN).where(recuts.c.id == recut_id))
    return None if row is None else Recut(**row._mapping)


def wishes(tx: Tx, segment_ids: Collection[str]) -> dict[str, Recut]:
    """Return the newest wish of each segment that has one."""
    query = select(*_SHOWN).where(recuts.c.segment_id.in_(set(segment_ids))).order_by(recuts.c.id)
    return {row.segment_id: Recut(**row._mapping) for row in tx.all(query)}


def store_version(tx: Tx, done: Recut, new: NewSegment, now: datetime) -> str | None:
    """Put a new version in the place of a segment and return its id; None when there is nothing to replace any more.

    It takes over everything that the merchant set, captions moved with the pictures. Videos made with the old one
    keep it.
    """
    old = tx.one_or_none(select(segments).where(segments.c.id == done.segment_id, segments.c.replaced_at.is_(None)))
    clip = None if old is None else clips.for_ingest(tx, old.clip_id)
    if old is None or clip is None:
        return None
    tx.execute(update(recuts).where(recuts.c.id == done.id).values(state="done"))
    if new.digest == old.digest:
        return str(old.id)
    tx.execute(update(segments).where(segments.c.id == old.id).values(replaced_at=now))
    there = (segments.c.clip_id == old.clip_id) & (segments.c.position == old.position)
    same = tx.one_or_none(select(segments.c.id).where(there, segments.c.digest == new.digest))
    if same is not None:
        # Back to the edges of an earlier version: its row has the same bytes.
        kept = {name: old._mapping[name] for name in MERCHANTS_OWN}
        back = {"replaced_at": None, "version": old.version + 1, "created_at": now, **kept}
        tx.execute(update(segments).where(segments.c.id == same.id).values(back))
        made = str(same.id)
    else:
        made = add_segment(tx, clip, old.position, new, old, now)
    _tell(tx, old.clip_id, old.merchant_id)
    return made


def fail(tx: Tx, recut_id: str, reason: str) -> None:
    """Say that a new version could not be made; the segment stays as it is."""
    row = tx.one_or_none(
        select(recuts.c.segment_id, segments.c.clip_id, segments.c.merchant_id)
        .join(segments, segments.c.id == recuts.c.segment_id)
        .where(recuts.c.id == recut_id)
    )
    if row is not None:
        tx.execute(update(recuts).where(recuts.c.id == recut_id).values(state="failed", reason=reason[:40]))
        _tell(tx, row.clip_id, row.merchant_id)


def history(tx: Tx, segment_id: str, merchant_id: str) -> list[Version]:
    """Return all versions at a segment's place in its clip, the newest first; raises NotFound."""
    found = segment(tx, segment_id, merchant_id)
    there = (segments.c.clip_id == found.clip_id) & (segments.c.position == found.position)
    columns = [segments.c[name] for name in ("id", "version", "start_ms", "duration_ms", "used_in", "created_at")]
    rows = tx.all(select(*columns, segments.c.replaced_at).where(there).order_by(segments.c.version.desc()))
    return [
        Version(
            row.id, row.version, row.start_ms, row.duration_ms, row.used_in, row.created_at, row.replaced_at is None
        )
        for row in rows
    ]


def _tell(tx: Tx, clip_id: str, merchant_id: str) -> None:
    tx.tell(f"clip:{clip_id}", {"clip_id": clip_id, "merchant_id": merchant_id, "state": "ready", "progress": 1.0})


_SHOWN = [column for column in recuts.c if column.name != "created_at"]

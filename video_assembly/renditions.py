"""What stitching reads of segments: their files and packed sample tables, at 720x1280 and at 360x640."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields

from sqlalchemy import select

from storage.database import Tx
from video_assembly.library import media_key, segments, unknown_segment
from video_assembly.personal import personal_segments


@dataclass(frozen=True)
class Source:
    """What stitching needs of a segment: its file's key, its packed sample table and the digests."""

    id: str
    clip_id: str
    media_key: str
    index: bytes
    digest: str
    init_digest: str
    units: int
    duration_ms: int


def sources(tx: Tx, segment_ids: Sequence[str]) -> list[Source]:
    """Return what stitching needs, in the order of the ids, replaced ones too; raises NotFound when one is missing."""
    columns = [segments.c[name] for name in _SOURCE]
    query = select(*columns, segments.c.sample_index.label("index")).where(segments.c.id.in_(set(segment_ids)))
    found = {row.id: Source(**row._mapping) for row in tx.all(query)}
    found |= _personal(tx, set(segment_ids) - found.keys())
    if len(found) != len(set(segment_ids)):
        raise unknown_segment()
    return [found[segment_id] for segment_id in segment_ids]


def small_sources(tx: Tx, segment_ids: Sequence[str]) -> list[Source]:
    """Return what stitching needs of the 360x640 renditions, in the order of the ids; nothing when one has none."""
    small = {name: segments.c[f"small_{name}"] for name in ("digest", "init_digest")}
    same = [segments.c[name] for name in ("id", "clip_id", "units", "duration_ms")]
    query = select(
        *same, *(column.label(name) for name, column in small.items()), segments.c.small_sample_index.label("index")
    ).where(segments.c.id.in_(set(segment_ids)), segments.c.small_digest.is_not(None))
    found = {row.id: Source(**row._mapping, media_key=media_key(row.digest)) for row in tx.all(query)}
    found |= _personal(tx, set(segment_ids) - found.keys(), "small_")
    return [found[segment_id] for segment_id in segment_ids] if len(found) == len(set(segment_ids)) else []


def _personal(tx: Tx, segment_ids: Collection[str], prefix: str = "") -> dict[str, Source]:
    """Return the same of segments that were made for a moment or a viewer."""
    if not segment_ids:
        return {}
    table = personal_segments
    names = ("digest", "sample_index", "init_digest")
    columns = [table.c[f"{prefix}{name}"].label(name) for name in names]
    query = select(table.c.id, table.c.units, table.c.duration_ms, *columns)
    rows = tx.all(query.where(table.c.id.in_(segment_ids), table.c.digest.is_not(None)))
    return {
        row.id: Source(
            row.id,
            row.id,
            media_key(row.digest),
            row.sample_index,
            row.digest,
            row.init_digest,
            row.units,
            row.duration_ms,
        )
        for row in rows
    }


_SOURCE = [field.name for field in fields(Source) if field.name != "index"]

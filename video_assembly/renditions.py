"""What stitching reads of segments: their files and packed sample tables, at 720x1280 and at 360x640."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from sqlalchemy import select

from storage.database import Tx
from video_assembly.library import media_key, segments, unknown_segment


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
    return [found[segment_id] for segment_id in segment_ids] if len(found) == len(set(segment_ids)) else []


_SOURCE = [field.name for field in fields(Source) if field.name != "index"]

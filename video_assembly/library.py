"""Clips that merchants upload, and the segments cut from them: product, role, tags, rights, validity.

A stored segment's bytes never change, because videos are recipes over segment ids: a clip that is normalised anew
gets new segments, and the old ones are archived.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    UniqueConstraint,
    func,
    insert,
    or_,
    select,
    update,
)

from shop import catalog
from storage import jobs
from storage.database import AnyRow, Instant, Tx, metadata
from storage.errors import NotFound, UserError

ROLES = ("hook", "demo", "proof", "offer", "cta")
STATES = ("queued", "probing", "normalising", "analysing", "ready", "refused")
FINAL = ("ready", "refused")
MOST_TAGS = 20
LONGEST_TAG = 40

clips = Table(
    "clips",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("merchant_id", ForeignKey("merchants.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("filename", String(255), nullable=False),
    Column("title", String(150), nullable=False),
    Column("state", String(12), nullable=False),
    Column("progress", Float, nullable=False),
    Column("reason", String(40)),
    Column("detail", String(500)),
    Column("detail_values", JSON(none_as_null=True)),
    Column("media_key", String(120), nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("duration_ms", Integer),
    Column("language", String(5)),
    Column("rights_until", Instant),
    Column("product_ids", JSON, nullable=False),
    Column("role", String(5)),
    Column("tags", JSON, nullable=False),
    Column("warnings", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ready_at", Instant),
)
segments = Table(
    "segments",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("clip_id", ForeignKey("clips.id", ondelete="CASCADE"), nullable=False),
    Column("merchant_id", ForeignKey("merchants.id", ondelete="CASCADE"), nullable=False),
    Column("product_id", ForeignKey("products.id", ondelete="SET NULL"), index=True),
    Column("category", String(80)),
    Column("role", String(5)),
    Column("tags", JSON, nullable=False),
    Column("language", String(5)),
    Column("digest", String(64), nullable=False, index=True),
    Column("media_key", String(120), nullable=False),
    Column("thumb_key", String(120), nullable=False),
    Column("poster_key", String(120), nullable=False),
    Column("sample_index", LargeBinary, nullable=False),
    Column("init_digest", String(64), nullable=False),
    Column("units", Integer, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("start_ms", Integer, nullable=False),
    Column("has_sound", Boolean, nullable=False),
    Column("position", Integer, nullable=False),
    Column("valid_from", Instant),
    Column("valid_until", Instant),
    Column("archived_at", Instant),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("clip_id", "position", "digest"),
    Index(None, "merchant_id", "archived_at"),
)


class Keep(Enum):
    """The type of `KEEP`, which is not None: None clears a column."""

    KEEP = "keep"


KEEP = Keep.KEEP


@dataclass(frozen=True)
class Clip:
    """An upload and what became of it; `progress` is 0 to 1, `detail` an English msgid with `detail_values`."""

    id: str
    merchant_id: str
    filename: str
    title: str
    state: str
    progress: float
    reason: str | None
    detail: str | None
    detail_values: Mapping[str, Any]
    media_key: str
    bytes: int
    duration_ms: int | None
    language: str | None
    rights_until: datetime | None
    product_ids: tuple[str, ...]
    role: str | None
    tags: tuple[str, ...]
    warnings: tuple[Any, ...]
    created_at: datetime
    ready_at: datetime | None


@dataclass(frozen=True)
class NewSegment:
    """A normalised segment to be stored, its files already put under the keys; product, role and tags default to the
    clip's."""

    digest: str
    index: bytes
    init_digest: str
    units: int
    duration_ms: int
    bytes: int
    start_ms: int
    has_sound: bool
    product_id: str | None = None
    category: str | None = None
    role: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Segment:
    """A segment as its merchant sees it; `start_ms` is its place in the clip."""

    id: str
    clip_id: str
    merchant_id: str
    product_id: str | None
    category: str | None
    role: str | None
    tags: tuple[str, ...]
    language: str | None
    digest: str
    media_key: str
    thumb_key: str
    poster_key: str
    init_digest: str
    units: int
    duration_ms: int
    bytes: int
    start_ms: int
    has_sound: bool
    position: int
    valid_from: datetime | None
    valid_until: datetime | None
    archived_at: datetime | None
    created_at: datetime


@dataclass(frozen=True)
class SegmentCandidate:
    """A segment that a storyboard may use now; `category` is the segment's own, else its product's."""

    id: str
    clip_id: str
    merchant_id: str
    product_id: str | None
    category: str
    role: str
    units: int
    duration_ms: int
    digest: str
    init_digest: str
    media_key: str
    poster_key: str
    language: str | None
    tags: tuple[str, ...]
    created_at: datetime


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


def media_key(digest: str) -> str:
    """Return the media key of a segment's file."""
    return f"segments/{digest}.mp4"


def thumb_key(digest: str) -> str:
    """Return the media key of a segment's small picture."""
    return f"thumbs/{digest}.webp"


def poster_key(digest: str) -> str:
    """Return the media key of a segment's first picture in full size."""
    return f"posters/{digest}.jpg"


def upload_key(clip_id: str) -> str:
    """Return the media key of a clip's original."""
    return f"uploads/{clip_id}"

"""Segments cut from clips: product, role, tags, rights and validity.

A stored segment's bytes never change, because videos are recipes over segment ids: a clip that is normalised anew
gets new segments that replace the old ones; a replaced one is seen by old videos only.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    insert,
    select,
    update,
)

from storage.database import AnyRow, Instant, Tx, metadata
from storage.errors import NotFound
from storage.ids import new_id
from video_assembly import captions
from video_assembly.clips import Clip, checked_tags


def _moment() -> int:
    """Return microseconds since 1970."""
    return time.time_ns() // 1_000


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
    Column("small_digest", String(64), index=True),
    Column("small_sample_index", LargeBinary),
    Column("small_init_digest", String(64)),
    Column("small_bytes", Integer),
    Column("units", Integer, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("start_ms", Integer, nullable=False),
    Column("has_sound", Boolean, nullable=False),
    Column("position", Integer, nullable=False),
    Column("valid_from", Instant),
    Column("valid_until", Instant),
    Column("season", String(6)),
    Column("rights_until", Instant),
    Column("rights_note", String(200)),
    # What the merchant says, beside what the sound suggests; None while nobody or nothing has said.
    Column("speech", Boolean),
    Column("speech_hint", Float),
    Column("colour", Integer),
    Column("pace", Float),
    Column("findings", JSON(none_as_null=True)),
    Column("proposal", JSON(none_as_null=True)),
    # Since when the merchant wants it in videos although it speaks without captions.
    Column("uncaptioned_at", Instant),
    Column("version", Integer, nullable=False),
    Column("used_in", Integer, nullable=False),
    Column("archived_at", Instant),
    Column("replaced_at", Instant),
    # Since when its files are deleted.
    Column("gone_at", Instant),
    Column("created_at", Instant, nullable=False),
    # When the row was last written, for who keeps rows in memory; not what `used_in` counts.
    Column("changed", BigInteger, nullable=False, index=True, default=_moment, onupdate=_moment),
    UniqueConstraint("clip_id", "position", "digest"),
    Index(None, "merchant_id", "archived_at"),
)


@dataclass(frozen=True)
class SmallForm:
    """A segment's 360x640 rendition, its file already put under `media_key(digest)`."""

    digest: str
    index: bytes
    init_digest: str
    bytes: int


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
    small: SmallForm | None = None
    speech: bool | None = None
    speech_hint: float | None = None
    colour: int | None = None
    pace: float | None = None
    findings: tuple[str, ...] = ()
    proposal: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Segment:
    """A segment as its merchant sees it; `start_ms` is its place in the clip.

    `speech_hint` is how much its sound resembles speech, 0 to 1; `used_in` counts the videos made with it so far.
    `findings` are codes of `understanding.FINDINGS`, `proposal` has the fields of `proposals.Proposal`.
    """

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
    season: str | None
    rights_until: datetime | None
    rights_note: str | None
    speech: bool | None
    speech_hint: float | None
    findings: tuple[str, ...]
    proposal: Mapping[str, Any] | None
    uncaptioned_at: datetime | None
    version: int
    used_in: int
    archived_at: datetime | None
    replaced_at: datetime | None
    gone_at: datetime | None
    created_at: datetime


def media_key(digest: str) -> str:
    """Return the media key of a segment's file."""
    return f"segments/{digest}.mp4"


def thumb_key(digest: str) -> str:
    """Return the media key of a segment's small picture."""
    return f"thumbs/{digest}.webp"


def poster_key(digest: str) -> str:
    """Return the media key of a segment's first picture in full size."""
    return f"posters/{digest}.jpg"


def digest_of(poster_key: str) -> str:
    """Return the digest of the file whose first picture has this media key."""
    return poster_key.removeprefix("posters/").removesuffix(".jpg")


def store_segments(tx: Tx, clip: Clip, prepared: Sequence[NewSegment], now: datetime) -> list[str]:
    """Write a clip's segments in their order and return their ids; running it again changes nothing.

    Segments that the clip had and that are not among `prepared` are replaced; one with other bytes at the same place
    takes over what the merchant had set there.
    """
    rows = tx.all(select(segments).where(segments.c.clip_id == clip.id).order_by(segments.c.created_at))
    old = {row.position: row for row in sorted(rows, key=lambda row: row.replaced_at is None)}
    same = {(row.position, row.digest): row for row in rows}
    ids = [
        _keep(tx, same[position, each.digest], old[position], each)
        if (position, each.digest) in same
        else add_segment(tx, clip, position, each, old.get(position), now)
        for position, each in enumerate(prepared)
    ]
    gone = (segments.c.clip_id == clip.id) & segments.c.id.not_in(ids) & segments.c.replaced_at.is_(None)
    tx.execute(update(segments).where(gone).values(replaced_at=now))
    return ids


def segment(tx: Tx, segment_id: str, merchant_id: str) -> Segment:
    """Return a merchant's own segment; raises NotFound for one of somebody else."""
    mine = (segments.c.id == segment_id) & (segments.c.merchant_id == merchant_id)
    row = tx.one_or_none(select(*SHOWN).where(mine))
    if row is None:
        raise unknown_segment()
    return segment_of(row)


def any_segment(tx: Tx, segment_id: str) -> Segment | None:
    """Return the segment that a job is about, whoever owns it; None when it is gone."""
    row = tx.one_or_none(select(*SHOWN).where(segments.c.id == segment_id))
    return None if row is None else segment_of(row)


def poster_keys(tx: Tx, segment_ids: Sequence[str]) -> dict[str, str]:
    """Return the media key of each segment's poster by segment id."""
    rows = tx.all(select(segments.c.id, segments.c.poster_key).where(segments.c.id.in_(set(segment_ids))))
    return {row.id: row.poster_key for row in rows}


def _keep(tx: Tx, row: AnyRow, old: AnyRow, again: NewSegment) -> str:
    values: dict[str, Any] = {}
    if row.replaced_at is not None:
        values = {"replaced_at": None, **{name: old._mapping[name] for name in MERCHANTS_OWN}}
    if row.small_digest is None:
        values |= _small_columns(again.small)
    if values:
        tx.execute(update(segments).where(segments.c.id == row.id).values(**values))
    return str(row.id)


def add_segment(tx: Tx, clip: Clip, position: int, new: NewSegment, old: AnyRow | None, now: datetime) -> str:
    """Write a segment and return its id; it takes over what the merchant set on the row `old` that it replaces."""
    segment_id = new_id()
    only_product = clip.product_ids[0] if len(clip.product_ids) == 1 else None
    set_by_merchant: dict[str, Any] = (
        {name: old._mapping[name] for name in MERCHANTS_OWN}
        if old is not None
        else {
            "product_id": new.product_id or (None if new.category else only_product),
            "category": new.category,
            "role": new.role or clip.role,
            "tags": checked_tags([*clip.tags, *new.tags]),
            "language": clip.language,
            "rights_until": clip.rights_until,
            "speech": new.speech,
        }
    )
    tx.execute(
        insert(segments).values(
            id=segment_id,
            clip_id=clip.id,
            merchant_id=clip.merchant_id,
            digest=new.digest,
            media_key=media_key(new.digest),
            thumb_key=thumb_key(new.digest),
            poster_key=poster_key(new.digest),
            sample_index=new.index,
            init_digest=new.init_digest,
            units=new.units,
            duration_ms=new.duration_ms,
            bytes=new.bytes,
            start_ms=new.start_ms,
            has_sound=new.has_sound,
            position=position,
            speech_hint=new.speech_hint,
            colour=new.colour,
            pace=new.pace,
            findings=list(new.findings),
            proposal=new.proposal,
            version=1 if old is None else old.version + 1,
            used_in=0,
            created_at=now,
            **_small_columns(new.small),
            **set_by_merchant,
        )
    )
    if old is not None:
        captions.carry_over(tx, old.id, segment_id, old.start_ms - new.start_ms, new.duration_ms)
    return segment_id


def spoken(tx: Tx, segment_ids: Collection[str]) -> dict[str, str]:
    """Return which language segments speak or show in writing; those that nobody said it of are left out."""
    query = select(segments.c.id, segments.c.language).where(segments.c.id.in_(segment_ids))
    return {row.id: row.language for row in tx.all(query.where(segments.c.language.is_not(None)))}


def _small_columns(small: SmallForm | None) -> dict[str, Any]:
    if small is None:
        return {}
    return {
        "small_digest": small.digest,
        "small_sample_index": small.index,
        "small_init_digest": small.init_digest,
        "small_bytes": small.bytes,
    }


def segment_of(row: AnyRow) -> Segment:
    """Return the columns `SHOWN` as a segment."""
    return Segment(**{**row._mapping, "tags": tuple(row.tags), "findings": tuple(row.findings or ())})


def unknown_segment() -> NotFound:
    return NotFound("segment-unknown", "There is no such segment.")


# The packed sample tables are the bulk of a row: only stitching reads them.
SHOWN = [segments.c[field.name] for field in fields(Segment)]
MERCHANTS_OWN = (
    "product_id",
    "category",
    "role",
    "tags",
    "language",
    "valid_from",
    "valid_until",
    "season",
    "rights_until",
    "rights_note",
    "speech",
    "uncaptioned_at",
    "archived_at",
)

"""Clips that merchants upload: their files, their states on the way into the library, and why one was refused."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Float, ForeignKey, Integer, String, Table, func, insert, select, update

from shop import catalog
from storage import jobs
from storage.database import AnyRow, Instant, Tx, metadata
from storage.errors import NotFound, UserError

JOB = "ingest"
ROLES = ("hook", "demo", "proof", "offer", "cta")
STATES = ("queued", "probing", "normalising", "analysing", "ready", "refused")
FINAL = ("ready", "refused")
MOST_TAGS = 20
LONGEST_TAG = 40
MOST_PRODUCTS = 20

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


def upload_key(clip_id: str) -> str:
    """Return the media key of a clip's original."""
    return f"uploads/{clip_id}"


def add_clip(
    tx: Tx,
    merchant_id: str,
    *,
    clip_id: str,
    filename: str,
    size: int,
    now: datetime,
    title: str = "",
    product_ids: Sequence[str] = (),
    role: str | None = None,
    tags: Sequence[str] = (),
    language: str | None = None,
    rights_until: datetime | None = None,
) -> Clip:
    """Write an upload whose file of `size` bytes is already put under `upload_key(clip_id)`, and queue its ingest.

    Raises UserError with the field that is wrong.
    """
    check_role(role)
    check_products(tx, product_ids, merchant_id)
    tx.execute(
        insert(clips).values(
            id=clip_id,
            merchant_id=merchant_id,
            filename=filename[-255:],
            title=(title.strip() or filename)[:150],
            state="queued",
            progress=0.0,
            media_key=upload_key(clip_id),
            bytes=size,
            language=language,
            rights_until=rights_until,
            product_ids=list(dict.fromkeys(product_ids)),
            role=role,
            tags=checked_tags(tags),
            warnings=[],
            created_at=now,
        )
    )
    jobs.enqueue(tx, JOB, clip_id, clip_id, now)
    return clip(tx, clip_id, merchant_id)


def set_state(
    tx: Tx,
    clip_id: str,
    state: str,
    now: datetime,
    *,
    progress: float = 0.0,
    duration_ms: int | None = None,
    warnings: Sequence[Any] | None = None,
) -> bool:
    """Say how far a clip is; False, and nothing changes, when it is ready or refused already."""
    assert state in set(STATES) - {"refused"}, f"{state!r} is not a state on the way"
    values: dict[str, Any] = {"state": state, "progress": 1.0 if state == "ready" else min(max(progress, 0.0), 1.0)}
    if state == "ready":
        values["ready_at"] = now
    if duration_ms is not None:
        values["duration_ms"] = duration_ms
    if warnings is not None:
        values["warnings"] = list(warnings)
    return _change(tx, clip_id, values)


def refuse(tx: Tx, clip_id: str, reason: str, detail: str, values: Mapping[str, Any] | None = None) -> bool:
    """End a clip with a stable `reason` and the English msgid `detail`, whose placeholders `values` fill.

    False, and nothing changes, when it is ready or refused already.
    """
    return _change(
        tx,
        clip_id,
        {"state": "refused", "reason": reason, "detail": detail[:500], "detail_values": dict(values or {})},
    )


def clip(tx: Tx, clip_id: str, merchant_id: str) -> Clip:
    """Return a merchant's own clip; raises NotFound for one of somebody else."""
    mine = (clips.c.id == clip_id) & (clips.c.merchant_id == merchant_id)
    row = tx.one_or_none(select(clips).where(mine))
    if row is None:
        raise unknown()
    return _clip(row)


def for_ingest(tx: Tx, clip_id: str) -> Clip | None:
    """Return the clip that a job is about, whoever owns it; None when it is gone."""
    row = tx.one_or_none(select(clips).where(clips.c.id == clip_id))
    return None if row is None else _clip(row)


def list_clips(tx: Tx, merchant_id: str, *, limit: int = 100, after: str | None = None) -> list[Clip]:
    """Return a merchant's clips, the newest first, below the id `after`."""
    query = select(clips).where(clips.c.merchant_id == merchant_id).order_by(clips.c.id.desc()).limit(limit)
    if after is not None:
        query = query.where(clips.c.id < after)
    return [_clip(row) for row in tx.all(query)]


def refused(tx: Tx, since: datetime, limit: int) -> list[Clip]:
    """Return everybody's clips that came in after `since` and were refused, the newest first."""
    lately = (clips.c.state == "refused") & (clips.c.created_at > since)
    return [_clip(row) for row in tx.all(select(clips).where(lately).order_by(clips.c.id.desc()).limit(limit))]


def quota(tx: Tx, merchant_id: str) -> int:
    """Return how many bytes a merchant's originals take."""
    return int(tx.scalar(select(func.coalesce(func.sum(clips.c.bytes), 0)).where(clips.c.merchant_id == merchant_id)))


def check_role(role: str | None) -> None:
    """Raise UserError for a role that does not exist; None is a role not chosen yet."""
    if role is not None and role not in ROLES:
        raise UserError("role-unknown", "Choose one of these roles: {roles}.", field="role", roles=", ".join(ROLES))


def check_products(tx: Tx, product_ids: Iterable[str], merchant_id: str, field: str = "product_ids") -> None:
    """Raise UserError when one of the products is not the merchant's, or there are too many."""
    wanted = set(product_ids)
    if len(wanted) > MOST_PRODUCTS:
        raise UserError("products", "Choose at most {most} products.", field=field, most=MOST_PRODUCTS)
    if wanted - catalog.products_of(tx, wanted, merchant_id):
        raise UserError("product-unknown", "Choose a product of your own shop.", field=field)


def checked_tags(tags: Iterable[str]) -> list[str]:
    """Return tags trimmed and without repeats; raises UserError when there are too many or one is too long."""
    kept = list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    if len(kept) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in kept):
        raise UserError(
            "tags",
            "Give at most {most} tags of {longest} characters.",
            field="tags",
            most=MOST_TAGS,
            longest=LONGEST_TAG,
        )
    return kept


def unknown() -> NotFound:
    """Return the error for a clip that is not there or not the merchant's."""
    return NotFound("clip-unknown", "There is no such clip.")


def _change(tx: Tx, clip_id: str, values: Mapping[str, Any]) -> bool:
    # A worker whose lease has lapsed may still report progress; what is final stays.
    row = tx.execute(
        update(clips)
        .where(clips.c.id == clip_id, clips.c.state.not_in(FINAL))
        .values(**values)
        .returning(clips.c.merchant_id, clips.c.state, clips.c.progress, clips.c.reason)
    ).one_or_none()
    if row is not None:
        tx.tell(f"clip:{clip_id}", {"clip_id": clip_id, **row._mapping})
    return row is not None


def _clip(row: AnyRow) -> Clip:
    fields = dict(row._mapping)
    fields["detail_values"] = fields["detail_values"] or {}
    for name in ("product_ids", "tags", "warnings"):
        fields[name] = tuple(fields[name])
    return Clip(**fields)

"""Uploads on their way: who sends what, how long it will be, until when it may be continued.

How far one is, its file says. An upload keeps its id when it ends as a clip.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, String, Table, delete, func, insert, select

from storage.database import Instant, Tx, metadata
from storage.errors import NotFound, TooMany
from video_assembly import clips

LASTS = timedelta(hours=24)
"""How long an upload may be continued after it was begun."""
MOST_OPEN = 200
"""Uploads of one merchant that are begun and not ended: a folder of footage."""

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("merchant_id", ForeignKey("merchants.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    Column("about", JSON, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
)


@dataclass(frozen=True)
class Upload:
    """An upload that is begun; `about` is what the uploader says of the clip."""

    id: str
    merchant_id: str
    size: int
    about: Mapping[str, Any]
    expires_at: datetime


def begin(tx: Tx, merchant_id: str, upload_id: str, size: int, about: Mapping[str, Any], now: datetime) -> Upload:
    """Write that a file of `size` bytes is to come; raises TooMany when too many are open."""
    open_now = tx.scalar(select(func.count()).where(uploads.c.merchant_id == merchant_id, uploads.c.expires_at > now))
    if open_now >= MOST_OPEN:
        raise TooMany("uploads-open", "Finish some of your {most} open uploads first.", retry_after=60, most=MOST_OPEN)
    begun = Upload(upload_id, merchant_id, size, about, now + LASTS)
    tx.execute(
        insert(uploads).values(
            id=upload_id, merchant_id=merchant_id, size=size, about=dict(about), expires_at=begun.expires_at
        )
    )
    return begun


def find(tx: Tx, upload_id: str, merchant_id: str, now: datetime) -> Upload:
    """Return a merchant's own open upload; raises NotFound for one of somebody else, ended or expired."""
    mine = (uploads.c.id == upload_id) & (uploads.c.merchant_id == merchant_id) & (uploads.c.expires_at > now)
    row = tx.one_or_none(select(uploads).where(mine))
    if row is None:
        raise NotFound("upload-unknown", "There is no such upload, or its time is over. Please start it again.")
    return Upload(**row._mapping)


def end(tx: Tx, upload_id: str) -> None:
    """Forget an upload that became a clip or was given up."""
    tx.execute(delete(uploads).where(uploads.c.id == upload_id))


def promised(tx: Tx, merchant_id: str, now: datetime) -> int:
    """Return how many bytes a merchant's originals take, those to come among them."""
    to_come = tx.scalar(
        select(func.coalesce(func.sum(uploads.c.size), 0)).where(
            uploads.c.merchant_id == merchant_id, uploads.c.expires_at > now
        )
    )
    return clips.quota(tx, merchant_id) + int(to_come)


def expire(tx: Tx, now: datetime) -> list[str]:
    """Forget what was not continued in time and return the ids, whose files are the caller's to delete."""
    gone = tx.execute(delete(uploads).where(uploads.c.expires_at <= now).returning(uploads.c.id))
    return [row.id for row in gone]

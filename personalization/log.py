"""The event log of each viewer, from which the profile is computed; rows are only added, or forgotten.

What an event is about (product, brand, category, merchant) is looked up here at the server and never taken from a
browser's word.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    and_,
    delete,
    func,
    insert,
    not_,
    select,
    update,
)

from storage.database import AnyRow, Instant, Tx, metadata

STARTED = "Video Content Started"

events = Table(
    "events",
    metadata,
    # The order of arrival, in which a profile is rebuilt; UUIDs of two processes do not give one.
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("viewer_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("message_id", String(100), nullable=False),
    # An order of several products is one message and one row a product.
    Column("part", Integer, nullable=False),
    Column("name", String(60), nullable=False),
    Column("at", Instant, nullable=False),
    Column("received_at", Instant, nullable=False),
    # Without foreign keys: what a viewer did stays true when the product is gone.
    Column("product_id", String(36)),
    Column("category", String(80)),
    Column("brand", String(120)),
    Column("merchant_id", String(36)),
    Column("video_id", String(36)),
    Column("segment_id", String(36)),
    Column("watched_ms", Integer),
    Column("scope", String(10)),
    Column("personalise", Boolean, nullable=False),
    Column("measure", Boolean, nullable=False),
    UniqueConstraint("viewer_id", "message_id", "part"),
    Index(None, "viewer_id", "name", "seq"),
)


@dataclass(frozen=True)
class Event:
    """One thing that a viewer did, about at most one product; `id` is the message's id, `scope` of "Not Interested"."""

    id: str
    name: str
    at: datetime
    product_id: str | None = None
    category: str | None = None
    brand: str | None = None
    merchant_id: str | None = None
    video_id: str | None = None
    segment_id: str | None = None
    watched_ms: int | None = None
    scope: str | None = None


def append(
    tx: Tx, viewer_id: str, happened: Sequence[Event], now: datetime, *, personalise: bool, measure: bool
) -> None:
    """Write events for the purposes that the viewer agreed to; events with the same id are parts of one message."""
    parts: dict[str, int] = {}
    rows = []
    for event in happened:
        part = parts.get(event.id, 0)
        parts[event.id] = part + 1
        rows.append(
            {
                "viewer_id": viewer_id,
                "message_id": event.id,
                "part": part,
                "name": event.name,
                "at": event.at,
                "received_at": now,
                "product_id": event.product_id,
                "category": event.category,
                "brand": event.brand,
                "merchant_id": event.merchant_id,
                "video_id": event.video_id,
                "segment_id": event.segment_id,
                "watched_ms": event.watched_ms,
                "scope": event.scope,
                "personalise": personalise,
                "measure": measure,
            }
        )
    if rows:
        tx.execute(insert(events), rows)


def known(tx: Tx, viewer_id: str, message_ids: Collection[str]) -> set[str]:
    """Return those message ids that the viewer's log already has."""
    query = select(events.c.message_id).where(events.c.viewer_id == viewer_id, events.c.message_id.in_(message_ids))
    return set(tx.execute(query.distinct()).scalars())


def read(tx: Tx, viewer_id: str) -> list[Event]:
    """Return what the viewer's profile is a function of, in the order of arrival."""
    mine = (events.c.viewer_id == viewer_id) & events.c.personalise
    return [_event(row) for row in tx.all(select(events).where(mine).order_by(events.c.seq))]


def measured(tx: Tx, viewer_id: str) -> list[Event]:
    """Return the viewer's events that were counted in what all viewers share."""
    mine = (events.c.viewer_id == viewer_id) & events.c.measure
    return [_event(row) for row in tx.all(select(events).where(mine).order_by(events.c.seq))]


def recent_videos(tx: Tx, viewer_id: str, most: int) -> list[str]:
    """Return the videos that the viewer started last, the newest first."""
    query = (
        select(events.c.video_id, func.max(events.c.seq).label("newest"))
        .where(events.c.viewer_id == viewer_id, events.c.name == STARTED, events.c.personalise)
        .where(events.c.video_id.is_not(None))
        .group_by(events.c.video_id)
        .order_by(func.max(events.c.seq).desc())
        .limit(most)
    )
    return [row.video_id for row in tx.all(query)]


def stop_purpose(tx: Tx, viewer_id: str, purpose: str) -> None:
    """Take a purpose from a viewer's events; those that are left without any are deleted."""
    mine = events.c.viewer_id == viewer_id
    tx.execute(update(events).where(mine).values({purpose: False}))
    tx.execute(delete(events).where(and_(mine, not_(events.c.personalise), not_(events.c.measure))))


def erase(tx: Tx, viewer_id: str) -> None:
    """Delete a viewer's log."""
    tx.execute(delete(events).where(events.c.viewer_id == viewer_id))


def export(tx: Tx, viewer_id: str) -> list[dict[str, Any]]:
    """Return a viewer's log as it is kept, in the order of arrival."""
    rows = tx.all(select(events).where(events.c.viewer_id == viewer_id).order_by(events.c.seq))
    return [dict(row._mapping) for row in rows]


def _event(row: AnyRow) -> Event:
    return Event(
        id=row.message_id,
        name=row.name,
        at=row.at,
        product_id=row.product_id,
        category=row.category,
        brand=row.brand,
        merchant_id=row.merchant_id,
        video_id=row.video_id,
        segment_id=row.segment_id,
        watched_ms=row.watched_ms,
        scope=row.scope,
    )

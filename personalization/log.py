"""The event log of each viewer, from which the profile is computed; rows are only added, or forgotten.

What an event is about (product, brand, category, merchant) is looked up here at the server and never taken from a
browser's word.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    and_,
    bindparam,
    delete,
    func,
    insert,
    not_,
    select,
    update,
)

from storage.database import AnyRow, Instant, Tx, metadata
from storage.prepared import Among, Prepared

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
    # Who hosts the room that the event happened in.
    Column("host_id", String(36)),
    # Of the whole video; and where `watched_ms` stands among viewings of videos about as long, 0 to 1.
    Column("duration_ms", Integer),
    Column("quantile", Float),
    # What was searched for.
    Column("words", String(100)),
    # Of a correction by the viewer: the weight that was stated, the message or correction that is taken back.
    Column("amount", Float),
    Column("target", String(100)),
    Column("personalise", Boolean, nullable=False),
    Column("measure", Boolean, nullable=False),
    UniqueConstraint("viewer_id", "message_id", "part"),
    Index(None, "viewer_id", "name", "seq"),
    Index(None, "viewer_id", "at"),
)


@dataclass(frozen=True)
class Event:
    """One thing that a viewer did, about at most one product; `id` is the message's id, `scope` of "Not Interested".

    `quantile` is where `watched_ms` stands among viewings of videos about as long as `duration_ms`, 0 to 1; `amount` is
    the weight that a viewer stated, `target` the message that a correction is about.
    """

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
    host_id: str | None = None
    duration_ms: int | None = None
    quantile: float | None = None
    words: str | None = None
    amount: float | None = None
    target: str | None = None


# What an event has beside its id, one column each.
FIELDS = tuple(each.name for each in fields(Event) if each.name != "id")


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
                "received_at": now,
                **{name: getattr(event, name) for name in FIELDS},
                "personalise": personalise,
                "measure": measure,
            }
        )
    if rows:
        tx.execute(insert(events), rows)


def known(tx: Tx, viewer_id: str, message_ids: Collection[str]) -> set[str]:
    """Return those message ids that the viewer's log already has."""
    return {row.message_id for row in _KNOWN.all(tx, message_ids, viewer=viewer_id)}


def read(tx: Tx, viewer_id: str) -> list[Event]:
    """Return what the viewer's profile is a function of, in the order of arrival."""
    return [Event(*row) for row in _LOG.all(tx, viewer=viewer_id)]


def measured(tx: Tx, viewer_id: str) -> list[Event]:
    """Return the viewer's events that were counted in what all viewers share."""
    mine = (events.c.viewer_id == viewer_id) & events.c.measure
    return [_event(row) for row in tx.all(select(events).where(mine).order_by(events.c.seq))]


def has_any(tx: Tx, viewer_id: str, names: Collection[str]) -> bool:
    """Tell whether the viewer's log has an event of one of these names."""
    return bool(_NAMED.all(tx, names, viewer=viewer_id))


def overtaken(tx: Tx, viewer_id: str, happened: Sequence[Event]) -> bool:
    """Tell whether the viewer's log holds other events that are as late as the first of these, or later."""
    if not happened:
        return False
    earliest = min(event.at for event in happened)
    found = {row.message_id for row in _SINCE.all(tx, viewer=viewer_id, since=earliest)}
    return bool(found - {event.id for event in happened})


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


# Made once: composing a statement takes longer than running it.
_LOG = Prepared(
    select(events.c.message_id, *[events.c[name] for name in FIELDS])
    .where(events.c.viewer_id == bindparam("viewer"), events.c.personalise)
    .order_by(events.c.seq)
)


_OF_VIEWER = events.c.viewer_id == bindparam("viewer")
_KNOWN = Among(lambda ids: select(events.c.message_id).where(_OF_VIEWER, events.c.message_id.in_(ids)).distinct())
_NAMED = Among(lambda names: select(events.c.seq).where(_OF_VIEWER, events.c.name.in_(names)).limit(1))
_SINCE = Prepared(
    select(events.c.message_id).where(
        _OF_VIEWER, events.c.personalise, events.c.at >= bindparam("since", type_=Instant())
    )
)


def _event(row: AnyRow) -> Event:
    return Event(id=row.message_id, **{name: getattr(row, name) for name in FIELDS})

"""What is kept of each viewer's profile: the computed weights and a version that every reaction raises.

The row is a cache of the event log; `relearn` makes it anew. `version` only ever rises, because slots are keyed by it.
What was computed from a row is kept in memory under the row's stamp, which every writing changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Integer, String, Table, bindparam, delete, insert, select, update

from personalization import log
from personalization.corrections import NAMES, corrected
from personalization.log import Event
from personalization.profile import NOTHING, REACTIONS, Profile, absorb, from_json, rebuild, to_json
from storage import jobs
from storage.accounts import people
from storage.database import Instant, Tx, metadata
from storage.ids import new_id
from storage.kept import Kept
from storage.prepared import Prepared

JOB = "assemble"
# Some 50 KB each; of others the row is read again.
MOST_KEPT = 2_000
# Who was erased by another process is not asked for any more, and is gone from this one's memory after these seconds.
IDLE = 600.0

profiles = Table(
    "profiles",
    metadata,
    Column("viewer_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("weights", JSON, nullable=False),
    Column("version", Integer, nullable=False),
    # Another one with each writing, and never the same again: not even when a writing was rolled back.
    Column("stamp", String(36), nullable=False),
    Column("updated_at", Instant, nullable=False),
)


@dataclass
class Known:
    """A profile in memory, and beside it what others computed from the same log, by their names."""

    profile: Profile
    beside: dict[str, Any]


_kept: Kept[str, Known] = Kept(MOST_KEPT, IDLE)


def topic(viewer_id: str) -> str:
    """Return the topic under which a viewer hears that their feed changed."""
    return f"viewer:{viewer_id}"


def load(tx: Tx, viewer_id: str) -> tuple[Profile, int]:
    """Return the viewer's profile and its version; nothing and 0 before the first event."""
    row = _MARK.one_or_none(tx, viewer=viewer_id)
    return (NOTHING, 0) if row is None else (kept(tx, viewer_id, row.stamp).profile, int(row.version))


def kept(tx: Tx, viewer_id: str, stamp: str) -> Known:
    """Return what is in memory of a viewer's row, which has this stamp in this transaction; read where nothing is."""
    found = _kept.find(stamp)
    if found is None:
        found = _remember(stamp, from_json(_WEIGHTS.one(tx, viewer=viewer_id).weights))
    return found


def version(tx: Tx, viewer_id: str) -> int:
    """Return the version alone, without reading the weights."""
    row = _MARK.one_or_none(tx, viewer=viewer_id)
    return 0 if row is None else int(row.version)


def hold(tx: Tx, viewer_id: str) -> bool:
    """Keep other writers from this viewer until the end of the transaction; False when there is no such viewer.

    SQLite's `writing()` keeps all others out anyway; PostgreSQL locks the viewer's row.
    """
    return _HOLD.one_or_none(tx, viewer=viewer_id) is not None


def learn(tx: Tx, viewer_id: str, happened: Sequence[Event], now: datetime) -> int:
    """Absorb new events, which are in the log already, into the viewer's profile; returns its version.

    A reaction among them raises the version, orders the next videos and tells the viewer's pages.
    """
    hold(tx, viewer_id)
    row = _MARK.one_or_none(tx, viewer=viewer_id)
    if log.overtaken(tx, viewer_id, happened) or log.has_any(tx, viewer_id, NAMES):
        # Sums are exact only in the order in which things happened, and what is late may be from before a correction.
        profile = rebuild(corrected(log.read(tx, viewer_id)))
    else:
        in_order = sorted(happened, key=lambda each: (each.at, each.id))
        profile = absorb(NOTHING if row is None else kept(tx, viewer_id, row.stamp).profile, in_order)
    return _keep(tx, viewer_id, row, profile, now, reaction=any(event.name in REACTIONS for event in happened))


def relearn(tx: Tx, viewer_id: str, happened: Sequence[Event], now: datetime) -> int:
    """Replace the viewer's profile by one computed from these events; returns its version."""
    hold(tx, viewer_id)
    row = _MARK.one_or_none(tx, viewer=viewer_id)
    return _keep(tx, viewer_id, row, rebuild(corrected(happened)), now, reaction=True)


def erase(tx: Tx, viewer_id: str) -> None:
    """Delete the viewer's profile."""
    row = _MARK.one_or_none(tx, viewer=viewer_id)
    if row is not None:
        _kept.drop(row.stamp)
    tx.execute(delete(profiles).where(profiles.c.viewer_id == viewer_id))


def export(tx: Tx, viewer_id: str) -> dict[str, Any] | None:
    """Return the profile as it is kept; None when there is none."""
    row = tx.one_or_none(select(profiles).where(profiles.c.viewer_id == viewer_id))
    return None if row is None else {"weights": row.weights, "version": row.version, "updated_at": row.updated_at}


def _keep(tx: Tx, viewer_id: str, row: Any, profile: Profile, now: datetime, *, reaction: bool) -> int:
    number = (0 if row is None else int(row.version)) + reaction
    stamp = new_id()
    values = {"weights": to_json(profile), "version": number, "stamp": stamp, "updated_at": now}
    if row is None:
        tx.execute(insert(profiles).values(viewer_id=viewer_id, **values))
    else:
        tx.execute(update(profiles).where(profiles.c.viewer_id == viewer_id).values(**values))
    if reaction:
        jobs.enqueue(tx, JOB, f"{viewer_id}:{number}", viewer_id, now)
        tx.tell(topic(viewer_id), {"type": "feed-changed", "version": number, "ready": False})
    if row is not None:
        _kept.drop(row.stamp)
    _remember(stamp, profile)
    return number


def _remember(stamp: str, profile: Profile) -> Known:
    found = Known(profile, {})
    _kept.keep(stamp, found)
    return found


# Made once: composing a statement takes longer than running it.
_MARK = Prepared(select(profiles.c.version, profiles.c.stamp).where(profiles.c.viewer_id == bindparam("viewer")))
_HOLD = Prepared(select(people.c.id).where(people.c.id == bindparam("viewer")).with_for_update())
_WEIGHTS = Prepared(select(profiles.c.weights).where(profiles.c.viewer_id == bindparam("viewer")))

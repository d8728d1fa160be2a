"""What visitors went on to, over all who agreed to measurement: an index of their visits, kept in memory.

It is made of the event log and of nothing else, under keys that are salted anew in each process. A viewer who is erased
or takes consent back raises the epoch, and every process makes its index anew from the log, without them; until then
events are only added. A visit counts when it is over, so nobody is their own neighbour.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from secrets import token_bytes

from sqlalchemy import Column, Integer, Table, func, insert, select, update

from personalization.log import events
from personalization.neighbours import Nearness, Sessions
from personalization.profile import DAY, Profile, milliseconds
from storage.database import Tx, metadata
from storage.kept import DATABASES, Kept
from storage.prepared import Prepared

# So long a pause ends a visit.
PAUSE = timedelta(minutes=30)
# The newest events that an index is made of, and the most that one request adds.
MOST_EVENTS = 200_000
MOST_ADDED = 2_000
# Who needs the index now takes what is there when it is younger than this; who looks beside requests reads sooner.
READ_EVERY = timedelta(seconds=40)
SOONER = 4
# As shares of what is learnt from, the lives that were chosen for E3.
NEARNESS = Nearness(half_life=60.0 * DAY, waning_life=17.0 * DAY)
# What says no to a product leads nobody to it.
SAYS_NO = ("Video Skipped", "Not Interested", "Product Removed", "Video Unliked")

crowd_epoch = Table(
    "crowd_epoch",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("number", Integer, nullable=False),
)


_EPOCH = Prepared(select(crowd_epoch.c.number))


@dataclass
class _Read:
    epoch: int
    at: datetime
    seq: int
    sessions: Sessions = field(default_factory=lambda: Sessions(NEARNESS))
    # Of each viewer: the key of the last visit, when it was, and its products.
    last: dict[str, tuple[str, int, list[str]]] = field(default_factory=dict)


_salt = token_bytes(16)
_kept: Kept[str, _Read] = Kept(DATABASES)


def epoch(tx: Tx) -> int:
    """Return how often somebody was taken out."""
    row = _EPOCH.one_or_none(tx)
    return 0 if row is None else int(row.number)


def forget(tx: Tx) -> None:
    """Have every process make its index anew; the caller takes the viewer's events out of the log."""
    if tx.execute(update(crowd_epoch).values(number=crowd_epoch.c.number + 1)).rowcount == 0:
        tx.execute(insert(crowd_epoch).values(id=1, number=1))


def current(tx: Tx, now: datetime) -> Sessions:
    """Return the index of visits that are over, at most some seconds old."""
    return _looked(tx, now, READ_EVERY)


def refresh(tx: Tx, now: datetime) -> None:
    """Do beside requests what one of them would have to do before long."""
    _looked(tx, now, READ_EVERY / SOONER)


def _looked(tx: Tx, now: datetime, every: timedelta) -> Sessions:
    number, found = epoch(tx), _kept.find(tx.database)
    if found is not None and found.epoch == number and timedelta(0) <= now - found.at < every:
        return found.sessions
    if found is None or found.epoch != number or now < found.at:
        newest = tx.scalar(select(func.max(events.c.seq))) or 0
        found = _Read(number, now, newest - MOST_EVENTS)
        _kept.keep(tx.database, found)
        most = MOST_EVENTS
    else:
        most = MOST_ADDED
    found.at = now
    _add(tx, found, now, most)
    return found.sessions


def visit(profile: Profile, now: datetime) -> list[str]:
    """Return the products that a viewer showed interest in during this visit, the newest last."""
    since = milliseconds(now - PAUSE)
    recent = sorted(
        (taste.at, value)
        for (kind, value), taste in profile.tastes.items()
        if kind == "product" and taste.at >= since and taste.short > 0
    )
    return [value for _, value in recent]


def _add(tx: Tx, found: _Read, now: datetime, most: int) -> None:
    table = events
    query = (
        select(table.c.seq, table.c.viewer_id, table.c.at, table.c.product_id)
        .where(table.c.seq > found.seq, table.c.measure, table.c.received_at <= now - PAUSE)
        .where(table.c.product_id.is_not(None), table.c.name.not_in(SAYS_NO))
        .order_by(table.c.seq)
        .limit(most)
    )
    changed: dict[str, tuple[int, list[str]]] = {}
    for row in tx.all(query):
        found.seq = row.seq
        at = milliseconds(row.at)
        before = found.last.get(row.viewer_id)
        if before is None or not 0 <= at - before[1] < PAUSE // timedelta(milliseconds=1):
            digest = blake2b(f"{row.viewer_id}:{row.seq}".encode(), key=_salt, digest_size=16)
            before = (digest.hexdigest(), at, [])
        items = before[2]
        if not items or items[-1] != row.product_id:
            items.append(row.product_id)
        found.last[row.viewer_id] = (before[0], at, items)
        changed[before[0]] = (at, items)
    for key, (at, items) in changed.items():
        if len(items) > 1:
            found.sessions.add(key, at, items)

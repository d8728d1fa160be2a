"""How long somebody watched, as a quantile among viewings of videos about as long (D2Q, Zhan et al., KDD 2022).

The share of a video that was watched mostly says how short the video is; a quantile within a bucket of durations does
not. The reference is what was counted on earlier days, so that within a day no order of arrival makes a difference.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Column, Integer, Table, delete, func, insert, select, update

from personalization.log import Event, events
from storage.database import Tx, metadata

EXITED = "Video Playback Exited"
# Upper ends of the buckets of durations, in seconds; longer ones share the last bucket.
DURATIONS = (6, 10, 15, 20, 30, 45, 60, 120)
# Upper ends of the bins of watched time: half a second to five minutes, each a third longer than the one before.
WATCHED = tuple(round(500 * (4 / 3) ** step) for step in range(23))
# The reference of a bucket counts as if so many viewings of the usual kind had been seen before.
PRIOR = 200
# The usual kind: each further whole length is watched by a fifth of those who watched the one before.
PRIOR_DECAY = math.log(5)
DAY = 86_400_000

watch_counts = Table(
    "watch_counts",
    metadata,
    Column("day", Integer, primary_key=True),
    Column("bucket", Integer, primary_key=True),
    Column("bin", Integer, primary_key=True),
    Column("viewings", Integer, nullable=False),
)

Reference = Mapping[int, tuple[int, ...]]


def bucket_of(duration_ms: int) -> int:
    """Return the bucket of a video's duration."""
    return bisect_right(DURATIONS, duration_ms / 1000)


def bin_of(watched_ms: int) -> int:
    """Return the bin of a watched time."""
    return bisect_right(WATCHED, watched_ms)


def day_of(at: datetime) -> int:
    """Return the whole days since 1970."""
    return int(at.timestamp() * 1000) // DAY


def reference(tx: Tx, day: int) -> Reference:
    """Return viewings by bucket and bin of the days before `day`."""
    query = (
        select(watch_counts.c.bucket, watch_counts.c.bin, func.sum(watch_counts.c.viewings))
        .where(watch_counts.c.day < day)
        .group_by(watch_counts.c.bucket, watch_counts.c.bin)
    )
    found: dict[int, list[int]] = {}
    for bucket, place, viewings in tx.all(query):
        found.setdefault(bucket, [0] * (len(WATCHED) + 1))[place] = int(viewings)
    return {bucket: tuple(counts) for bucket, counts in found.items()}


def quantile(known: Reference, watched_ms: int, duration_ms: int) -> float:
    """Return the share of viewings of videos about as long that were shorter, 0 to 1; of equal ones half counts."""
    counts = known.get(bucket_of(duration_ms), ())
    place, total = bin_of(watched_ms), sum(counts)
    below = sum(counts[:place]) + (counts[place] / 2 if counts else 0.0)
    usual = 1.0 - math.exp(-PRIOR_DECAY * watched_ms / max(1, duration_ms))
    return (below + PRIOR * usual) / (total + PRIOR)


def count(tx: Tx, happened: Iterable[Event], day: int) -> None:
    """Add the viewings among these events to the day's counts."""
    _add(tx, Counter((day, *place) for event in happened if (place := _place(event.name, event)) is not None))


def take_out(tx: Tx, viewer_id: str) -> None:
    """Take what a viewer who is measured has added out again, as if it had never been there."""
    query = select(events.c.name, events.c.received_at, events.c.watched_ms, events.c.duration_ms)
    mine = (events.c.viewer_id == viewer_id) & events.c.measure & (events.c.name == EXITED)
    found: Counter[tuple[int, int, int]] = Counter()
    for row in tx.all(query.where(mine)):
        place = _place(row.name, row)
        if place is not None:
            found[(day_of(row.received_at), *place)] -= 1
    _add(tx, found)
    tx.execute(delete(watch_counts).where(watch_counts.c.viewings == 0))


def _place(name: str, viewing: object) -> tuple[int, int] | None:
    watched, duration = getattr(viewing, "watched_ms", None), getattr(viewing, "duration_ms", None)
    if name != EXITED or watched is None or not duration:
        return None
    return bucket_of(duration), bin_of(watched)


def _add(tx: Tx, found: Counter[tuple[int, int, int]]) -> None:
    for (day, bucket, place), viewings in sorted(found.items()):
        columns = watch_counts.c
        changed = tx.execute(
            update(watch_counts)
            .where(columns.day == day, columns.bucket == bucket, columns.bin == place)
            .values(viewings=columns.viewings + viewings)
        )
        if changed.rowcount == 0:
            tx.execute(insert(watch_counts).values(day=day, bucket=bucket, bin=place, viewings=viewings))

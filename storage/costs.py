"""What jobs cost: CPU time, bytes, cache hits and estimated energy, of each job and of each kind by day.

Energy is CPU time times a configured power of one busy core: an estimate that compares, not a meter reading.
"""

import resource
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import BigInteger, Column, Float, Integer, String, Table, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from storage.database import Instant, Tx, metadata
from storage.jobs import Claim, jobs

SECONDS_PER_HOUR = 3600
KEEP_DAYS = 400
# What is spent for each video anew. Ingest is spent once a clip, and a file when somebody wants it.
PER_VIDEO = ("assemble", "personal")
# The ways to make a video, the dearest first; a budget goes down this list.
PERSONAL, STITCHED, WHOLE = "personal", "stitched", "whole"
LEVELS = (PERSONAL, STITCHED, WHOLE)
# The budget looks at today and the day before, and not before there is something to see.
BUDGET_DAYS = 2
LEAST_VIDEOS = 20

daily = Table(
    "job_costs",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("kind", String(40), primary_key=True),
    Column("jobs", Integer, nullable=False),
    Column("cpu_ms", BigInteger, nullable=False),
    Column("bytes_in", BigInteger, nullable=False),
    Column("bytes_out", BigInteger, nullable=False),
    Column("cache_hits", Integer, nullable=False),
    Column("videos", Integer, nullable=False),
    Column("watt_hours", Float, nullable=False),
)
budgets = Table(
    "energy_budgets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("watt_hours", Float),
    Column("set_at", Instant, nullable=False),
)


@dataclass(frozen=True)
class Spent:
    """What this process and the children it has waited for used so far: CPU seconds, bytes read and written."""

    cpu: float
    bytes_in: int
    bytes_out: int

    def __sub__(self, before: "Spent") -> "Spent":
        """Return what was used since `before`."""
        return Spent(self.cpu - before.cpu, self.bytes_in - before.bytes_in, self.bytes_out - before.bytes_out)


@dataclass
class Tally:
    """What a job counts itself: what it found made already, and videos that it put together."""

    cache_hits: int = 0
    videos: int = 0


@dataclass(frozen=True)
class Cost:
    """The cost of the jobs of a kind on a day, or of several; energy in watt-hours."""

    day: str
    kind: str
    jobs: int
    cpu_ms: int
    bytes_in: int
    bytes_out: int
    cache_hits: int
    videos: int
    watt_hours: float


def spent() -> Spent:
    """Read the meters of the kernel; bytes are 0 where it does not tell them."""
    cpu = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(who)
        cpu += used.ru_utime + used.ru_stime
    try:
        lines = Path("/proc/self/io").read_text().splitlines()
    except OSError:
        return Spent(cpu, 0, 0)
    counted = {name: int(value) for name, _, value in (line.partition(":") for line in lines)}
    return Spent(cpu, counted["rchar"], counted["wchar"])


def book(tx: Tx, held: Claim, used: Spent, tally: Tally, watts_per_core: float, now: datetime) -> None:
    """Write what one attempt at a job cost, to the job and to its kind's day."""
    values = _columns(used, tally, watts_per_core)
    mine = jobs.c.id == held.job_id
    tx.execute(update(jobs).where(mine).values({name: jobs.c[name] + value for name, value in values.items()}))
    book_work(tx, held.kind, used, tally, watts_per_core, now)


def book_work(tx: Tx, kind: str, used: Spent, tally: Tally, watts_per_core: float, now: datetime) -> None:
    """Write work of a kind that was done without a job, in a request, to its kind's day."""
    row = {**_columns(used, tally, watts_per_core), "jobs": 1, "videos": tally.videos}
    upsert = postgresql.insert if tx.connection.dialect.name == "postgresql" else sqlite.insert
    statement = upsert(daily).values(day=_day(now), kind=kind, **row)
    more = {name: daily.c[name] + value for name, value in row.items()}
    tx.execute(statement.on_conflict_do_update(index_elements=["day", "kind"], set_=more))


def _columns(used: Spent, tally: Tally, watts_per_core: float) -> dict[str, float]:
    cpu_ms = round(used.cpu * 1000)
    return {
        "cpu_ms": cpu_ms,
        "bytes_in": used.bytes_in,
        "bytes_out": used.bytes_out,
        "cache_hits": tally.cache_hits,
        "watt_hours": cpu_ms / 1000 * watts_per_core / SECONDS_PER_HOUR,
    }


def by_day(tx: Tx, now: datetime, days: int) -> list[Cost]:
    """Return the costs of each kind on each of the last days, the newest day first."""
    since = _day(now - timedelta(days=days - 1))
    query = select(daily).where(daily.c.day >= since).order_by(daily.c.day.desc(), daily.c.kind)
    return [Cost(**row._mapping) for row in tx.all(query)]


def totals(tx: Tx) -> list[Cost]:
    """Return the costs of each kind since they are kept."""
    names = ("jobs", "cpu_ms", "bytes_in", "bytes_out", "cache_hits", "videos", "watt_hours")
    sums = [func.sum(daily.c[name]).label(name) for name in names]
    rows = tx.all(select(daily.c.kind, *sums).group_by(daily.c.kind).order_by(daily.c.kind))
    return [Cost(day="", **row._mapping) for row in rows]


def per_thousand(costs: Iterable[Cost], kinds: Sequence[str] | None = None) -> float | None:
    """Return watt-hours for a thousand videos, of some kinds or of all; None where no video was made."""
    held = list(costs)
    videos = sum(each.videos for each in held)
    used = sum(each.watt_hours for each in held if kinds is None or each.kind in kinds)
    return None if videos == 0 else used * 1000 / videos


def budget(tx: Tx) -> float | None:
    """Return how many watt-hours a thousand videos may take; None without a limit."""
    found: float | None = tx.scalar(select(budgets.c.watt_hours))
    return found


def set_budget(tx: Tx, watt_hours: float | None, now: datetime) -> None:
    """Limit what a thousand videos may take, or with None take the limit away."""
    upsert = postgresql.insert if tx.connection.dialect.name == "postgresql" else sqlite.insert
    row = {"watt_hours": watt_hours, "set_at": now}
    statement = upsert(budgets).values(id=1, **row)
    tx.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))


def level(tx: Tx, now: datetime) -> str:
    """Return the dearest way to make videos that the budget allows: `personal`, `stitched` or `whole`.

    Personal segments go first. Whole clips come when stitching alone costs more than allowed.
    """
    limit = budget(tx)
    if limit is None:
        return PERSONAL
    recent = by_day(tx, now, BUDGET_DAYS)
    if sum(each.videos for each in recent) < LEAST_VIDEOS or (per_thousand(recent, PER_VIDEO) or 0) <= limit:
        return PERSONAL
    return STITCHED if (per_thousand(recent, ("assemble",)) or 0) <= limit else WHOLE


def forget_old(tx: Tx, now: datetime) -> None:
    """Delete days that nobody compares with any more."""
    tx.execute(delete(daily).where(daily.c.day < _day(now - timedelta(days=KEEP_DAYS))))


def _day(now: datetime) -> str:
    return now.date().isoformat()

"""The outbox: a job is a row; a Celery message is only its doorbell.

Whoever holds the newest fence of a row may write its result. A lease that is not renewed lapses, and the sweep rings
again, so neither a killed worker nor an emptied broker loses or doubles work.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    and_,
    delete,
    func,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from storage.database import AnyRow, Instant, Tx, metadata
from storage.ids import new_id

LEASE = timedelta(seconds=20)
RENEW_EVERY = timedelta(seconds=5)
SWEEP_EVERY = timedelta(seconds=5)
OVERDUE = timedelta(seconds=10)
LONGEST_SILENCE = timedelta(minutes=2)
KEEP_DONE = timedelta(days=7)
MOST_ATTEMPTS = 3
BEAT_TOO_OLD = timedelta(seconds=30)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("key", String(200), nullable=False),
    Column("subject_id", String(36), nullable=False),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("fence", Integer, nullable=False, default=0),
    Column("lease_until", Instant),
    Column("reason", String(1000)),
    Column("rung_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
    # What all attempts cost: `storage.costs`.
    Column("cpu_ms", BigInteger, nullable=False, default=0),
    Column("bytes_in", BigInteger, nullable=False, default=0),
    Column("bytes_out", BigInteger, nullable=False, default=0),
    Column("cache_hits", Integer, nullable=False, default=0),
    Column("watt_hours", Float, nullable=False, default=0.0),
    UniqueConstraint("kind", "key"),
    Index(None, "state", "rung_at"),
)

# One row: when a worker last carried out a sweep, which proves beat, broker and worker in one.
beats = Table("job_beats", metadata, Column("id", Integer, primary_key=True), Column("at", Instant, nullable=False))


class Superseded(Exception):
    """Another worker holds the job by now; what this one made must not be kept."""


@dataclass(frozen=True)
class Claim:
    """The right to work on a job until the lease lapses; `fence` proves it at the end."""

    job_id: str
    kind: str
    key: str
    subject_id: str
    fence: int
    attempts: int


@dataclass(frozen=True)
class Swept:
    """What a sweep did: jobs rung again, those of them that lost their worker, and jobs given up at the last one."""

    rung: tuple[str, ...]
    lapsed: tuple[str, ...]
    failed: tuple[Claim, ...]


def enqueue(tx: Tx, kind: str, key: str, subject_id: str, now: datetime) -> str | None:
    """Write a job and have its bell rung after the commit; a job with this kind and key already there is kept.

    Returns the new job's id, or None when there was one.
    """
    job_id = new_id()
    insert = postgresql.insert if tx.connection.dialect.name == "postgresql" else sqlite.insert
    row = {
        "id": job_id,
        "kind": kind,
        "key": key,
        "subject_id": subject_id,
        "state": "queued",
        "rung_at": now,
        "created_at": now,
    }
    if tx.execute(insert(jobs).values(row).on_conflict_do_nothing(index_elements=["kind", "key"])).rowcount == 0:
        return None
    tx.ring(kind, job_id)
    return job_id


def enqueue_again(tx: Tx, kind: str, key: str, subject_id: str, now: datetime) -> None:
    """Queue a job that is done or failed once more, with all its attempts; one that still runs is left alone."""
    ended = and_(jobs.c.kind == kind, jobs.c.key == key, jobs.c.state.in_(("done", "failed")))
    fresh = {"state": "queued", "attempts": 0, "reason": None, "rung_at": now, "created_at": now, "ended_at": None}
    job_id = tx.scalar(update(jobs).where(ended).values(**fresh).returning(jobs.c.id))
    if job_id is None:
        enqueue(tx, kind, key, subject_id, now)
    else:
        tx.ring(kind, job_id)


def failed(tx: Tx, limit: int = 50) -> list[AnyRow]:
    """Return the jobs that were given up, the newest first: id, kind, subject_id, attempts, reason, ended_at."""
    columns = (jobs.c.id, jobs.c.kind, jobs.c.subject_id, jobs.c.attempts, jobs.c.reason, jobs.c.ended_at)
    return list(tx.all(select(*columns).where(jobs.c.state == "failed").order_by(jobs.c.ended_at.desc()).limit(limit)))


def waiting(tx: Tx) -> dict[str, int]:
    """Return how many jobs of each kind are queued or running."""
    open_ones = jobs.c.state.in_(("queued", "running"))
    rows = tx.all(select(jobs.c.kind, func.count().label("held")).where(open_ones).group_by(jobs.c.kind))
    return {row.kind: row.held for row in rows}


def waiting_since(tx: Tx) -> datetime | None:
    """Return since when the job that waits longest has been queued; None when nothing waits."""
    since: datetime | None = tx.scalar(select(func.min(jobs.c.created_at)).where(jobs.c.state == "queued"))
    return since


def claim(tx: Tx, job_id: str, now: datetime) -> Claim | None:
    """Take a job that is queued or whose lease has lapsed; None when it is done, held, or out of attempts."""
    row = tx.execute(
        update(jobs)
        .where(
            jobs.c.id == job_id,
            jobs.c.attempts < MOST_ATTEMPTS,
            or_(jobs.c.state == "queued", and_(jobs.c.state == "running", jobs.c.lease_until < now)),
        )
        .values(state="running", attempts=jobs.c.attempts + 1, fence=jobs.c.fence + 1, lease_until=now + LEASE)
        .returning(jobs.c.id.label("job_id"), jobs.c.kind, jobs.c.key, jobs.c.subject_id, jobs.c.fence, jobs.c.attempts)
    ).one_or_none()
    return None if row is None else Claim(**row._mapping)


def renew(tx: Tx, held: Claim, now: datetime) -> None:
    """Lengthen the lease; raises Superseded when somebody else has taken the job."""
    _as_holder(tx, held, lease_until=now + LEASE)


def finish(tx: Tx, held: Claim, now: datetime) -> None:
    """Mark the job done, in the transaction that writes its result; raises Superseded and so undoes both."""
    _as_holder(tx, held, state="done", ended_at=now, lease_until=None, reason=None)


def give_back(tx: Tx, held: Claim, reason: str, now: datetime) -> bool:
    """Put a job back after an error; True when that was its last attempt and it is failed now."""
    last = held.attempts >= MOST_ATTEMPTS
    _as_holder(
        tx,
        held,
        state="failed" if last else "queued",
        reason=reason[:1000],
        lease_until=None,
        rung_at=now,
        ended_at=now if last else None,
    )
    return last


def sweep(tx: Tx, now: datetime) -> Swept:
    """Ring again what was rung long ago or whose worker is gone, and give up what has used all its attempts."""
    lapsed = and_(jobs.c.state == "running", jobs.c.lease_until < now)
    failed = tx.execute(
        update(jobs)
        .where(lapsed, jobs.c.attempts >= MOST_ATTEMPTS)
        .values(state="failed", reason="the worker was lost at each attempt", ended_at=now, lease_until=None)
        .returning(jobs.c.id.label("job_id"), jobs.c.kind, jobs.c.key, jobs.c.subject_id, jobs.c.fence, jobs.c.attempts)
    ).all()
    # What waits in a long queue is rung at growing distances, or its bells would fill the broker.
    waited_twice = type_coerce(jobs.c.rung_at, BigInteger) * 2 - type_coerce(jobs.c.created_at, BigInteger)
    due = or_(type_coerce(waited_twice, Instant) <= now, jobs.c.rung_at < now - LONGEST_SILENCE)
    overdue = or_(and_(jobs.c.state == "queued", jobs.c.rung_at < now - OVERDUE, due), lapsed)
    rung = tx.execute(
        update(jobs).where(overdue).values(rung_at=now).returning(jobs.c.id, jobs.c.kind, jobs.c.state)
    ).all()
    for job_id, kind, _ in rung:
        tx.ring(kind, job_id)
    if tx.execute(update(beats).values(at=now)).rowcount == 0:
        tx.execute(beats.insert().values(id=1, at=now))
    tx.execute(delete(jobs).where(jobs.c.state == "done", jobs.c.ended_at < now - KEEP_DONE))
    return Swept(
        tuple(job_id for job_id, _, _ in rung),
        tuple(job_id for job_id, _, state in rung if state == "running"),
        tuple(Claim(**row._mapping) for row in failed),
    )


def last_beat(tx: Tx) -> datetime | None:
    """Return when a worker last swept; None when none ever did."""
    at: datetime | None = tx.scalar(select(beats.c.at))
    return at


def states(tx: Tx, kind: str) -> dict[str, str]:
    """Return the state of every job of a kind by its key."""
    return {row.key: row.state for row in tx.all(select(jobs.c.key, jobs.c.state).where(jobs.c.kind == kind))}


def _as_holder(tx: Tx, held: Claim, **values: object) -> None:
    mine = and_(jobs.c.id == held.job_id, jobs.c.fence == held.fence, jobs.c.state == "running")
    if tx.execute(update(jobs).where(mine).values(**values)).rowcount != 1:
        raise Superseded(held.job_id)

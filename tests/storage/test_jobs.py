"""Jobs: whatever is killed or repeated, one result."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from storage import jobs
from storage.database import Database
from storage.ids import new_id

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def enqueue(db: Database, key: str = "one") -> str:
    with db.writing() as tx:
        job_id = jobs.enqueue(tx, "ingest", key, new_id(), NOW)
    assert job_id is not None
    return job_id


def claim(db: Database, job_id: str, now: datetime = NOW) -> jobs.Claim | None:
    with db.writing() as tx:
        return jobs.claim(tx, job_id, now)


def held(db: Database, job_id: str, now: datetime = NOW) -> jobs.Claim:
    found = claim(db, job_id, now)
    assert found is not None
    return found


def test_the_bell_is_rung_after_the_commit_and_only_then(db: Database) -> None:
    rung: list[tuple[str, str]] = []
    bell = Database(db.url, ring=rung.extend)
    with bell.writing() as tx:
        job_id = jobs.enqueue(tx, "ingest", "k", new_id(), NOW)
        assert rung == []
    assert rung == [("ingest", job_id)]
    with pytest.raises(RuntimeError), bell.writing() as tx:
        jobs.enqueue(tx, "ingest", "other", new_id(), NOW)
        raise RuntimeError
    assert rung == [("ingest", job_id)]
    bell.dispose()


def test_a_bell_that_fails_loses_nothing(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: object) -> None:
        raise ConnectionError

    bell = Database(db.url, ring=broken)
    with bell.writing() as tx:
        jobs.enqueue(tx, "ingest", "k", new_id(), NOW)
    assert "could not deliver" in caplog.text
    with db.writing() as tx:
        swept = jobs.sweep(tx, NOW + jobs.OVERDUE + timedelta(seconds=1))
    assert len(swept.rung) == 1
    assert swept.lapsed == ()
    bell.dispose()


def test_the_same_key_is_one_job(db: Database) -> None:
    enqueue(db)
    with db.writing() as tx:
        assert jobs.enqueue(tx, "ingest", "one", new_id(), NOW) is None
        assert jobs.states(tx, "ingest") == {"one": "queued"}


def test_two_workers_get_one_job_once(db: Database) -> None:
    job_id = enqueue(db)
    assert claim(db, job_id) is not None
    assert claim(db, job_id) is None


def test_a_lapsed_lease_is_taken_over_and_the_first_worker_writes_nothing(db: Database) -> None:
    job_id = enqueue(db)
    first = held(db, job_id)
    later = NOW + jobs.LEASE + timedelta(seconds=1)
    second = held(db, job_id, later)
    with pytest.raises(jobs.Superseded), db.writing() as tx:
        jobs.finish(tx, first, later)
    with pytest.raises(jobs.Superseded), db.writing() as tx:
        jobs.renew(tx, first, later)
    with db.writing() as tx:
        jobs.finish(tx, second, later)
        assert jobs.states(tx, "ingest") == {"one": "done"}


def test_a_renewed_lease_is_kept(db: Database) -> None:
    job_id = enqueue(db)
    first = held(db, job_id)
    with db.writing() as tx:
        jobs.renew(tx, first, NOW + timedelta(seconds=15))
    assert claim(db, job_id, NOW + timedelta(seconds=30)) is None


def test_after_three_attempts_it_is_failed_with_a_reason(db: Database) -> None:
    job_id = enqueue(db)
    for attempt in range(1, jobs.MOST_ATTEMPTS + 1):
        with db.writing() as tx:
            last = jobs.give_back(tx, held_in(tx, job_id), "disk on fire", NOW)
        assert last == (attempt == jobs.MOST_ATTEMPTS)
    assert claim(db, job_id) is None
    with db.reading() as tx:
        assert jobs.states(tx, "ingest") == {"one": "failed"}


def held_in(tx: object, job_id: str) -> jobs.Claim:
    found = jobs.claim(tx, job_id, NOW)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_the_sweep_gives_up_a_job_whose_workers_all_died(db: Database) -> None:
    job_id = enqueue(db)
    now = NOW
    for _ in range(jobs.MOST_ATTEMPTS):
        held(db, job_id, now)
        now += jobs.LEASE + timedelta(seconds=1)
    with db.writing() as tx:
        swept = jobs.sweep(tx, now)
    assert [claim.job_id for claim in swept.failed] == [job_id]
    assert swept.rung == swept.lapsed == ()


def test_the_sweep_names_the_jobs_that_lost_their_worker(db: Database) -> None:
    lost, waiting = enqueue(db, "lost"), enqueue(db, "waiting")
    held(db, lost, NOW)
    with db.writing() as tx:
        swept = jobs.sweep(tx, NOW + jobs.LEASE + timedelta(seconds=1))
    assert set(swept.rung) == {lost, waiting}
    assert swept.lapsed == (lost,)


def test_a_job_in_a_long_queue_is_rung_at_growing_distances(db: Database) -> None:
    enqueue(db)
    rung = []
    for second in range(0, 600, 5):
        with db.writing() as tx:
            if jobs.sweep(tx, NOW + timedelta(seconds=second)).rung:
                rung.append(second)
    assert rung == [15, 30, 60, 120, 240, 365, 490]


def test_the_sweep_reports_that_it_ran(db: Database) -> None:
    with db.writing() as tx:
        assert jobs.last_beat(tx) is None
        jobs.sweep(tx, NOW)
        jobs.sweep(tx, NOW + timedelta(seconds=5))
        assert jobs.last_beat(tx) == NOW + timedelta(seconds=5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["claim", "finish", "back", "sweep"]), st.integers(0, 3)), max_size=25))
def test_no_order_of_events_gives_two_results(db: Database, steps: list[tuple[str, int]]) -> None:
    """Workers that claim, finish late, give back or die: at most one of them ever finishes."""
    with db.writing() as tx:
        tx.execute(delete(jobs.jobs))
    job_id = enqueue(db, new_id())
    claims: list[jobs.Claim] = []
    finished = 0
    now = NOW
    for step, which in steps:
        now += timedelta(seconds=9)
        try:
            with db.writing() as tx:
                if step == "claim" and (found := jobs.claim(tx, job_id, now)):
                    claims.append(found)
                elif step == "finish" and which < len(claims):
                    jobs.finish(tx, claims[which], now)
                    finished += 1
                elif step == "back" and which < len(claims):
                    jobs.give_back(tx, claims[which], "again", now)
                elif step == "sweep":
                    jobs.sweep(tx, now)
        except jobs.Superseded:
            pass
    assert finished <= 1
    assert len(claims) <= jobs.MOST_ATTEMPTS


def test_done_jobs_go_after_a_week(db: Database) -> None:
    job_id = enqueue(db)
    with db.writing() as tx:
        tx.execute(update(jobs.jobs).where(jobs.jobs.c.id == job_id).values(state="done", ended_at=NOW))
        jobs.sweep(tx, NOW + jobs.KEEP_DONE + timedelta(seconds=1))
        assert jobs.states(tx, "ingest") == {}

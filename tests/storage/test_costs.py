"""The cost meter: what a job used is counted once, by day and kind, and a budget follows from it."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from storage import costs, jobs
from storage.costs import Spent, Tally
from storage.database import Database

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_what_a_child_used_counts_too() -> None:
    before = costs.spent()
    subprocess.run([sys.executable, "-c", "sum(range(10**7))"], check=True)
    used = costs.spent() - before
    assert used.cpu > 0.05
    assert used.bytes_in > 10_000


def test_costs_are_on_the_job_and_on_its_day(db: Database) -> None:
    with db.writing() as tx:
        for number, at in enumerate((NOW - DAY, NOW, NOW)):
            job_id = jobs.enqueue(tx, "assemble", f"k{number}", "s", at)
            assert job_id is not None
            held = jobs.claim(tx, job_id, at)
            assert held is not None
            for _ in range(2):  # two attempts
                costs.book(tx, held, Spent(1.8, 1000, 200), Tally(3, 5), 20.0, at)
        row = tx.all(select(jobs.jobs).where(jobs.jobs.c.id == job_id))[0]
        assert (row.cpu_ms, row.bytes_in, row.bytes_out, row.cache_hits) == (3600, 2000, 400, 6)
        assert abs(row.watt_hours - 0.02) < 1e-9

        today, before = costs.by_day(tx, NOW, 2)
        assert (today.day, today.jobs, today.cpu_ms, today.videos) == ("2026-11-25", 4, 7200, 20)
        assert (before.day, before.jobs) == ("2026-11-24", 2)
        assert costs.by_day(tx, NOW, 1) == [today]
        total = costs.totals(tx)[0]
        assert (total.kind, total.jobs, total.bytes_out) == ("assemble", 6, 1200)
        # 0.04 Wh for 20 videos
        assert abs((costs.per_thousand([today]) or 0) - 2.0) < 1e-9
        assert costs.per_thousand([]) is None
        costs.forget_old(tx, NOW + timedelta(days=costs.KEEP_DAYS))
        assert [each.day for each in costs.by_day(tx, NOW, 2)] == ["2026-11-25"]


def test_the_budget_goes_down_the_list_and_up_again(db: Database) -> None:
    held = jobs.Claim("none", "assemble", "k", "s", 1, 1)
    with db.writing() as tx:
        assert (costs.budget(tx), costs.level(tx, NOW)) == (None, costs.PERSONAL)
        costs.set_budget(tx, 2.5, NOW)
        costs.book(tx, held, Spent(3.6, 0, 0), Tally(0, 10), 20.0, NOW)
        assert costs.level(tx, NOW) == costs.PERSONAL, "too few videos to judge by"
        costs.book(tx, held, Spent(3.6, 0, 0), Tally(0, 10), 20.0, NOW)
        assert costs.level(tx, NOW) == costs.PERSONAL
        drawing = jobs.Claim("none", "personal", "k", "s", 1, 1)
        costs.book(tx, drawing, Spent(3.6, 0, 0), Tally(), 20.0, NOW)
        assert costs.level(tx, NOW) == costs.STITCHED
        costs.book(tx, jobs.Claim("none", "ingest", "k", "s", 1, 1), Spent(900, 0, 0), Tally(), 20.0, NOW)
        assert costs.level(tx, NOW) == costs.STITCHED, "clips are prepared once, not for each video"
        costs.set_budget(tx, 1.5, NOW)
        assert costs.level(tx, NOW) == costs.WHOLE
        assert costs.level(tx, NOW + 3 * DAY) == costs.PERSONAL
        costs.set_budget(tx, None, NOW)
        assert costs.level(tx, NOW) == costs.PERSONAL

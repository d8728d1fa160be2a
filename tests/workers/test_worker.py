"""A real Celery worker at a real broker: the way of an upload, and what a kill or an emptied broker changes."""

from pathlib import Path

import psutil
import pytest
import redis
from sqlalchemy import func, select, update

from storage import broker, jobs
from storage.clock import utcnow
from storage.messages import lists_of
from tests.workers.conftest import Floor, draw_clip, eventually, kill_group, running_broker
from workers.app import make_ring
from workers.tasks import sweep
from workers.workshop import Workshop

pytestmark = pytest.mark.slow


def swept_later(floor: Floor) -> None:
    """Sweep as beat has it done once the lease of a dead worker has lapsed and every ring is old."""
    past = utcnow() - 2 * jobs.LEASE
    with floor.db.writing() as tx:
        tx.execute(update(jobs.jobs).where(jobs.jobs.c.state != "done").values(rung_at=past))
        tx.execute(update(jobs.jobs).where(jobs.jobs.c.state == "running").values(lease_until=past))
    sweep(Workshop(floor.settings, make_ring(floor.settings.redis_url)))


def works_for(floor: Floor) -> list[psutil.Process]:
    """Return the sandboxes that still work on this installation's files, without those that are killed already."""
    found = []
    for process in psutil.process_iter():
        try:
            works = process.status() != psutil.STATUS_ZOMBIE and "video_assembly.sandbox" in process.cmdline()
            if works and any(str(floor.settings.data_dir) in file.path for file in process.open_files()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_an_upload_is_ready_a_killed_worker_loses_and_doubles_nothing(floor: Floor, tmp_path: Path) -> None:
    short, longer = draw_clip(tmp_path / "short.mp4"), draw_clip(tmp_path / "longer.mp4", seconds=8)
    with running_broker(floor.settings):
        with floor.worker("ingest") as first:
            first_id = floor.upload(short)
            eventually(lambda: floor.clip(first_id).state == "ready", "the first clip is ready")
            second_id = floor.upload(longer)
            eventually(lambda: floor.clip(second_id).state == "normalising", "the second clip is being worked on")
            kill_group(first)
        eventually(lambda: not works_for(floor), "the sandbox ends with its worker")
        assert floor.segments(second_id) == []
        third_id = floor.upload(short)
        with floor.worker("ingest"):
            swept_later(floor)
            for clip_id in (second_id, third_id):
                eventually(lambda clip_id=clip_id: floor.clip(clip_id).state == "ready", "the rest is made up for")
    with floor.db.reading() as tx:
        ended = dict(tx.execute(select(jobs.jobs.c.key, jobs.jobs.c.attempts)).all())
        assert tx.scalar(select(func.count()).where(jobs.jobs.c.state == "done")) == 3
    assert ended == {first_id: 1, second_id: 2, third_id: 1}
    for clip_id in (first_id, second_id, third_id):
        segments = floor.segments(clip_id)
        assert [segment.position for segment in segments] == list(range(len(segments)))
    assert sum(segment.duration_ms for segment in floor.segments(second_id)) >= 7_000


def test_an_emptied_broker_loses_nothing(floor: Floor, tmp_path: Path) -> None:
    with running_broker(floor.settings):
        clip_id = floor.upload(draw_clip(tmp_path / "bars.mp4"))
        with redis.Redis.from_url(broker.url(floor.settings)) as client:
            assert sum(client.llen(each) for each in lists_of("ingest")) == 1
            client.flushall()
        with floor.worker("ingest"):
            swept_later(floor)
            eventually(lambda: floor.clip(clip_id).state == "ready", "the sweep rang again")


def test_a_worker_that_waits_for_its_broker_takes_up_what_was_uploaded_without_one(
    floor: Floor, tmp_path: Path
) -> None:
    clip_id = floor.upload(draw_clip(tmp_path / "bars.mp4"))
    with floor.worker("ingest", "assemble"), running_broker(floor.settings):
        swept_later(floor)
        eventually(lambda: floor.clip(clip_id).state == "ready", "the clip is ready")


def test_beat_has_a_worker_sweep(floor: Floor) -> None:
    def swept() -> bool:
        with floor.db.reading() as tx:
            return jobs.last_beat(tx) is not None

    with running_broker(floor.settings), floor.worker("assemble"), floor.beat():
        eventually(swept, "a worker has swept")

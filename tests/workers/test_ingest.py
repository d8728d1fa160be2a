"""The job `ingest`, called as the plain function that it is."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from storage import jobs
from storage.clock import utcnow
from tests.workers.conftest import Floor, draw_clip
from video_assembly import clips, library
from video_assembly.normalise import init_digest
from workers import ingest
from workers.tasks import carry_out, sweep, tidy

pytestmark = pytest.mark.slow


def job_of(floor: Floor, clip_id: str) -> str:
    with floor.db.reading() as tx:
        return str(tx.scalar(select(jobs.jobs.c.id).where(jobs.jobs.c.key == clip_id)))


def state_of(floor: Floor, job_id: str) -> str:
    with floor.db.reading() as tx:
        return str(tx.scalar(select(jobs.jobs.c.state).where(jobs.jobs.c.id == job_id)))


def test_an_upload_becomes_segments_with_files_and_leaves_nothing_else(floor: Floor, tmp_path: Path) -> None:
    clip_id = floor.upload(draw_clip(tmp_path / "bars.mp4", seconds=3.4))
    job_id = job_of(floor, clip_id)

    carry_out(floor.workshop, job_id)

    clip = floor.clip(clip_id)
    assert (clip.state, clip.progress) == ("ready", 1.0)
    assert clip.duration_ms is not None
    assert abs(clip.duration_ms - 3400) < 100
    segments = floor.segments(clip_id)
    assert segments
    for segment in segments:
        assert floor.media.path(segment.media_key).stat().st_size == segment.bytes
        assert floor.media.exists(segment.thumb_key)
        assert floor.media.exists(segment.poster_key)
    assert state_of(floor, job_id) == "done"
    assert list(floor.media.incoming.iterdir()) == []


def test_doing_it_again_does_no_harm(floor: Floor, tmp_path: Path) -> None:
    clip_id = floor.upload(draw_clip(tmp_path / "bars.mp4"))
    job_id = job_of(floor, clip_id)

    carry_out(floor.workshop, job_id)
    before = floor.segments(clip_id)
    carry_out(floor.workshop, job_id)

    assert floor.segments(clip_id) == before


def test_what_another_encoder_made_is_made_again_at_the_same_places(floor: Floor, tmp_path: Path) -> None:
    clip_id = floor.upload(draw_clip(tmp_path / "bars.mp4", seconds=3.4))
    job_id, now = job_of(floor, clip_id), utcnow()
    carry_out(floor.workshop, job_id)
    before = floor.segments(clip_id)
    assert {each.init_digest for each in before} == {init_digest()}
    table = library.segments
    with floor.db.writing() as tx:
        # As an older encoder would have left them, after their merchant had given them a role.
        old = {"init_digest": "0" * 64, "digest": "0" * 64, "role": "demo"}
        tx.execute(update(table).where(table.c.clip_id == clip_id).values(**old))
    tidy(floor.workshop)
    assert floor.clip(clip_id).state == "ready", "it was made today"
    with floor.db.writing() as tx:
        tx.execute(update(clips.clips).where(clips.clips.c.id == clip_id).values(ready_at=now - timedelta(days=2)))
    tidy(floor.workshop)
    assert floor.clip(clip_id).state == "queued"
    carry_out(floor.workshop, job_id)
    after = floor.segments(clip_id)
    assert {each.init_digest for each in after} == {init_digest()}
    assert [(each.start_ms, each.units, each.role) for each in after] == [(e.start_ms, e.units, "demo") for e in before]
    tidy(floor.workshop)
    assert floor.clip(clip_id).state == "ready", "nothing is left to be done"


def test_a_broken_file_is_refused_with_a_sentence_and_not_tried_again(floor: Floor, tmp_path: Path) -> None:
    whole = draw_clip(tmp_path / "bars.mp4").read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 2])
    clip_id = floor.upload(tmp_path / "half.mp4")

    carry_out(floor.workshop, job_of(floor, clip_id))

    clip = floor.clip(clip_id)
    assert clip.state == "refused"
    assert clip.reason is not None
    assert clip.reason.startswith("media-")
    assert clip.detail
    assert floor.segments(clip_id) == []
    assert state_of(floor, job_of(floor, clip_id)) == "done"


def test_a_fault_of_ours_is_tried_three_times_and_then_said(floor: Floor, tmp_path: Path) -> None:
    clip_id = floor.upload(draw_clip(tmp_path / "bars.mp4"))
    floor.media.delete(clips.upload_key(clip_id))
    job_id = job_of(floor, clip_id)

    for expected in ("queued", "queued", "failed"):
        carry_out(floor.workshop, job_id)
        assert state_of(floor, job_id) == expected

    assert floor.clip(clip_id).state == "refused"
    assert floor.clip(clip_id).reason == ingest.PROCESSING_FAILED


def test_who_lost_the_lease_writes_nothing(floor: Floor, tmp_path: Path) -> None:
    clip_id = floor.upload(draw_clip(tmp_path / "bars.mp4"))
    job_id = job_of(floor, clip_id)
    with floor.db.writing() as tx:
        first = jobs.claim(tx, job_id, utcnow())
    with floor.db.writing() as tx:
        later = jobs.claim(tx, job_id, utcnow() + 2 * jobs.LEASE)
    assert first is not None
    assert later is not None

    try:
        ingest.run(floor.workshop, first)
    except jobs.Superseded:
        pass
    else:
        raise AssertionError("the first claim has an old fence")

    assert floor.segments(clip_id) == []
    ingest.run(floor.workshop, later)
    assert floor.clip(clip_id).state == "ready"


def test_a_clip_that_kills_every_worker_is_given_up_by_the_sweep(floor: Floor, tmp_path: Path) -> None:
    clip_id = floor.upload(draw_clip(tmp_path / "bars.mp4"))
    job_id = job_of(floor, clip_id)
    long_ago = utcnow() - 2 * jobs.LEASE
    with floor.db.writing() as tx:
        tx.execute(
            update(jobs.jobs)
            .where(jobs.jobs.c.id == job_id)
            .values(state="running", attempts=jobs.MOST_ATTEMPTS, lease_until=long_ago)
        )

    sweep(floor.workshop)

    assert state_of(floor, job_id) == "failed"
    assert floor.clip(clip_id).reason == ingest.PROCESSING_FAILED

"""New edges of a segment are cut from the original by the job, and what cannot be cut leaves it as it is."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from storage import jobs
from storage.clock import utcnow
from tests.workers.conftest import Floor, draw_clip
from video_assembly import clips, edits, library, versions
from video_assembly.upkeep import KEPT_WHEN_ARCHIVED
from workers import ingest, recut
from workers.tasks import tidy

pytestmark = pytest.mark.slow


def work(floor: Floor, kind: str) -> None:
    """Carry out the newest job of a kind in this process."""
    with floor.db.writing() as tx:
        waiting = [row for row in tx.all(jobs.jobs.select()) if row.kind == kind and row.state == "queued"]
        held = jobs.claim(tx, waiting[-1].id, utcnow())
    assert held is not None
    (ingest if kind == "ingest" else recut).run(floor.workshop, held)


@pytest.mark.parametrize("original", ["there", "gone"])
def test_new_edges_become_the_next_version(floor: Floor, tmp_path: Path, original: str) -> None:
    clip_id = floor.upload(draw_clip(tmp_path / "clip.mp4", seconds=4.9))
    work(floor, "ingest")
    (old,) = floor.segments(clip_id)
    assert old.duration_ms == 4800
    with floor.db.writing() as tx:
        edits.edit_segment(tx, old.id, floor.merchant_id, utcnow(), role="demo")
        versions.cut_anew(tx, old.id, floor.merchant_id, 1000, 2600, utcnow())
    if original == "gone":
        floor.media.delete(clips.upload_key(clip_id))
    work(floor, versions.JOB)
    (new,) = floor.segments(clip_id)
    with floor.db.reading() as tx:
        wish = versions.wishes(tx, [old.id])[old.id]
    if original == "gone":
        assert (new, wish.state, wish.reason) == (
            old.__class__(**{**old.__dict__, "role": "demo"}),
            "failed",
            "original-gone",
        )
        return
    assert (new.version, new.start_ms, new.duration_ms, new.role, wish.state) == (2, 1000, 1600, "demo", "done")
    assert new.digest != old.digest
    assert floor.media.exists(new.media_key)
    assert floor.media.exists(new.poster_key)


def test_files_of_archived_segments_are_deleted_when_their_time_is_over(floor: Floor, tmp_path: Path) -> None:
    clip_id = floor.upload(draw_clip(tmp_path / "clip.mp4", seconds=1.7))
    work(floor, "ingest")
    (segment,) = floor.segments(clip_id)
    small = floor.media.path(segment.media_key).parent.glob("*.mp4")
    files = [floor.media.path(key) for key in (segment.media_key, segment.thumb_key, segment.poster_key)]
    files = sorted({*files, *small})
    assert len(files) == 4, "both renditions, thumbnail and poster"
    long_ago = utcnow() - KEPT_WHEN_ARCHIVED - timedelta(hours=1)
    with floor.db.writing() as tx:
        edits.edit_segment(tx, segment.id, floor.merchant_id, long_ago, archived=True)
    tidy(floor.workshop)
    assert all(path.is_file() for path in files), "what is fresh may be coming in as another segment"
    with floor.db.writing() as tx:
        tx.execute(update(library.segments).values(gone_at=None))
    for path in files:
        os.utime(path, (long_ago.timestamp(), long_ago.timestamp()))
    tidy(floor.workshop)
    assert [path for path in files if path.exists()] == []

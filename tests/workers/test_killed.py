"""A worker that is killed at any moment of ingest or assembly: nothing is lost, doubled or left over."""

import random
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from storage import jobs
from storage.clock import utcnow
from tests.video_assembly.shopfront import Shopfront, open_shopfront
from tests.workers.conftest import Floor, draw_clip, eventually, kill_group, running_broker
from video_assembly import library
from video_assembly.clips import FINAL, STATES
from video_assembly.slots import counts, slots
from video_assembly.videos import PLACES_AHEAD
from workers.app import make_ring
from workers.tasks import sweep
from workers.workshop import Workshop

pytestmark = pytest.mark.slow

MOMENTS = ("queued", "probing", "normalising", "analysing", "ready", "assembling")


@pytest.mark.timeout(600)
def test_five_kills(floor: Floor, tmp_path: Path) -> None:
    campaign(floor, tmp_path, 5)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_hundred_kills(floor: Floor, tmp_path: Path) -> None:
    print(campaign(floor, tmp_path, 100))


def campaign(floor: Floor, folder: Path, kills: int) -> dict[str, int]:
    """Kill a worker so many times, each at another moment of a clip's and a feed's way, and look at what is there."""
    chance, front = random.Random(9), open_shopfront(floor.db)
    source = draw_clip(folder / "bars.mp4", seconds=2.0)
    clips, viewers, repeated = [], [], 0
    with running_broker(floor.settings):
        for number in range(kills + 1):
            moment = MOMENTS[number % len(MOMENTS)] if number < kills else "done"
            if number and number % 10 == 0:
                print(f"{number} of {kills} kills", flush=True)
            with floor.worker("ingest", "assemble") as worker:
                swept_later(floor)
                eventually(lambda: settled(floor), "what the last one left is made up for", patience=120)
                if moment == "done":
                    break
                viewers.append(react(front))
                clips.append(floor.upload(source))
                eventually(lambda moment=moment: reached(floor, clips[-1], viewers[-1], moment), moment, patience=120)
                time.sleep(chance.uniform(0, 0.15))
                kill_group(worker)
    sweep_leftovers(floor)
    for clip_id in clips:
        assert floor.clip(clip_id).state == "ready"
        assert [segment.position for segment in floor.segments(clip_id)] == [0]
    with floor.db.reading() as tx:
        ended = tx.all(select(jobs.jobs.c.state, jobs.jobs.c.attempts))
        assert {row.state for row in ended} == {"done"}
        repeated = sum(row.attempts > 1 for row in ended)
        mine = jobs.jobs.c.subject_id.in_(clips)
        assert tx.scalar(select(func.count()).where(mine)) == len(clips) == kills
        for viewer in viewers:
            # a worker may be faster than the viewer's first reaction: then the version before it has its places too
            newest = select(slots.c.place).where(slots.c.viewer_id == viewer).order_by(slots.c.profile_version.desc())
            places = [row.place for row in tx.all(newest.limit(PLACES_AHEAD))]
            assert sorted(places) == list(range(1, PLACES_AHEAD + 1))
        assert counts(tx)["worker"] == tx.scalar(select(func.count()).select_from(slots))
        rows = select(library.segments.c.digest, library.segments.c.small_digest)
        kept = [row for row in tx.all(rows) if row.small_digest is not None]
    assert list(floor.media.incoming.iterdir()) == []
    wanted = {f"{digest}.mp4" for row in kept for digest in row}
    assert {path.name for path in (floor.media.folder / "segments").iterdir()} == wanted
    for folder_of, ending in (("thumbs", "webp"), ("posters", "jpg")):
        there = {path.name for path in (floor.media.folder / folder_of).iterdir()}
        assert there == {f"{row.digest}.{ending}" for row in kept}
    return {"kills": kills, "jobs": len(ended), "done again": repeated, "lost": 0, "doubled": 0, "left over": 0}


def react(front: Shopfront) -> str:
    """Somebody new says what they like, and a feed is wanted."""
    viewer = front.add_viewer()
    front.send(viewer, "Product Clicked", utcnow(), product_id=front.products["lamp"])
    return viewer


def reached(floor: Floor, clip_id: str, viewer: str, moment: str) -> bool:
    """Whether the clip is at that moment or past it; for a feed, whether its job was taken."""
    settled(floor)
    if moment == "assembling":
        with floor.db.reading() as tx:
            job = jobs.jobs.c
            return bool(tx.scalar(select(func.count()).where(job.subject_id == viewer, job.state != "queued")))
    state = floor.clip(clip_id).state
    return state in FINAL or STATES.index(state) >= STATES.index(moment)


def open_jobs(floor: Floor) -> int:
    with floor.db.reading() as tx:
        return int(tx.scalar(select(func.count()).where(jobs.jobs.c.state.not_in(("done", "failed")))))


def settled(floor: Floor) -> bool:
    """Whether nothing is left to do; rings again as beat would, since a ring waits for a busy broker for 0.2 s only."""
    if not open_jobs(floor):
        return True
    with floor.db.reading() as tx:
        newest = tx.scalar(select(func.max(jobs.jobs.c.rung_at)).where(jobs.jobs.c.state == "queued"))
    if newest is not None and newest < utcnow() - timedelta(seconds=3):
        swept_later(floor, lapsed=False)
    return False


def swept_later(floor: Floor, lapsed: bool = True) -> None:
    """Sweep as beat has it done later, once the lease of a dead worker has lapsed."""
    past = utcnow() - 2 * jobs.LONGEST_SILENCE
    with floor.db.writing() as tx:
        tx.execute(update(jobs.jobs).where(jobs.jobs.c.state != "done").values(rung_at=past))
        if lapsed:
            tx.execute(update(jobs.jobs).where(jobs.jobs.c.state == "running").values(lease_until=past))
    sweep(Workshop(floor.settings, make_ring(floor.settings.redis_url)))


def sweep_leftovers(floor: Floor) -> None:
    floor.media.clear_incoming(utcnow() + timedelta(seconds=1))

"""A show that is over, by a real worker: a clip for each merchant, one segment a pin; and what removes it all again."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

import shop
from shop import catalog, merchants, shows
from shop.catalog import NewVariant
from shop.money import Money
from shop.shows import Show
from storage import accounts
from storage.clock import utcnow
from storage.database import Tx
from tests.livestream.footage import Recorded, pictures, tone
from tests.workers.conftest import Floor, eventually, running_broker
from video_assembly import clips, recordings, search
from video_assembly.candidates import candidates
from workers.tasks import carry_out, tidy
from workers.workshop import Workshop

pytestmark = pytest.mark.slow

KEEP = timedelta(days=30)


def product(tx: Tx, merchant_id: str, handle: str) -> str:
    """Put a product on sale."""
    return catalog.add_product(
        tx,
        merchant_id,
        handle,
        titles={"de": handle, "en": handle},
        descriptions={"de": handle, "en": handle},
        brand="Nord",
        category="kitchen",
        variants=[NewVariant(handle, Money(1990, "EUR"), {}, 5)],
        now=utcnow(),
    )


class Held:
    """A show of 20 seconds with its recording and these pins: (product, from, until)."""

    def __init__(self, floor: Floor, pins: dict[str, tuple[float, float]], seconds: float = 20.0) -> None:
        self.floor = floor
        self.room = ""
        with floor.db.writing() as tx:
            self.other = merchants.add_merchant(tx, "hut", "Hut & Co")
            self.host = accounts.sign_up(tx, "mo@example.org", "Mo", "!", "en", utcnow())
            owner = {"mug": floor.merchant_id, "jar": floor.merchant_id, "hat": self.other}
            self.products = {name: product(tx, merchant_id, name) for name, merchant_id in owner.items()}
            self.id = shows.plan(tx, self.host, "Spring", list(self.products.values()), utcnow(), language="en").id
            shows.set_state(tx, self.id, "live", utcnow())
        self.stream = Recorded(floor.settings.recordings_dir, room=self.id)
        self.stream.feed(pictures(seconds, size=(90, 160)), tone(seconds))
        self.stream.close(seconds)
        with floor.db.writing() as tx:
            for name, (start, until) in pins.items():
                shows.pin(tx, self.id, self.products[name], self.host, self.at(start))
                shows.unpin(tx, self.id, self.products[name], self.host, self.at(until))

    def at(self, second: float) -> datetime:
        return self.stream.began(second)

    def end(self) -> Show:
        """End the show as web does."""
        with self.floor.db.writing() as tx:
            show = shows.set_state(tx, self.id, "ended", utcnow())
            recordings.note_end(tx, show, utcnow(), KEEP)
        return show

    def clips(self) -> list[clips.Clip]:
        with self.floor.db.reading() as tx:
            both = (self.floor.merchant_id, self.other)
            return [clip for merchant_id in both for clip in clips.list_clips(tx, merchant_id)]

    @property
    def folder(self) -> Path:
        return self.floor.settings.recordings_dir / self.id


def job(floor: Floor) -> str:
    from storage.jobs import jobs

    with floor.db.reading() as tx:
        return str(tx.scalar(select(jobs.c.id).where(jobs.c.kind == recordings.JOB)))


def test_pins_become_segments_of_their_merchants_by_a_real_worker(floor: Floor) -> None:
    show = Held(floor, {"mug": (1.0, 12.0), "hat": (12.0, 16.5), "jar": (16.5, 20.0)})
    with running_broker(floor.settings), floor.worker("ingest"):
        show.end()
        eventually(lambda: len(show.clips()) == 2, "the clips are cut")
        eventually(lambda: all(clip.state in clips.FINAL for clip in show.clips()), "they are ingested", 120)
    ours, theirs = show.clips()
    assert (ours.state, ours.title, ours.role, ours.language) == ("ready", "Spring", "demo", "en")
    with floor.db.reading() as tx:
        segments = search.of_clip(tx, floor.merchant_id, ours.id)
        others = search.of_clip(tx, show.other, theirs.id)
        usable = {each.id for each in candidates(tx, utcnow())}
    # Eleven seconds are more than a segment holds, three and a half hold one unit of 1.6 s after the keyframe.
    assert [(each.product_id, each.role, each.units) for each in segments] == [
        (show.products["mug"], "demo", 4),
        (show.products["jar"], "demo", 1),
    ]
    assert [(each.product_id, each.role) for each in others] == [(show.products["hat"], "demo")]
    assert {each.id for each in (*segments, *others)} <= usable
    assert all(each.has_sound for each in (*segments, *others))
    assert show.folder.is_dir()
    # The merchant's originals grew by the excerpts alone.
    with floor.db.reading() as tx:
        assert 0 < clips.quota(tx, show.other) < (show.folder / "0000.mp4").stat().st_size


def test_the_job_done_twice_makes_no_second_clip(floor: Floor) -> None:
    show = Held(floor, {"mug": (1.0, 8.0)}, 8.0)
    show.end()
    carry_out(floor.workshop, job(floor))
    assert len(show.clips()) == 1
    from storage.jobs import jobs

    with floor.db.writing() as tx:
        tx.execute(update(jobs).where(jobs.c.kind == recordings.JOB).values(state="queued"))
    carry_out(floor.workshop, job(floor))
    assert len(show.clips()) == 1
    assert [path.name for path in floor.media.path("uploads/x").parent.iterdir()] == [show.clips()[0].id]


@pytest.mark.parametrize("wish", ["nothing pinned", "no room", "not recorded"])
def test_when_there_is_no_clip(floor: Floor, wish: str) -> None:
    show = Held(floor, {} if wish == "nothing pinned" else {"mug": (1.0, 6.0)}, 6.0)
    changes: dict[str, object] = {"no room": {"upload_quota": 1}, "not recorded": {"record_shows": False}}.get(wish, {})
    show.end()
    carry_out(Workshop(floor.settings.model_copy(update=changes)), job(floor))
    assert show.clips() == []
    assert show.folder.is_dir() == (wish != "not recorded")
    assert not list(floor.media.incoming.iterdir())


def test_a_replay_goes_when_its_time_is_over(floor: Floor) -> None:
    show = Held(floor, {}, 2.0)
    tidy(floor.workshop)
    assert show.folder.is_dir(), "the show still runs"
    show.end()
    tidy(floor.workshop)
    assert show.folder.is_dir()
    with floor.db.writing() as tx:
        tx.execute(update(recordings.recordings).values(expires_at=utcnow() - timedelta(seconds=1)))
    tidy(floor.workshop)
    assert not show.folder.exists()


def test_an_erased_host_leaves_nothing(floor: Floor) -> None:
    show = Held(floor, {"mug": (1.0, 6.0)}, 6.0)
    show.end()
    carry_out(floor.workshop, job(floor))
    (clip,) = show.clips()
    assert floor.media.exists(clip.media_key)
    with floor.db.writing() as tx:
        assert [row["show_id"] for row in recordings.export(tx, show.host)] == [show.id]
        for erase in (recordings.erase, shop.erase, accounts.erase):
            erase(tx, show.host)
    tidy(floor.workshop)
    assert show.clips() == []
    assert not floor.media.exists(clip.media_key)
    assert not show.folder.exists()

"""The job `export`, called as the plain function that it is, over segments of the demo shop."""

import threading
from collections.abc import Callable
from datetime import timedelta

import av
import pytest
from sqlalchemy import delete, select, update

from storage import accounts, jobs
from storage.clock import utcnow
from storage.ids import new_id
from tests.video_assembly.footage import demo_part
from tests.video_assembly.shopfront import add_product
from tests.workers.conftest import Floor, eventually
from video_assembly import captions, clips, downloads, library, mp4, recipes
from video_assembly.candidates import candidates
from video_assembly.downloads import Download, Texts, Wish
from video_assembly.library import NewSegment
from video_assembly.recipes import Recipe
from video_assembly.storyboard import Part, Storyboard, Subject
from video_assembly.webvtt import Cue
from workers import export
from workers.tasks import carry_out, sweep

pytestmark = pytest.mark.slow

TEXTS = Texts("Glanz & Gut", "Kanne", "24,90 €", "Preis am 1. Mai 2026", "Mit KI erstellt", "de")


@pytest.fixture
def recipe(floor: Floor) -> Recipe:
    """A video of an opening and an offer, one unit each; the second was made with artificial intelligence."""
    now = utcnow()
    parts = [demo_part(0, 1), demo_part(3, 1)]
    with floor.db.writing() as tx:
        product_id = add_product(tx, floor.merchant_id, "kanne", "Nord", "kitchen", 5)
        clip = clips.add_clip(
            tx, floor.merchant_id, clip_id=new_id(), filename="a.mp4", size=1, now=now, product_ids=[product_id]
        )
        new = [
            NewSegment(
                digest=part.digest,
                index=part.index,
                init_digest=part.init_digest,
                units=len(mp4.SegmentIndex.unpack(part.index).units),
                duration_ms=1600,
                bytes=part.path.stat().st_size,
                start_ms=0,
                has_sound=True,
                role=role,
                tags=tags,
            )
            for part, role, tags in zip(parts, ("hook", "offer"), ((), ("KI",)), strict=True)
        ]
        library.store_segments(tx, clip, new, now)
        clips.set_state(tx, clip.id, "ready", now, duration_ms=3200)
        chosen = candidates(tx, now)
        subject = Subject(product_id, floor.merchant_id, "kitchen")
        board = Storyboard(subject, tuple(Part(each, "only-one", 1.0) for each in chosen))
        made = recipes.store(tx, [board], now)[0]
    for part in parts:
        floor.media.put(library.media_key(part.digest), part.path)
    return made


@pytest.fixture
def ask(floor: Floor, recipe: Recipe) -> Callable[..., tuple[Download, str]]:
    """Ask for an export as web does; returns it and its job."""

    def asked(**wish: object) -> tuple[Download, str]:
        with floor.db.writing() as tx:
            person_id = accounts.add_guest(tx, "de", utcnow())
            found = downloads.request(tx, person_id, recipe, Wish(**wish), TEXTS, utcnow())  # type: ignore[arg-type]
            job_id = tx.scalar(select(jobs.jobs.c.id).where(jobs.jobs.c.key == found.id))
        return found, str(job_id)

    return asked


def now_of(floor: Floor, asked: Download) -> Download | None:
    with floor.db.reading() as tx:
        return downloads.for_rendering(tx, asked.id)


def state_of(floor: Floor, job_id: str) -> str:
    with floor.db.reading() as tx:
        return str(tx.scalar(select(jobs.jobs.c.state).where(jobs.jobs.c.id == job_id)))


def test_a_wish_becomes_a_file_with_its_note(
    floor: Floor, recipe: Recipe, ask: Callable[..., tuple[Download, str]]
) -> None:
    asked, job_id = ask(form="1:1", cards=True, captions=True)
    with floor.db.writing() as tx:
        captions.put(tx, recipe.ingredients[0].id, "de", [Cue(100, 1500, "Erst Kaffee.")], utcnow())

    carry_out(floor.workshop, job_id)

    found = now_of(floor, asked)
    assert found is not None
    assert (found.state, found.progress, state_of(floor, job_id)) == ("ready", 1.0, "done")
    path = floor.media.path(found.media_key)
    assert path.stat().st_size == found.bytes
    with av.open(str(path), options={"export_xmp": "1"}) as container:
        assert container.streams.video[0].width == container.streams.video[0].height == 720
        assert "compositeWithTrainedAlgorithmicMedia" in container.metadata["xmp"]
    assert found.note is not None
    edits = [each.get("description") for each in found.note["assertions"][0]["data"]["actions"]]
    assert [each for each in edits if each] == ["reframed", "captions", "cards", "label"]
    assert list(floor.media.incoming.iterdir()) == []


def test_who_cancels_gets_no_file_and_leaves_none(
    floor: Floor, ask: Callable[..., tuple[Download, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, job_id = ask(form="16:9")
    monkeypatch.setattr(export, "REPORT_SECONDS", 0.0)
    workshop = floor.workshop
    working = threading.Thread(target=carry_out, args=(workshop, job_id))
    working.start()
    eventually(lambda: (found := now_of(floor, asked)) is not None and found.state == "rendering", "it is being made")
    with floor.db.writing() as tx:
        downloads.drop(tx, asked.id, asked.person_id)
    working.join()

    assert now_of(floor, asked) is None
    assert state_of(floor, job_id) == "done"
    assert not floor.media.exists(asked.media_key)
    assert list(floor.media.incoming.iterdir()) == []


def test_a_lost_segment_ends_in_a_sentence(
    floor: Floor, recipe: Recipe, ask: Callable[..., tuple[Download, str]]
) -> None:
    asked, job_id = ask()
    floor.media.delete(library.media_key(demo_part(0, 1).digest))

    carry_out(floor.workshop, job_id)

    found = now_of(floor, asked)
    assert found is not None
    assert (found.state, found.reason) == ("failed", downloads.LOST)
    assert state_of(floor, job_id) == "done"


def test_the_last_failed_attempt_is_told(floor: Floor, ask: Callable[..., tuple[Download, str]]) -> None:
    asked, job_id = ask()
    with floor.db.writing() as tx:
        tx.execute(update(jobs.jobs).where(jobs.jobs.c.id == job_id).values(attempts=jobs.MOST_ATTEMPTS - 1))
        # A wish that no code of ours writes: whatever goes wrong inside ends like this.
        tx.execute(update(downloads.exports).values(wanted={"form": "5:4"}))

    carry_out(floor.workshop, job_id)

    found = now_of(floor, asked)
    assert found is not None
    assert (found.state, found.reason, state_of(floor, job_id)) == ("failed", downloads.FAILED, "failed")


def test_files_go_with_their_time_and_their_person(floor: Floor, ask: Callable[..., tuple[Download, str]]) -> None:
    (kept, first), (old, second), (erased, third) = ask(), ask(), ask()
    for job_id in (first, second, third):
        carry_out(floor.workshop, job_id)
    assert all(floor.media.exists(each.media_key) for each in (kept, old, erased))
    long_ago = utcnow() - downloads.KEPT_FOR - timedelta(seconds=1)
    with floor.db.writing() as tx:
        tx.execute(update(downloads.exports).where(downloads.exports.c.id == old.id).values(ended_at=long_ago))
        downloads.erase(tx, erased.person_id)
        assert [row["id"] for row in downloads.export(tx, kept.person_id)] == [kept.id]

    sweep(floor.workshop)

    assert [floor.media.exists(each.media_key) for each in (kept, old, erased)] == [True, False, False]
    assert now_of(floor, old) is None


def test_a_video_whose_person_is_gone_is_not_made(floor: Floor, ask: Callable[..., tuple[Download, str]]) -> None:
    asked, job_id = ask()
    with floor.db.writing() as tx:
        tx.execute(delete(downloads.exports))
    carry_out(floor.workshop, job_id)
    assert state_of(floor, job_id) == "done"
    assert not floor.media.exists(asked.media_key)

"""The job `export`: a video becomes a file for the person who asked for it."""

import logging
import shutil
import time
from collections.abc import Callable

from storage import jobs
from storage.clock import utcnow
from storage.database import Tx
from storage.errors import UserError
from storage.ids import new_id
from storage.jobs import Claim
from video_assembly import captions, downloads, provenance, videos
from video_assembly import export as exporting
from video_assembly.downloads import Download
from video_assembly.export import Card, Label, Wanted
from video_assembly.provenance import Origin
from video_assembly.stitch import SegmentSource
from video_assembly.videos import Playable
from workers.workshop import Workshop

log = logging.getLogger(__name__)

REPORT_SECONDS = 0.5
# A card in the hook would tell the price before there is anything to want.
CARD_FROM = ("offer", "cta")


class Unwanted(Exception):
    """The person has cancelled, or is gone."""


def run(workshop: Workshop, held: Claim) -> None:
    """Make the file that the job is about and put it under its key."""
    with workshop.db.reading() as tx:
        wanted = downloads.for_rendering(tx, held.subject_id)
    if wanted is None or wanted.state not in downloads.OPEN:
        _end(workshop, held)
        return
    try:
        with workshop.db.reading() as tx:
            playable = videos.video(tx, wanted.recipe_id, utcnow(), viewer_id=None)
            look, origin = _look(tx, wanted, playable)
    except UserError as error:
        code, sentence = error.code, error.message
        _end(workshop, held, lambda tx: downloads.fail(tx, wanted.id, utcnow(), code, sentence))
        return
    try:
        _render(workshop, held, wanted, playable, look, origin)
    except FileNotFoundError:
        lost = (downloads.LOST, downloads.LOST_SENTENCE)
        _end(workshop, held, lambda tx: downloads.fail(tx, wanted.id, utcnow(), *lost))
    except Unwanted:
        log.info("export %s is not wanted any more", wanted.id)
        _end(workshop, held)


def give_up(tx: Tx, export_id: str) -> None:
    """Tell the person that every attempt failed."""
    downloads.fail(tx, export_id, utcnow())


def sweep(workshop: Workshop) -> None:
    """Remove the exports whose time is over, and the files of those that were cancelled or erased."""
    with workshop.db.reading() as tx:
        folder = workshop.media.folder / downloads.FOLDER
        there = {path.stem for path in folder.glob("*.mp4")} if folder.is_dir() else set()
        gone = there - downloads.known(tx, there)
    for export_id in gone:
        workshop.media.delete(downloads.key_of(export_id))


def _render(
    workshop: Workshop, held: Claim, wanted: Download, playable: Playable, look: Wanted, origin: Origin
) -> None:
    parts = [
        SegmentSource(workshop.media.path(each.media_key), each.index, each.init_digest, each.digest)
        for each in playable.sources
    ]
    folder = workshop.media.incoming / new_id()
    folder.mkdir()
    try:
        target = folder / "export.mp4"
        exporting.export(parts, look, folder, target, _reporter(workshop, wanted.id))
        provenance.append(target, origin)
        size = target.stat().st_size
        workshop.media.take(wanted.media_key, target)
        with workshop.db.writing() as tx:
            kept = downloads.done(tx, wanted.id, size, provenance.note(origin), utcnow())
            jobs.finish(tx, held, utcnow())
        if not kept:
            workshop.media.delete(wanted.media_key)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _look(tx: Tx, wanted: Download, playable: Playable) -> tuple[Wanted, Origin]:
    recipe, wish, texts = playable.recipe, wanted.wanted, wanted.texts
    with_ai = downloads.with_ai(tx, recipe)
    parts = [(each.id, each.duration_ms) for each in recipe.ingredients]
    cues = captions.of_video(tx, parts, texts.locale) if wish.captions else []
    cards: list[Card] = []
    labels: list[Label] = []
    at, selling = 0, False
    for each in recipe.ingredients:
        stop = at + each.duration_ms
        selling = selling or each.role in CARD_FROM
        if each.id in with_ai:
            labels.append(Label(at, stop, texts.label))
        if wish.cards and selling:
            cards = [Card(cards[0].start_ms if cards else at, stop, texts.title, texts.price, texts.note)]
        at = stop
    look = Wanted(wish.form, wish.crossfades, cues, cards, labels)  # type: ignore[arg-type]
    done = {
        "reframed": wish.form != "9:16",
        "crossfades": wish.crossfades,
        "captions": bool(cues),
        "cards": bool(cards),
        "label": bool(labels),
    }
    origin = Origin(
        wanted.id,
        recipe.digest,
        texts.merchant,
        texts.title,
        [each.digest for each in playable.sources],
        [step for step, was in done.items() if was],
        bool(with_ai),
        utcnow(),
    )
    return look, origin


def _reporter(workshop: Workshop, export_id: str) -> Callable[[float], None]:
    last = 0.0

    def tell(progress: float) -> None:
        nonlocal last
        at = time.monotonic()
        if at - last < REPORT_SECONDS:
            return
        last = at
        with workshop.db.writing() as tx:
            if not downloads.report(tx, export_id, progress):
                raise Unwanted(export_id)

    return tell


def _end(workshop: Workshop, held: Claim, write: Callable[[Tx], object] | None = None) -> None:
    with workshop.db.writing() as tx:
        if write is not None:
            write(tx)
        jobs.finish(tx, held, utcnow())

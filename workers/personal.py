"""The job `personal`: a segment with a price or a name is drawn, ahead of need and once for all who can use it."""

import logging
import shutil
from pathlib import Path

from storage import jobs
from storage.clock import utcnow
from storage.ids import new_id
from storage.jobs import Claim
from video_assembly import library, overlay, personal
from video_assembly.normalise import NormalisedSegment
from video_assembly.personal import Drawn
from workers.workshop import Workshop

log = logging.getLogger(__name__)


def run(workshop: Workshop, held: Claim) -> None:
    """Draw the segment that the job is about and put its files under their keys."""
    with workshop.db.reading() as tx:
        content = personal.for_drawing(tx, held.subject_id)
    drawn = None if content is None else _drawn(workshop, content)
    with workshop.db.writing() as tx:
        if drawn is not None:
            personal.done(tx, held.subject_id, drawn)
        elif content is not None:
            personal.give_up(tx, held.subject_id)
        jobs.finish(tx, held, utcnow())


def sweep(workshop: Workshop) -> None:
    """Take out of use what holds no longer, and delete the files whose grace is over."""
    with workshop.db.writing() as tx:
        keys = personal.retire(tx, utcnow())
    for key in keys:
        workshop.media.delete(key)


def _drawn(workshop: Workshop, content: overlay.Content) -> Drawn | None:
    folder = workshop.media.incoming / new_id()
    folder.mkdir()
    try:
        made = overlay.draw(content, _picture(workshop, content), folder)
        _keep(workshop, made)
    except overlay.CannotWrite:
        log.info("the typeface lacks letters for a %s segment", content.kind)
        return None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Drawn(
        made.digest,
        made.index,
        made.init_digest,
        made.small.digest,
        made.small.index,
        made.small.init_digest,
        made.units,
        made.duration_ms,
        made.size,
    )


def _picture(workshop: Workshop, content: overlay.Content) -> Path | None:
    if content.picture is None or not workshop.media.exists(content.picture):
        return None
    return workshop.media.path(content.picture)


def _keep(workshop: Workshop, made: NormalisedSegment) -> None:
    for key, path in (
        (library.media_key(made.digest), made.path),
        (library.media_key(made.small.digest), made.small.path),
        (library.thumb_key(made.digest), made.thumbnail),
        (library.poster_key(made.digest), made.poster),
    ):
        workshop.media.take(key, path)

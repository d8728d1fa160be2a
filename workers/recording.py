"""The job `recording`: a show that is over becomes a replay and, for each merchant, a clip of what was pinned."""

import logging
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shop import shows
from shop.shows import Pin, Show
from storage import jobs
from storage.clock import utcnow
from storage.database import Tx
from storage.errors import NotFound
from storage.ids import new_id
from storage.jobs import Claim
from video_assembly import clips, recordings
from video_assembly.recordings import Part, Recorded
from video_assembly.source import Limits
from workers.workshop import Workshop

log = logging.getLogger(__name__)

# The recorder ends its files within a second after the show; a killed one never says so.
PATIENCE = 10.0
POLL = 0.2


def run(workshop: Workshop, held: Claim) -> None:
    """Make the clips of the show that the job is about, and remove the recording where shows are not kept."""
    with workshop.db.reading() as tx:
        try:
            show = shows.show(tx, held.subject_id)
        except NotFound:
            show = None
        pins = shows.pins_of(tx, held.subject_id)
        done = recordings.clips_of(tx, held.subject_id)
        merchants = recordings.owners(tx, pins)
    if show is None or not workshop.settings.record_shows:
        forget(workshop, [held.subject_id])
        with workshop.db.writing() as tx:
            recordings.drop(tx, held.subject_id)
            jobs.finish(tx, held, utcnow())
        return
    recorded = _finished(workshop.settings.recordings_dir / show.id)
    # A second attempt finds the clips of the first: they are written in one transaction.
    made = [] if done else _cut(workshop, recorded, pins, merchants)
    try:
        with workshop.db.writing() as tx:
            unwanted = [cut for cut in made if not _add(workshop, tx, show, cut)]
            recordings.note_length(tx, show.id, recorded.seconds)
            jobs.finish(tx, held, utcnow())
    except Exception:
        unwanted = made
        raise
    finally:
        for cut in unwanted:
            workshop.media.delete(clips.upload_key(cut.clip_id))


def forget(workshop: Workshop, show_ids: Sequence[str]) -> None:
    """Remove the recordings of shows."""
    for show_id in show_ids:
        shutil.rmtree(workshop.settings.recordings_dir / show_id, ignore_errors=True)


def tidy(workshop: Workshop, now: datetime) -> None:
    """Remove the replays whose time is over, and what erased shows left behind."""
    with workshop.db.writing() as tx:
        recordings.expire(tx, now)
        orphans = recordings.take_orphans(tx, now)
    for clip_id in orphans:
        workshop.media.delete(clips.upload_key(clip_id))
    folder = workshop.settings.recordings_dir
    there = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    with workshop.db.reading() as tx:
        gone = set(there) - recordings.kept(tx, there)
    forget(workshop, sorted(gone))
    if gone:
        log.info("removed %d recordings", len(gone))


@dataclass(frozen=True)
class Cut:
    """A file that is to become a merchant's clip."""

    clip_id: str
    merchant_id: str
    size: int
    shown: list[Part]


def _finished(folder: Path) -> Recorded:
    deadline = time.monotonic() + PATIENCE
    while not (recorded := recordings.load(folder)).closed and time.monotonic() < deadline:
        time.sleep(POLL)
    return recorded


def _cut(workshop: Workshop, recorded: Recorded, pins: Sequence[Pin], merchants: Mapping[str, str]) -> list[Cut]:
    made = []
    found = list(recordings.excerpts(recorded, pins))
    for merchant_id in sorted(set(merchants.values())):
        theirs = [excerpt for excerpt in found if merchants.get(excerpt.product_id) == merchant_id]
        for batch in recordings.batches(recorded, theirs, Limits(size=workshop.settings.upload_limit)):
            clip_id = new_id()
            path = workshop.media.incoming / f"{clip_id}.part"
            shown = recordings.write(recorded, batch, path)
            size = path.stat().st_size
            workshop.media.take(clips.upload_key(clip_id), path)
            made.append(Cut(clip_id, merchant_id, size, shown))
    return made


def _add(workshop: Workshop, tx: Tx, show: Show, cut: Cut) -> bool:
    if clips.quota(tx, cut.merchant_id) + cut.size > workshop.settings.upload_quota:
        log.warning("merchant %s has no room for the clip of show %s", cut.merchant_id, show.id)
        return False
    clips.add_clip(
        tx,
        cut.merchant_id,
        clip_id=cut.clip_id,
        filename=f"{show.id}.mp4",
        title=show.title,
        size=cut.size,
        now=utcnow(),
        product_ids=[part.product_id for part in cut.shown],
        role=recordings.ROLE,
        language=show.language,
    )
    recordings.note_parts(tx, cut.clip_id, show.id, cut.shown)
    return True

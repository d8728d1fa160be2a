"""The job `recut`: other edges of a segment, cut from the clip's original, become its next version."""

import logging

from storage import jobs
from storage.clock import utcnow
from storage.database import Tx
from storage.jobs import Claim
from video_assembly import clips, library, versions
from video_assembly.ingest import Refused
from workers.ingest import new_segments, prepare
from workers.workshop import Workshop

log = logging.getLogger(__name__)

PROCESSING_FAILED = "processing-failed"


def run(workshop: Workshop, held: Claim) -> None:
    """Cut the segment that the job is about; a clip that can no longer be read leaves it as it is."""
    with workshop.db.reading() as tx:
        wish = versions.wish(tx, held.subject_id)
        old = None if wish is None else library.any_segment(tx, wish.segment_id)
        clip = None if old is None else clips.for_ingest(tx, old.clip_id)
    if wish is None or clip is None or wish.state != "queued" or not workshop.media.exists(clip.media_key):
        with workshop.db.writing() as tx:
            versions.fail(tx, held.subject_id, "original-gone")
            jobs.finish(tx, held, utcnow())
        return
    prepared = prepare(workshop, clip, [wish.span])
    with workshop.db.writing() as tx:
        now = utcnow()
        if isinstance(prepared, Refused):
            log.info("segment %s is not cut anew: %s %s", wish.segment_id, prepared.code, prepared.cause)
            versions.fail(tx, wish.id, prepared.code)
        else:
            (new,) = new_segments(prepared)
            versions.store_version(tx, wish, new, now)
        jobs.finish(tx, held, now)


def give_up(tx: Tx, recut_id: str) -> None:
    """Tell the merchant that every attempt failed."""
    versions.fail(tx, recut_id, PROCESSING_FAILED)

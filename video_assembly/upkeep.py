"""What becomes of a clip after its upload: another attempt at it, or its way out of the library."""

from datetime import datetime

from sqlalchemy import delete, func, select, update

from storage import jobs
from storage.database import Tx
from storage.errors import Conflict
from video_assembly.clips import JOB, Clip, clip, clips
from video_assembly.library import segments

# Refusals that a second attempt can change: our fault, or a machine that was too busy.
WORTH_ANOTHER_TRY = frozenset({"processing-failed", "media-too-demanding", "media-crashed"})


def try_again(tx: Tx, clip_id: str, merchant_id: str, now: datetime) -> Clip:
    """Queue a merchant's own clip once more; raises NotFound, and Conflict when the file itself is what is wrong."""
    found = clip(tx, clip_id, merchant_id)
    if found.state != "refused" or found.reason not in WORTH_ANOTHER_TRY:
        raise Conflict("not-failed", "Another attempt would end the same way. Please upload another file.")
    queued = {"state": "queued", "progress": 0.0, "reason": None, "detail": None, "detail_values": None}
    tx.execute(update(clips).where(clips.c.id == clip_id).values(**queued))
    jobs.enqueue_again(tx, JOB, clip_id, clip_id, now)
    tx.tell(f"clip:{clip_id}", {"clip_id": clip_id, "merchant_id": merchant_id, "state": "queued", "progress": 0.0})
    return clip(tx, clip_id, merchant_id)


def remove_clip(tx: Tx, clip_id: str, merchant_id: str, now: datetime) -> None:
    """Take a merchant's own clip out of the library; its original is for the caller to delete after the commit.

    Videos may be made of its segments, so these are archived and their bytes stay; a clip without any is forgotten.
    Raises NotFound.
    """
    clip(tx, clip_id, merchant_id)
    if tx.scalar(select(func.count()).where(segments.c.clip_id == clip_id)):
        shown = (segments.c.clip_id == clip_id) & segments.c.archived_at.is_(None)
        tx.execute(update(segments).where(shown).values(archived_at=now))
        tx.execute(update(clips).where(clips.c.id == clip_id).values(bytes=0))
    else:
        tx.execute(delete(clips).where(clips.c.id == clip_id))
    tx.tell(f"clip:{clip_id}", {"clip_id": clip_id, "merchant_id": merchant_id, "state": "removed"})

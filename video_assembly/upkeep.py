"""What becomes of a clip after its upload: another attempt at it, or its way out of the library."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, func, or_, select, update

from storage import jobs
from storage.database import Tx
from storage.errors import Conflict
from video_assembly.clips import JOB, Clip, clip, clips
from video_assembly.library import media_key, segments
from video_assembly.plan import Span

# Refusals that a second attempt can change: our fault, or a machine that was too busy.
WORTH_ANOTHER_TRY = frozenset({"processing-failed", "media-too-demanding", "media-crashed"})

# An archived segment's videos leave feeds at once; who has one open may finish it.
KEPT_WHEN_ARCHIVED = timedelta(hours=24)
# A replaced one is still in videos that were shared: these links last a week.
KEPT_WHEN_REPLACED = timedelta(days=8)
MOST_LET_GO = 500

# Beat asks every hour: a library of thousands of clips is renewed over some weeks, beside what is uploaded.
MOST_RENEWED = 10
RENEWED_AFTER = timedelta(days=1)


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


def renew(tx: Tx, init_digest: str, there: Callable[[str], bool], now: datetime) -> list[str]:
    """Queue clips whose segments another encoder made or that lack the small rendition, the oldest first; their ids.

    A few at a time. What unequal encoders made never meets in a video, so a library is brought to one of them again,
    and HLS has two sizes only where all segments have. Left alone are clips whose original is not `there` (by its key)
    any more, that a merchant has cut anew, or that became ready within the last day: two workers with different
    encoders must not undo each other's work all day.
    """
    current = and_(segments.c.clip_id == clips.c.id, segments.c.replaced_at.is_(None), segments.c.archived_at.is_(None))
    behind = or_(segments.c.init_digest != init_digest, segments.c.small_digest.is_(None))
    query = (
        select(clips.c.id, clips.c.merchant_id, clips.c.media_key)
        .join_from(clips, segments, current)
        .where(clips.c.state == "ready", clips.c.ready_at < now - RENEWED_AFTER)
        .group_by(clips.c.id, clips.c.merchant_id, clips.c.media_key)
        .having(func.max(segments.c.version) == 1, func.count().filter(behind) > 0)
        .order_by(clips.c.id)
    )
    due = [row for row in tx.all(query) if there(row.media_key)][:MOST_RENEWED]
    for row in due:
        tx.execute(update(clips).where(clips.c.id == row.id).values(state="queued", progress=0.0))
        jobs.enqueue_again(tx, JOB, row.id, row.id, now)
        fact = {"clip_id": row.id, "merchant_id": row.merchant_id, "state": "queued", "progress": 0.0}
        tx.tell(f"clip:{row.id}", fact)
    return [row.id for row in due]


def spans_of(tx: Tx, clip_id: str) -> list[Span]:
    """Return where a clip's segments were cut, so that they are cut there again; empty for a clip that has none."""
    query = (
        select(segments.c.start_ms, segments.c.units)
        .where(segments.c.clip_id == clip_id, segments.c.replaced_at.is_(None))
        .order_by(segments.c.position)
    )
    return [Span(row.start_ms / 1000, row.units) for row in tx.all(query)]


def let_go(tx: Tx, now: datetime) -> list[str]:
    """Mark segments that were archived or replaced long enough ago, and return the media keys to be deleted then.

    Equal bytes may be in use as another segment; these stay. At most 500 segments are marked at a time.
    """
    due = or_(
        segments.c.archived_at < now - KEPT_WHEN_ARCHIVED,
        and_(segments.c.archived_at.is_(None), segments.c.replaced_at < now - KEPT_WHEN_REPLACED),
    )
    rows = tx.all(select(*_FILES).where(due, segments.c.gone_at.is_(None)).order_by(segments.c.id).limit(MOST_LET_GO))
    if not rows:
        return []
    tx.execute(update(segments).where(segments.c.id.in_([row.id for row in rows])).values(gone_at=now))
    digests = {row.digest for row in rows}
    used = select(segments.c.digest).where(segments.c.digest.in_(digests), segments.c.gone_at.is_(None))
    kept = set(tx.execute(used).scalars())
    gone = [row for row in rows if row.digest not in kept]
    small = [media_key(row.small_digest) for row in gone if row.small_digest is not None]
    return [key for row in gone for key in (row.media_key, row.thumb_key, row.poster_key)] + small


_FILES = [segments.c[name] for name in ("id", "digest", "small_digest", "media_key", "thumb_key", "poster_key")]

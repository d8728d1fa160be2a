"""Captions of segments, one track for each language, and those of a video, put together from them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import JSON, Column, ColumnElement, ForeignKey, String, Table, delete, exists, insert, select

from storage.database import Instant, Tx, metadata
from video_assembly import webvtt
from video_assembly.webvtt import Cue

captions = Table(
    "captions",
    metadata,
    Column("segment_id", ForeignKey("segments.id", ondelete="CASCADE"), primary_key=True),
    Column("language", String(5), primary_key=True),
    # [start_ms, end_ms, text] each, from the segment's first picture on.
    Column("cues", JSON, nullable=False),
    Column("updated_at", Instant, nullable=False),
)


def captioned(segment_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that there are captions, in whichever language, for a segment."""
    return exists().where(captions.c.segment_id == segment_id)


def put(tx: Tx, segment_id: str, language: str, cues: Sequence[Cue], now: datetime) -> None:
    """Write the captions of a segment in a language in place of those it had; without cues it has none."""
    tx.execute(delete(captions).where(captions.c.segment_id == segment_id, captions.c.language == language))
    if cues:
        rows = [[each.start_ms, each.end_ms, each.text] for each in cues]
        tx.execute(insert(captions).values(segment_id=segment_id, language=language, cues=rows, updated_at=now))


def of(tx: Tx, segment_ids: Collection[str]) -> dict[str, dict[str, list[Cue]]]:
    """Return the captions of segments by segment and language; segments without any are left out."""
    found: dict[str, dict[str, list[Cue]]] = {}
    for row in tx.all(select(captions).where(captions.c.segment_id.in_(set(segment_ids)))):
        found.setdefault(row.segment_id, {})[row.language] = [Cue(*each) for each in row.cues]
    return found


def languages(tx: Tx, segment_ids: Collection[str]) -> dict[str, list[str]]:
    """Return in which languages segments have captions; segments without any are left out."""
    query = select(captions.c.segment_id, captions.c.language).order_by(captions.c.language)
    found: dict[str, list[str]] = {}
    for row in tx.all(query.where(captions.c.segment_id.in_(set(segment_ids)))):
        found.setdefault(row.segment_id, []).append(row.language)
    return found


def of_video(tx: Tx, parts: Sequence[tuple[str, int]], language: str) -> list[Cue]:
    """Return the cues of a video of these segments (id and milliseconds each), in `language` where there are such.

    A segment that has captions in other languages only is captioned in the first of them: words that are not
    one's own say more than none.
    """
    there = of(tx, [segment_id for segment_id, _ in parts])
    chosen = [there.get(segment_id, {}) for segment_id, _ in parts]
    cues = [each.get(language) or (each[min(each)] if each else []) for each in chosen]
    return webvtt.one_after_another([(length, own) for (_, length), own in zip(parts, cues, strict=True)])


def carry_over(tx: Tx, old_id: str, new_id: str, by_ms: int, duration_ms: int) -> None:
    """Give a segment that was cut anew the captions of the one that it replaces, `by_ms` later."""
    for row in tx.all(select(captions).where(captions.c.segment_id == old_id)):
        put(
            tx,
            new_id,
            row.language,
            webvtt.moved([Cue(*each) for each in row.cues], by_ms, duration_ms),
            row.updated_at,
        )

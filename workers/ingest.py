"""The job `ingest`: an upload becomes segments in the library, or is refused with a sentence."""

import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from storage import jobs
from storage.clock import utcnow
from storage.database import Tx
from storage.ids import new_id
from storage.jobs import Claim, Superseded
from video_assembly import clips, ingest, library, proposals, recordings, upkeep
from video_assembly.ingest import Limits, Prepared, Refused
from video_assembly.plan import Span
from video_assembly.recordings import Part
from workers.workshop import Workshop

log = logging.getLogger(__name__)

PROCESSING_FAILED = "processing-failed"
# msgid: see web/locale
PROCESSING_FAILED_SENTENCE = "Something went wrong on our side while we prepared this clip. Please try again."
# Each report is a write transaction; a person cannot read faster.
REPORT_SECONDS = 0.5


def run(workshop: Workshop, held: Claim) -> None:
    """Prepare the clip that the job is about and write its segments; raises Superseded when the job is lost."""
    with workshop.db.reading() as tx:
        clip = clips.for_ingest(tx, held.subject_id)
    if clip is None or clip.state in clips.FINAL:
        _end(workshop, held)
        return
    with workshop.db.reading() as tx:
        parts = recordings.parts_of(tx, clip.id)
        spans = [part.span for part in parts] or upkeep.spans_of(tx, clip.id)
    prepared = prepare(workshop, clip, spans, _reporter(workshop, clip.id))
    if isinstance(prepared, Refused):
        code, sentence, values = prepared.code, prepared.message, prepared.extra
        log.info("clip %s is refused: %s %s", clip.id, code, prepared.cause)
        _end(workshop, held, lambda tx: clips.refuse(tx, clip.id, code, sentence, values))
    else:
        _end(workshop, held, lambda tx: _store(tx, clip.id, prepared, parts))


def give_up(tx: Tx, clip_id: str) -> None:
    """Tell the merchant that every attempt failed, through no fault of the file."""
    clips.refuse(tx, clip_id, PROCESSING_FAILED, PROCESSING_FAILED_SENTENCE)


def _end(workshop: Workshop, held: Claim, write: Callable[[Tx], object] | None = None) -> None:
    """Write the result and mark the job done in one transaction, which only the holder's fence lets through."""
    with workshop.db.writing() as tx:
        if write is not None:
            write(tx)
        jobs.finish(tx, held, utcnow())


def _store(tx: Tx, clip_id: str, prepared: Prepared, parts: Sequence[Part]) -> None:
    now = utcnow()
    clip = clips.for_ingest(tx, clip_id)
    if clip is None:
        return  # removed by its merchant meanwhile
    assert not parts or len(parts) == len(prepared.segments), "each part of a show becomes one segment"
    products = [part.product_id for part in parts]
    segments = new_segments(prepared, products, clip)
    library.store_segments(tx, clip, segments, now)
    warnings: list[Mapping[str, Any]] = [
        {"code": notice.code, "message": notice.message, "values": notice.extra} for notice in prepared.warnings
    ]
    duration_ms = round(prepared.probe.duration * 1000)
    clips.set_state(tx, clip_id, "ready", now, duration_ms=duration_ms, warnings=warnings)


def prepare(
    workshop: Workshop, clip: clips.Clip, spans: Sequence[Span], progress: ingest.Progress | None = None
) -> Prepared | Refused:
    """Return the segments, their files already under their keys, or why there are none."""
    folder = workshop.media.incoming / new_id()
    try:
        prepared = ingest.prepare(
            workshop.media.path(clip.media_key),
            folder,
            filename=clip.filename,
            limits=Limits(size=workshop.settings.upload_limit),
            progress=progress,
            spans=spans or None,
        )
        keep_files(workshop, prepared)
    except Refused as refused:
        return refused
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return prepared


def new_segments(
    prepared: Prepared, product_ids: Sequence[str] = (), clip: clips.Clip | None = None
) -> list[library.NewSegment]:
    """Return prepared segments as the library takes them, each about its product where there are any.

    With the clip that they are all of, each has a proposal of what it may be for.
    """
    about: Sequence[str | None] = product_ids or [None] * len(prepared.segments)
    count = len(prepared.segments)
    return [
        library.NewSegment(
            product_id=product_id,
            digest=segment.digest,
            index=segment.index,
            init_digest=segment.init_digest,
            units=segment.units,
            duration_ms=segment.duration_ms,
            bytes=segment.size,
            start_ms=round(segment.start * 1000),
            has_sound=segment.has_sound,
            small=library.SmallForm(
                segment.small.digest, segment.small.index, segment.small.init_digest, segment.small.size
            ),
            speech_hint=insight.speech if segment.has_sound else 0.0,
            colour=insight.colour,
            pace=insight.pace,
            findings=insight.findings,
            proposal=None
            if clip is None
            else asdict(proposals.propose(clip.filename, clip.tags, position, count, insight.speech)),
        )
        for position, (segment, insight, product_id) in enumerate(
            zip(prepared.segments, prepared.insights, about, strict=True)
        )
    ]


def keep_files(workshop: Workshop, prepared: Prepared) -> None:
    """Put the files of prepared segments under their keys."""
    # Names are digests: a second run over the same clip replaces a file by itself.
    for segment in prepared.segments:
        for key, path in (
            (library.media_key(segment.digest), segment.path),
            (library.media_key(segment.small.digest), segment.small.path),
            (library.thumb_key(segment.digest), segment.thumbnail),
            (library.poster_key(segment.digest), segment.poster),
        ):
            workshop.media.take(key, path)


def _reporter(workshop: Workshop, clip_id: str) -> Callable[[str, float], None]:
    last_state, last_at = "", 0.0

    def report(state: str, progress: float) -> None:
        nonlocal last_state, last_at
        at = time.monotonic()
        if state == last_state and at - last_at < REPORT_SECONDS:
            return
        last_state, last_at = state, at
        with workshop.db.writing() as tx:
            if not clips.set_state(tx, clip_id, state, utcnow(), progress=progress):
                # Removed by its merchant, or finished by another worker: nobody wants the rest.
                raise Superseded(clip_id)

    return report

"""The tasks: claim the job, do the work of its kind in plain functions, and give the job back after an error."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import celery.signals

from personalization import bandits
from storage import accounts, costs, jobs
from storage.clock import utcnow
from storage.costs import Spent
from storage.database import Tx
from storage.jobs import Claim, Superseded
from storage.settings import Settings
from video_assembly import downloads, privacy, recordings, sandbox, slots, upkeep, uploads, versions, videos
from video_assembly import personal as made_for
from video_assembly.ingest import Limits
from video_assembly.normalise import init_digest
from workers import export, ingest, personal, recording, recut
from workers.workshop import Ringer, Workshop, holding

log = logging.getLogger(__name__)

Work = Callable[[Workshop, Claim], None]

# What a killed process left behind is as old as the longest work on a file.
LEFT_BEHIND = timedelta(hours=1, minutes=10)


@dataclass(frozen=True)
class Kind:
    """What a job's kind means: its function, and seconds after which its process is killed."""

    work: Work
    limit: int


def assemble(workshop: Workshop, held: Claim) -> None:
    """Put the next videos of a viewer together, before they are asked for."""
    now = utcnow()
    with workshop.db.writing() as tx:
        made = videos.assemble(tx, held.subject_id, now=now, by="worker")
        workshop.tally.videos += made
        if made:
            workshop.tally.cache_hits += slots.known_before(tx, held.subject_id, now)
        jobs.finish(tx, held, now)


KINDS = {
    # 20 s and 20 s for each second of the longest clip; each step has closer limits in its sandbox
    "ingest": Kind(ingest.run, round(20 + 20 * Limits().seconds)),
    "assemble": Kind(assemble, 30),
    recordings.JOB: Kind(recording.run, 120),
    # ten seconds of one core, niced below everything else: a machine with twenty busy processes leaves it a hundredth
    downloads.JOB: Kind(export.run, 1800),
    # a segment lasts 6.4 s at most, but its clip is read from the beginning
    versions.JOB: Kind(recut.run, round(20 + 20 * Limits().seconds)),
    # four seconds of one core, niced as well
    made_for.JOB: Kind(personal.run, 1800),
}

# What is told to the person when the last attempt at a job has failed.
GIVE_UP: dict[str, Callable[[Tx, str], None]] = {
    "ingest": ingest.give_up,
    downloads.JOB: export.give_up,
    versions.JOB: recut.give_up,
    made_for.JOB: made_for.give_up,
}


def name_of(kind: str) -> str:
    """Return the task name under which a kind's bell is rung."""
    return f"vitrine.{kind}"


def carry_out(workshop: Workshop, job_id: str) -> None:
    """Do a job if it is free to be done; an error gives it back for another attempt, the third fails it."""
    with holding(workshop, job_id) as held:
        if held is None:
            return
        before = _spent()
        workshop.tally = costs.Tally()
        try:
            KINDS[held.kind].work(workshop, held)
        except Superseded:
            log.info("job %s was taken over or is not wanted any more", job_id)
        except Exception as error:
            log.exception("attempt %s of job %s failed", held.attempts, job_id)
            _give_back(workshop, held, f"{type(error).__name__}: {error}")
        _book(workshop, held, _spent() - before)


def sweep(workshop: Workshop) -> None:
    """Ring again for jobs that wait too long or lost their worker, and clear what killed processes left."""
    now = utcnow()
    with workshop.db.writing() as tx:
        swept = jobs.sweep(tx, now)
        expired = uploads.expire(tx, now)
        for lost in swept.failed:
            if lost.kind in GIVE_UP:
                GIVE_UP[lost.kind](tx, lost.subject_id)
        downloads.expire(tx, now)
    if swept.failed:
        log.error("gave up %s", ", ".join(f"{lost.kind} {lost.job_id}" for lost in swept.failed))
    if swept.lapsed:
        log.warning("the worker was lost, rang again for %s", ", ".join(swept.lapsed))
    if len(swept.rung) > len(swept.lapsed):
        # a queue is nothing to warn of
        log.info("rang again for %d jobs that wait for their turn", len(swept.rung) - len(swept.lapsed))
    for upload_id in expired:
        (workshop.media.unfinished / f"{upload_id}.part").unlink(missing_ok=True)
    workshop.media.clear_incoming(now - LEFT_BEHIND)
    export.sweep(workshop)
    personal.sweep(workshop)


def tidy(workshop: Workshop) -> None:
    """Erase guests who cannot come back and replays whose time is over, and share out bandits' viewers anew."""
    now = utcnow()
    recording.tidy(workshop, now)
    _tidy_library(workshop, now)
    with workshop.db.writing() as tx:
        costs.forget_old(tx, now)
    with workshop.db.reading() as tx:
        due = bandits.running(tx)
    for each in due:
        with workshop.db.writing() as tx:
            bandits.share_out(tx, each, now)
    with workshop.db.reading() as tx:
        gone = accounts.gone_guests(tx, now)
    for person_id in gone:
        # One transaction each: a long one would keep buyers waiting.
        with workshop.db.writing() as tx:
            privacy.erase(tx, person_id)
    if gone:
        log.info("erased %d guests who cannot come back", len(gone))


def _tidy_library(workshop: Workshop, now: datetime) -> None:
    with workshop.db.writing() as tx:
        keys = upkeep.let_go(tx, now)
    for key in keys:
        # Equal bytes may be coming in as a new segment just now.
        if workshop.media.age(key, now) > LEFT_BEHIND:
            workshop.media.delete(key)
    with workshop.db.writing() as tx:
        renewed = upkeep.renew(tx, init_digest(), workshop.media.exists, now)
    if renewed:
        log.info("%d clips are brought to the present encoder", len(renewed))
    if keys:
        log.info("deleted %d files of segments that no video is made of any more", len(keys))


def register(app: Any, settings: Settings, ring: Ringer) -> None:
    """Put a task for each kind, and the sweep, on the application."""
    workshop = Workshop(settings, ring)

    def run(job_id: str) -> None:
        carry_out(workshop, job_id)

    for kind, meaning in KINDS.items():
        app.task(run, name=name_of(kind), time_limit=meaning.limit, shared=False)

    def run_sweep() -> None:
        sweep(workshop)

    app.task(run_sweep, name=name_of("sweep"), time_limit=30, shared=False)

    def run_tidy() -> None:
        tidy(workshop)

    app.task(run_tidy, name=name_of("tidy"), time_limit=120, shared=False)

    def in_child(**_: object) -> None:
        workshop.forget()

    started: Any = celery.signals.worker_process_init
    started.connect(in_child, weak=False)


def _spent() -> Spent:
    found = costs.spent()
    return replace(found, cpu=found.cpu + sandbox.uncounted())


def _book(workshop: Workshop, held: Claim, used: Spent) -> None:
    """Note what the attempt cost; a job that is done stays done when that fails."""
    try:
        with workshop.db.writing() as tx:
            costs.book(tx, held, used, workshop.tally, workshop.settings.watts_per_core, utcnow())
    except Exception:
        log.warning("could not book the cost of job %s", held.job_id, exc_info=True)


def _give_back(workshop: Workshop, held: Claim, reason: str) -> None:
    try:
        with workshop.db.writing() as tx:
            if jobs.give_back(tx, held, reason, utcnow()) and held.kind in GIVE_UP:
                GIVE_UP[held.kind](tx, held.subject_id)
    except Superseded:
        log.info("job %s was taken over meanwhile", held.job_id)

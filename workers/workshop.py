"""What a task works with, and how it holds on to its job."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

from storage import broker, jobs
from storage.clock import utcnow
from storage.costs import Tally
from storage.database import Database, Ring
from storage.jobs import Claim, Superseded
from storage.media import Media
from storage.messages import Messages
from storage.settings import Settings

log = logging.getLogger(__name__)

Ringer = Callable[[Sequence[Ring]], None]


class Workshop:
    """Database, media and settings of one worker process, opened at first use: a fork must not share connections."""

    def __init__(self, settings: Settings, ring: Ringer | None = None) -> None:
        self.settings = settings
        self._ring = ring
        # Of the job at hand; a worker process has one at a time.
        self.tally = Tally()

    @cached_property
    def db(self) -> Database:
        """The database, with the bell and the voice."""
        messages = Messages(self.settings.redis_url or broker.url(self.settings))
        return Database(self.settings.resolved_database_url, ring=self._ring, publish=messages.publish)

    @cached_property
    def media(self) -> Media:
        """The media files."""
        return Media(self.settings.media_dir)

    def forget(self) -> None:
        """Drop what the parent process may have opened; a pool's child calls this first."""
        if "db" in self.__dict__:
            self.db.dispose()
            del self.db


@contextmanager
def holding(workshop: Workshop, job_id: str) -> Iterator[Claim | None]:
    """Claim a job and keep its lease alive in a thread while the block runs; None when there is nothing to do."""
    with workshop.db.writing() as tx:
        held = jobs.claim(tx, job_id, utcnow())
    if held is None:
        yield None
        return
    done = threading.Event()
    keeper = threading.Thread(target=_keep, args=(workshop, held, done), name=f"lease {job_id}", daemon=True)
    keeper.start()
    try:
        yield held
    finally:
        done.set()
        keeper.join()


def _keep(workshop: Workshop, held: Claim, done: threading.Event) -> None:
    while not done.wait(jobs.RENEW_EVERY.total_seconds()):
        try:
            with workshop.db.writing() as tx:
                jobs.renew(tx, held, utcnow())
        except Superseded:
            return  # the fence stops the result; the work itself ends on its own
        except Exception:
            # A lock held too long: three more tries fit into the lease.
            log.warning("could not renew the lease of job %s", held.job_id, exc_info=True)

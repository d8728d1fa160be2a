"""Brings what web keeps in memory of the library up to date beside its requests, so that none waits for it."""

import asyncio
import logging

from starlette.concurrency import run_in_threadpool

from storage import kept
from storage.clock import utcnow
from video_assembly import lineup, shelves
from web.i18n import LOCALES
from web.services import Services

log = logging.getLogger(__name__)

EVERY_SECONDS = 2.0
# Well before requests would read the library anew.
ANEW_EVERY = 150


async def watch_library(parts: Services) -> None:
    """Read the library, look for changes every two seconds and read it anew every five minutes, until cancelled."""
    times = 0
    while True:
        try:
            await run_in_threadpool(_look, parts, anew=times % ANEW_EVERY == 0)
        except Exception:
            # Requests read for themselves meanwhile.
            log.warning("could not look at the library", exc_info=True)
        times += 1
        await asyncio.sleep(EVERY_SECONDS)


def _look(parts: Services, *, anew: bool) -> None:
    with parts.db.reading() as tx:
        shelves.refresh(tx, utcnow(), anew=anew)
        lineup.prepare(tx, LOCALES, utcnow())
    if anew:
        kept.settle()

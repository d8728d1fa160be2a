"""`/livez`: the process answers. `/readyz`: everything that it needs does."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from livestream.errors import LiveError
from storage import jobs
from storage.clock import utcnow
from web.services import Services, services


async def livez(request: Request) -> JSONResponse:
    """Answer that the event loop runs."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> JSONResponse:
    """Check database, broker, media process, worker and disk; 503 when one is missing."""
    parts = services(request)
    checks = await run_in_threadpool(_blocking_checks, parts)
    try:
        await parts.media_process.stats()
        checks["media"] = "ok"
    except LiveError:
        checks["media"] = "does not answer"
    ready = all(state == "ok" for state in checks.values())
    return JSONResponse({"status": "ok" if ready else "unavailable", "checks": checks}, 200 if ready else 503)


def _blocking_checks(parts: Services) -> dict[str, str]:
    with parts.db.reading() as tx:
        worker_seen = jobs.last_beat(tx)
    alive = worker_seen is not None and utcnow() - worker_seen < jobs.BEAT_TOO_OLD
    return {
        "database": "ok",
        "broker": "ok" if parts.messages.ping() else "does not answer",
        "worker": "ok" if alive else "has not reported",
        "disk": "ok" if parts.media.free_bytes() > parts.settings.disk_reserve else "is nearly full",
    }


routes = [Route("/livez", livez), Route("/readyz", readyz)]

"""What a merchant knows of customers from elsewhere, taken in for those who agreed."""

import re
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from personalization import imports
from storage.clock import utcnow
from storage.errors import UserError
from web.i18n import locale_of, translate
from web.merchant_access import owner
from web.services import services

SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,29}")
MOST_ERRORS = 100


async def post_import(request: Request) -> Response:
    """`POST /v1/customers:import?source=`: a CSV as the body; 200 with what became of its rows."""
    parts = services(request)
    source = request.query_params.get("source", "")
    if not SOURCE.fullmatch(source):
        raise UserError("source", "Name the system this comes from, in up to 30 letters and digits.", field="source")
    content = await request.body()

    def take_in() -> dict[str, Any]:
        with parts.db.writing() as tx:
            merchant_id = owner(tx, request)
            parts.limiter.take("import", merchant_id)
            found = imports.take_in(tx, merchant_id, source, content, utcnow())
        return {
            "taken": found.taken,
            "known": found.known,
            "skipped": found.skipped,
            "rejected": len(found.errors),
            "errors": [
                {"line": each.line, "detail": translate(locale_of(request), each.message)}
                for each in found.errors[:MOST_ERRORS]
            ],
        }

    return JSONResponse(await run_in_threadpool(take_in))


routes = [Route("/v1/customers:import", post_import, methods=["POST"], max_body_size=2 * imports.MOST_BYTES)]

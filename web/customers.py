"""What a merchant knows of customers from elsewhere, taken in for those who agreed: by a program or on a page."""

import re
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from personalization import imports
from personalization.imports import Imported
from shop import merchants
from storage.clock import utcnow
from storage.errors import UserError
from web.i18n import locale_of, translate
from web.merchant_access import owner
from web.pages import render
from web.services import services
from web.sessions import member, page_for

ADDRESS = "/merchant/customers"
SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,29}")
MOST_ERRORS = 100
# The same in every language.
EXAMPLE = "Shopify"
SAMPLES = (
    "email,sku,date\nada@example.org,MUG-BLUE,2026-03-14",
    "email,category,weight\nada@example.org,kitchen,1.5",
)


async def post_import(request: Request) -> Response:
    """`POST /v1/customers:import?source=`: a CSV as the body; 200 with what became of its rows."""
    source = _checked(request.query_params.get("source", ""))
    content = await request.body()
    found = await run_in_threadpool(_take_in, request, source, content)
    return JSONResponse(
        {
            "taken": found.taken,
            "known": found.known,
            "skipped": found.skipped,
            "rejected": len(found.errors),
            "errors": _errors(request, found),
        }
    )


def page(request: Request) -> Response:
    """`GET /merchant/customers`: what may be sent, what becomes of it, and the form that sends it."""
    return _page(request)


async def post_form(request: Request) -> Response:
    """`POST /merchant/customers`: the form of the page, which then says what became of the rows."""
    member(request, "merchant")  # before a stranger's file is read
    async with request.form(max_files=1, max_fields=2) as form:
        source, file = str(form.get("source", "")).strip(), form.get("file")
        content = await file.read() if isinstance(file, UploadFile) else b""

    def take() -> Response:
        try:
            return _page(request, source=source, found=_take_in(request, _checked(source), content))
        except UserError as error:
            if error.status not in (413, 422):
                raise
            return _page(request, source=source, error=error)

    return await run_in_threadpool(take)


def _checked(source: str) -> str:
    if not SOURCE.fullmatch(source):
        raise UserError("source", "Name the system this comes from, in up to 30 letters and digits.", field="source")
    return source


def _take_in(request: Request, source: str, content: bytes) -> Imported:
    parts = services(request)
    with parts.db.writing() as tx:
        merchant_id = owner(tx, request)
        parts.limiter.take("import", merchant_id)
        return imports.take_in(tx, merchant_id, source, content, utcnow())


def _errors(request: Request, found: Imported) -> list[dict[str, Any]]:
    locale = locale_of(request)
    return [{"line": each.line, "detail": translate(locale, each.message)} for each in found.errors[:MOST_ERRORS]]


def _page(
    request: Request, *, source: str = "", found: Imported | None = None, error: UserError | None = None
) -> Response:
    with services(request).db.reading() as tx:
        name = merchants.merchant_name(tx, owner(tx, request))
    context: dict[str, Any] = {
        "merchant": name,
        "source": source,
        "found": found,
        "errors": _errors(request, found) if found else [],
        "more": max(0, len(found.errors) - MOST_ERRORS) if found else 0,
        "error": error,
        "values": {} if error is None else error.extra,
        "field": "" if error is None else error.extra.get("field", "file"),
        "most": imports.MOST_ROWS,
        "example": EXAMPLE,
        "samples": SAMPLES,
    }
    return render(request, "merchant-customers.html", status_code=200 if error is None else error.status, **context)


routes = [
    Route("/v1/customers:import", post_import, methods=["POST"], max_body_size=2 * imports.MOST_BYTES),
    Route(ADDRESS, page_for("merchant", page)),
    Route(ADDRESS, post_form, methods=["POST"], max_body_size=2 * imports.MOST_BYTES),
]

"""The operator's page: who is here, invitations, the health of the parts, jobs that were given up."""

from datetime import timedelta
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shop import merchants
from storage import accounts, jobs
from storage.clock import utcnow
from storage.database import Tx
from storage.errors import UserError
from video_assembly import clips, videos
from web.i18n import locale_of, span
from web.limits import client_of
from web.pages import render
from web.services import services
from web.sessions import member, page_for

# Viewers sign up by themselves.
INVITED = ("merchant", "host", "operator")
LONGEST_NOTE = 80
REFUSED_DAYS = 7
MOST_REFUSED = 50


def page(request: Request) -> Response:
    """`GET /operator`: the state of the installation."""
    return _render(request)


async def invite(request: Request) -> Response:
    """`POST /operator/invitations`: the page with a link that opens once."""
    async with request.form(max_files=0, max_fields=5) as form:
        role, note = (str(form.get(name, "")).strip() for name in ("role", "note"))
    return await run_in_threadpool(_invite, request, role, note)


def _invite(request: Request, role: str, note: str) -> Response:
    parts = services(request)
    member(request, "operator", "operate")
    parts.limiter.take("write", client_of(request))
    try:
        if role not in INVITED:
            raise UserError(
                "role-unknown", "Choose one of these roles: {roles}.", field="role", roles=", ".join(INVITED)
            )
        if len(note) > LONGEST_NOTE or (role == "merchant" and not note):
            raise UserError(
                "note", "Give the shop a name of at most {most} characters.", field="note", most=LONGEST_NOTE
            )
        with parts.db.writing() as tx:
            token = accounts.invite(tx, role, note, utcnow())
    except UserError as error:
        return _render(request, error=error, role=role, note=note)
    url = request.url.replace(path=f"/welcome/{token}", query="", fragment="")
    return _render(request, link=str(url), role=role, note=note)


def _render(
    request: Request, *, error: UserError | None = None, link: str = "", role: str = "merchant", note: str = ""
) -> Response:
    parts, now = services(request), utcnow()
    with parts.db.reading() as tx:
        refused = clips.refused(tx, now - timedelta(days=REFUSED_DAYS), MOST_REFUSED)
        since = jobs.waiting_since(tx)
        context: dict[str, Any] = {
            "people": [(person, _shop_of(tx, person)) for person in accounts.everybody(tx)],
            "failed": [(job, _subject(tx, job.kind, job.subject_id)) for job in jobs.failed(tx)],
            "refused": [(clip, merchants.merchant_name(tx, clip.merchant_id)) for clip in refused],
            "waiting": jobs.waiting(tx),
            "longest": since and span(locale_of(request), max(now - since, timedelta())),
            "assemblies": videos.assembly_counts(tx),
        }
    return render(
        request,
        "operator.html",
        status_code=200 if error is None else error.status,
        invited=INVITED,
        error=error,
        link=link,
        role=role,
        note=note,
        days=accounts.INVITE_LIFE.days,
        refused_days=REFUSED_DAYS,
        nameless=not (parts.settings.operator_name or parts.settings.demo),
        **context,
    )


def _shop_of(tx: Tx, person: accounts.Person) -> str:
    merchant_id = merchants.merchant_of(tx, person.id)
    return "" if merchant_id is None else merchants.merchant_name(tx, merchant_id)


def _subject(tx: Tx, kind: str, subject_id: str) -> str:
    """Return what a person calls the thing that a job is about."""
    clip = clips.for_ingest(tx, subject_id) if kind == clips.JOB else None
    return subject_id if clip is None else clip.filename


routes = [
    Route("/operator", page_for("operator", page)),
    Route("/operator/invitations", invite, methods=["POST"]),
]

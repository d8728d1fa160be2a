"""The merchant's page about personal segments: what may be in the shop's videos, and what has been drawn."""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from shop import catalog, merchants
from storage.clock import utcnow
from video_assembly import inserts, personal
from video_assembly.library import media_key, poster_key
from video_assembly.personal import Switches
from web.i18n import locale_of
from web.limits import client_of
from web.merchant_access import owner
from web.pages import render
from web.services import services
from web.sessions import page_for

ADDRESS = "/merchant/personal"


def page(request: Request) -> Response:
    """`GET /merchant/personal`: the switches, and every card that holds or is on its way."""
    parts = services(request)
    with parts.db.reading() as tx:
        merchant_id = owner(tx, request)
        allows = personal.allowed(tx, [merchant_id])[merchant_id]
        rows = personal.of_merchant(tx, merchant_id) if allows.prices or allows.countdowns else []
        name = merchants.merchant_name(tx, merchant_id)
    cards: list[dict[str, Any]] = [
        {
            "title": row.content["headline"],
            "price": row.content["value"],
            "locale": row.content["locale"],
            "state": row.state,
            "poster": parts.media.url(poster_key(row.digest)) if row.state == "ready" else None,
            "film": parts.media.url(media_key(row.digest)) if row.state == "ready" else None,
        }
        for row in rows
        if row.content
    ]
    waiting = sum(card["state"] == "queued" for card in cards)
    return render(request, "merchant-personal.html", merchant=name, allows=allows, cards=cards, waiting=waiting)


async def save(request: Request) -> Response:
    """`POST /merchant/personal`: switch on or off; what is switched on is drawn ahead of need."""
    async with request.form(max_files=0, max_fields=5) as form:
        wanted = Switches(
            prices=form.get("prices") == "on",
            names=form.get("names") == "on",
            countdowns=form.get("countdowns") == "on",
        )
    return await run_in_threadpool(_save, request, wanted)


def _save(request: Request, wanted: Switches) -> Response:
    parts = services(request)
    parts.limiter.take("write", client_of(request))
    with parts.db.writing() as tx:
        merchant_id = owner(tx, request)
        personal.allow(tx, merchant_id, wanted)
        if wanted.prices or wanted.countdowns:
            mine = catalog.list_products(tx, locale_of(request), merchant_id=merchant_id, limit=inserts.MOST_PREPARED)
            inserts.prepare(tx, [each.id for each in mine], utcnow())
    return RedirectResponse(ADDRESS, 303)


routes = [
    Route(ADDRESS, page_for("merchant", page)),
    Route(ADDRESS, save, methods=["POST"]),
]

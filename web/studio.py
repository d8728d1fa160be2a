"""The studio: a host's shows, the page on which one goes live, and the stream key for encoders."""

from functools import partial

from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shop import catalog, shows
from shop.sales import sales_from
from storage import accounts
from storage.accounts import Person
from storage.clock import utcnow
from storage.database import Tx
from storage.errors import Forbidden
from web import hls
from web.i18n import locale_of
from web.limits import client_of
from web.live import room_json
from web.pages import render
from web.products import product_json
from web.services import services
from web.sessions import member, page_for
from web.whip import hosted_show, live_scope, room_host

MOST_SHOWN = 50
# What can still be run comes first.
ORDER = ("live", "reconnecting", "lobby", "scheduled", "ended", "cancelled")


def studio_page(request: Request) -> Response:
    """`GET /studio`: my shows, and one form for a new one."""
    parts = services(request)
    host: Person = request.state.person
    with parts.db.reading() as tx:
        mine = shows.list_shows(tx, host_id=host.id, limit=MOST_SHOWN)
        found = catalog.list_products(tx, locale_of(request), limit=MOST_SHOWN)
    mine.sort(key=lambda show: ORDER.index(show.state))
    replayed = partial(hls.has_replay, parts)
    whole = (product_json(each, parts.media) for each in found)
    products = [{name: each[name] for name in ("id", "title", "brand", "image", "price", "stock")} for each in whole]
    return render(request, "studio.html", shows=mine, viewers=parts.rooms.viewers, replayed=replayed, products=products)


def show_page(request: Request) -> Response:
    """`GET /studio/{room}`: check the camera, go live, lead the show."""
    parts = services(request)
    host: Person = request.state.person
    show = hosted_show(parts, request.path_params["room"], host)
    with parts.db.reading() as tx:
        products = list(catalog.by_id(tx, show.product_ids, locale_of(request)).values())
        has_key = _has_key(tx, host, show.id)
    return render(
        request,
        "show.html",
        show=show,
        room=room_json(parts, show, products),
        me={"id": host.id, "name": host.name, "guest": False},
        has_key=has_key,
    )


def make_key(request: Request) -> Response:
    """`POST /v1/rooms/{id}/key`: a stream key for this room; the one before it opens nothing any more."""
    parts = services(request)
    host = member(request, "host")
    if host.scopes is not None:
        raise Forbidden("browser-only", "A stream key is made in the studio, not by a program.")
    show = hosted_show(parts, request.path_params["id"], host)
    parts.limiter.take("write", client_of(request))
    with parts.db.writing() as tx:
        accounts.drop_tokens(tx, host.id, _key_name(show.id))
        token = accounts.add_token(tx, host.id, _key_name(show.id), frozenset({live_scope(show.id)}), utcnow())
    url = f"{request.base_url}live/{show.id}/whip"
    return JSONResponse({"url": url, "token": token}, 201, headers={"Cache-Control": "no-store"})


def summary(request: Request) -> Response:
    """`GET /v1/rooms/{id}/summary`: what a show came to, for its host; without a number where nobody noted it."""
    parts = services(request)
    show = hosted_show(parts, request.path_params["id"], room_host(request, request.path_params["id"]))
    with parts.db.reading() as tx:
        sales = sales_from(tx, f"room:{show.id}")
    ran = ((show.ended_at or utcnow()) - show.started_at).total_seconds() if show.started_at else None
    body = {
        "duration_seconds": None if ran is None else round(ran),
        "most_viewers": parts.rooms.most_viewers(show.id),
        "orders": sales.orders,
        "pieces": sales.pieces,
    }
    return JSONResponse(body)


def _key_name(room: str) -> str:
    return f"stream key {room}"


def _has_key(tx: Tx, host: Person, room: str) -> bool:
    held = select(accounts.api_tokens.c.id).where(
        accounts.api_tokens.c.person_id == host.id, accounts.api_tokens.c.name == _key_name(room)
    )
    return tx.scalar(held) is not None


routes = [
    Route("/studio", page_for("host", studio_page)),
    Route("/studio/{room}", page_for("host", show_page)),
    Route("/v1/rooms/{id}/summary", summary),
    Route("/v1/rooms/{id}/key", make_key, methods=["POST"]),
]

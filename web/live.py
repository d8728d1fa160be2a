"""Live rooms: the interface for programs, the list of shows and the room page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from personalization import consent
from shop import catalog, shows
from shop.carts import SHIPPING
from shop.catalog import Product
from shop.shows import Show
from storage.accounts import Person
from storage.clock import utcnow
from storage.database import Tx
from storage.errors import UserError
from web import hls, whip
from web.bodies import read_json
from web.i18n import locale_of
from web.limits import client_of
from web.pages import render
from web.products import product_json
from web.room_socket import room_socket
from web.services import Services, services
from web.sessions import member, viewer
from web.whip import hosted_show, live_scope, room_host

# In this order on the page: what can be watched first.
ON_NOW = ("live", "reconnecting")
COMING = ("lobby", "scheduled")
MOST_LISTED = 100
# Of the shows that ended last, so many are looked at for a replay.
MOST_REPLAYS = 24
SHOWN_PICTURES = 3
LONGEST_ID = 36
# Scope of a program that may plan rooms for its host, not only publish in one.
PLAN_SCOPE = live_scope("*")


class NewRoom(BaseModel):
    """A show to plan; without a time its lobby opens at once."""

    model_config = ConfigDict(extra="forbid")
    title: str = Field(max_length=500)
    product_ids: list[str] = Field(default_factory=list, max_length=500)
    scheduled_for: AwareDatetime | None = None
    language: Literal["de", "en"] | None = None


class NewPin(BaseModel):
    """The product to show to everybody."""

    model_config = ConfigDict(extra="forbid")
    product_id: str = Field(max_length=LONGEST_ID)


def _time(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def room_json(parts: Services, show: Show, products: Sequence[Product] | None = None) -> dict[str, Any]:
    """Return a room in the form of the public interface, with its products when they are given."""
    body: dict[str, Any] = {
        "id": show.id,
        "title": show.title,
        "state": show.state,
        "language": show.language,
        "demo": show.demo,
        "host": {"id": show.host_id, "name": show.host},
        "scheduled_for": _time(show.scheduled_for),
        "started_at": _time(show.started_at),
        "ended_at": _time(show.ended_at),
        "product_ids": list(show.product_ids),
        "pinned": show.pinned,
        "viewers": parts.rooms.viewers(show),
        "url": f"/live/{show.id}",
        "hls": f"/live/{show.id}/index.m3u8",
    }
    if products is not None:
        body["products"] = [product_json(product, parts.media) for product in products]
    return body


def products_of(tx: Tx, show: Show, locale: str) -> list[Product]:
    """Return the products of a show that are on sale, in the host's order."""
    return [product for product in catalog.by_id(tx, show.product_ids, locale).values() if product.published]


def list_rooms(request: Request) -> Response:
    """`GET /v1/rooms`: what is live and what is coming; `state=` asks for others, several with commas."""
    parts = services(request)
    wish = request.query_params.get("state")
    states = tuple(wish.split(",")) if wish else ON_NOW + COMING
    if not set(states) <= set(shows.TRANSITIONS):
        raise UserError("state-unknown", "A room has no such state.", field="state")
    with parts.db.reading() as tx:
        found = shows.list_shows(tx, states=states, limit=MOST_LISTED)
    return JSONResponse({"items": [room_json(parts, show) for show in found]})


def get_room(request: Request) -> Response:
    """`GET /v1/rooms/{id}`: one room with its products and their stock."""
    parts = services(request)
    with parts.db.reading() as tx:
        show = shows.show(tx, request.path_params["id"])
        products = products_of(tx, show, locale_of(request))
    return JSONResponse(room_json(parts, show, products))


async def plan_room(request: Request) -> Response:
    """`POST /v1/rooms`: plan a show, or open a lobby at once; 201 with the room."""
    parts = services(request)
    host = member(request, "host", PLAN_SCOPE)
    wish = await read_json(request, NewRoom)

    def plan() -> Response:
        parts.limiter.take("write", host.id)
        with parts.db.writing() as tx:
            show = shows.plan(
                tx,
                host.id,
                wish.title,
                wish.product_ids,
                utcnow(),
                language=wish.language or locale_of(request),
                scheduled_for=wish.scheduled_for,
            )
            products = products_of(tx, show, locale_of(request))
        return JSONResponse(room_json(parts, show, products), 201, headers={"Location": f"/v1/rooms/{show.id}"})

    return await run_in_threadpool(plan)


async def open_room(request: Request) -> Response:
    """`POST /v1/rooms/{id}/start`: let people into the lobby of a planned show."""
    return await _move(request, "lobby")


async def end_room(request: Request) -> Response:
    """`POST /v1/rooms/{id}/end`: the show is over for everybody."""
    return await _move(request, "ended")


async def cancel_room(request: Request) -> Response:
    """`POST /v1/rooms/{id}/cancel`: the show will not take place."""
    return await _move(request, "cancelled")


async def _move(request: Request, state: str) -> Response:
    parts = services(request)
    show = await run_in_threadpool(_hosted, parts, request)
    begun = state == "lobby" and show.state in ON_NOW
    if not begun:
        await parts.rooms.set_state(show.id, state)
    if state == "ended":
        await parts.rooms.hang_up(show.id)
    return await run_in_threadpool(get_room, request)


async def pin(request: Request) -> Response:
    """`POST /v1/rooms/{id}/pins`: show a product to everybody in the room."""
    parts = services(request)
    host = _room_host(request)
    wish = await read_json(request, NewPin)

    def write() -> Response:
        hosted_show(parts, request.path_params["id"], host)
        parts.limiter.take("write", client_of(request))
        with parts.db.writing() as tx:
            show = shows.pin(tx, request.path_params["id"], wish.product_id, host.id, utcnow())
        return JSONResponse(room_json(parts, show), 201)

    return await run_in_threadpool(write)


def unpin(request: Request) -> Response:
    """`DELETE /v1/rooms/{id}/pins/{product}`: take the product away again; one that is not pinned is fine."""
    parts = services(request)
    show = _hosted(parts, request)
    with parts.db.writing() as tx:
        show = shows.unpin(tx, show.id, request.path_params["product"], _room_host(request).id, utcnow())
    return JSONResponse(room_json(parts, show))


@dataclass(frozen=True)
class Card:
    """A show as the list shows it, with the pictures of its first products."""

    show: Show
    viewers: int
    images: list[str]


def _card(parts: Services, show: Show, products: Mapping[str, Product]) -> Card:
    first = (products[each].image for each in show.product_ids if each in products)
    images = [parts.media.url(image) for image in first if image]
    return Card(show, parts.rooms.viewers(show), images[:SHOWN_PICTURES])


def list_page(request: Request) -> Response:
    """`GET /live`: what is on now, what is coming, and what can be watched again."""
    parts = services(request)
    with parts.db.reading() as tx:
        found = shows.list_shows(tx, states=ON_NOW + COMING, limit=MOST_LISTED)
        over = shows.list_shows(tx, states=("ended",), limit=MOST_REPLAYS)
        found += [show for show in over if hls.has_replay(parts, show)]
        wanted = [product_id for show in found for product_id in show.product_ids[:SHOWN_PICTURES]]
        products = catalog.by_id(tx, wanted, locale_of(request))
    cards = [_card(parts, show, products) for show in found]
    on_now = [card for card in cards if card.show.state in ON_NOW]
    coming = [card for card in cards if card.show.state in COMING]
    coming.sort(key=lambda card: card.show.scheduled_for or card.show.created_at)
    replays = [card for card in cards if card.show.over]
    return render(request, "live.html", on_now=on_now, coming=coming, replays=replays)


def room_page(request: Request) -> Response:
    """`GET /live/{room}`: watch, talk and buy."""
    parts = services(request)
    person = viewer(request)
    locale = locale_of(request)
    with parts.db.reading() as tx:
        show = shows.show(tx, request.path_params["room"])
        products = products_of(tx, show, locale)
        given = consent.current(tx, person.id)
    if hls.has_replay(parts, show):
        return render(request, "replay.html", show=show, found=hls.shown_in(request, show))
    return render(
        request,
        "room.html",
        show=show,
        room=room_json(parts, show, products),
        me={"id": person.id, "name": person.name, "guest": person.guest, "email": person.email or ""},
        shipping={"flat": SHIPPING.flat, "free_from": SHIPPING.free_from},
        locale_of_show=show.language,
        agreed=given.personalise or given.measure,
    )


def _room_host(request: Request) -> Person:
    return room_host(request, request.path_params["id"])


def _hosted(parts: Services, request: Request) -> Show:
    return hosted_show(parts, request.path_params["id"], _room_host(request))


routes: list[BaseRoute] = [
    Route("/v1/rooms", list_rooms),
    Route("/v1/rooms", plan_room, methods=["POST"]),
    Route("/v1/rooms/{id}", get_room),
    Route("/v1/rooms/{id}/start", open_room, methods=["POST"]),
    Route("/v1/rooms/{id}/end", end_room, methods=["POST"]),
    Route("/v1/rooms/{id}/cancel", cancel_room, methods=["POST"]),
    Route("/v1/rooms/{id}/pins", pin, methods=["POST"]),
    Route("/v1/rooms/{id}/pins/{product}", unpin, methods=["DELETE"]),
    *whip.routes,
    *hls.routes,
    WebSocketRoute("/live/{room}/socket", room_socket),
    Route("/live", list_page),
    Route("/live/{room}", room_page),
]

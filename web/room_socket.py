"""The WebSocket of a room: who comes in, what they say and what they are told (livestream/PROTOCOL.md)."""

import asyncio
import contextlib
import json
from dataclasses import dataclass, replace
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from livestream.room import MAX_MESSAGE, ROOM_FULL, Client, Person, Room, clean
from shop import catalog, shows
from shop.shows import Show
from storage import accounts
from storage.clock import utcnow
from storage.errors import NotFound
from web.i18n import locale_of
from web.products import product_json
from web.services import Services, services
from web.sessions import login_of

NO_SESSION = 4401
NOT_ALLOWED = 4403
NO_ROOM = 4404
TOO_MANY_TABS = 4429
# The session ended; the client connects again and is who it is by then.
LOGIN_ENDED = 4409
LONGEST_NAME = 24
# A peer that takes nothing for so long is gone, whatever its network says.
SEND_SECONDS = 10.0


@dataclass(frozen=True)
class Visit:
    """Who comes to which show, and what they are told first."""

    show: Show
    person: Person
    guest: bool
    facts: dict[str, Any]


async def room_socket(websocket: WebSocket) -> None:
    """`WS /live/{room}/socket`: for everybody with a session; the origin was checked on the way here."""
    parts = services(websocket)
    # Accepted first, because a browser hears a close code only of a connection that was open.
    await websocket.accept()
    who: accounts.Person | None = websocket.state.person
    if who is None:
        await websocket.close(NO_SESSION, "open the room's page first")
        return
    if who.scopes is not None and not who.scopes & {"viewer", "operate"}:
        # An encoder's stream key publishes; it does not speak as the host.
        await websocket.close(NOT_ALLOWED, "this token may not do this")
        return
    try:
        visit = await run_in_threadpool(_visit, parts, websocket, who)
    except NotFound:
        await websocket.close(NO_ROOM, "there is no such room")
        return
    room = parts.rooms.open(visit.show)
    if room.full and visit.person.role == "viewer":
        full = {"type": "error", "code": "room-full", "message": "This room is full right now. We keep trying for you."}
        await websocket.send_text(json.dumps(full))
        await websocket.close(ROOM_FULL, "this room is full right now")
        return
    if not parts.rooms.enter(visit.show.id, who.id):
        await websocket.close(TOO_MANY_TABS, "too many connections")
        return
    client = room.join(visit.person, visit.facts, utcnow())
    release = parts.logins.hold(login_of(websocket), lambda: client.cut_off(LOGIN_ENDED))
    sender = asyncio.create_task(_send(websocket, client), name="room-socket")
    try:
        await _receive(websocket, room, client, visit)
    finally:
        release()
        room.leave(client, utcnow())
        parts.rooms.leave(visit.show.id, who.id)
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)


async def _receive(websocket: WebSocket, room: Room, client: Client, visit: Visit) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text") or ""
            if visit.guest and not _take_name(client, text, visit.show.host):
                continue
            room.receive(client, text, utcnow())


async def _send(websocket: WebSocket, client: Client) -> None:
    try:
        while (message := await client.next()) is not None:
            async with asyncio.timeout(SEND_SECONDS):
                await websocket.send_text(json.dumps(message))
    except TimeoutError:
        client.cut_off(1011)
    if websocket.application_state is WebSocketState.CONNECTED:
        await websocket.close(client.close_code or 1000)


def _take_name(client: Client, text: str, host: str) -> bool:
    """Let a guest choose a name with a message; False when the message has to wait for one."""
    try:
        said = json.loads(text) if len(text) <= MAX_MESSAGE else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or said.get("type") != "chat":
        return True
    wish = said.get("name")
    name = clean(wish)[:LONGEST_NAME] if isinstance(wish, str) else ""
    if name and name.casefold() == host.casefold():
        client.put({"type": "error", "code": "name-taken", "message": "The host is called that. Choose another name."})
        return False
    if name:
        client.person = replace(client.person, name=name)
    if not client.person.name:
        client.put({"type": "error", "code": "name-missing", "message": "Choose a name for the chat first."})
        return False
    return True


def _visit(parts: Services, websocket: WebSocket, who: accounts.Person) -> Visit:
    locale = locale_of(websocket)
    with parts.db.reading() as tx:
        show = shows.show(tx, websocket.path_params["room"])
        products = catalog.by_id(tx, show.product_ids, locale)
    role = "host" if show.host_id == who.id else "operator" if "operator" in who.roles else "viewer"
    facts = {
        "state": show.state,
        "pins": [show.pinned] if show.pinned else [],
        "products": [product_json(product, parts.media) for product in products.values() if product.published],
    }
    return Visit(show, Person(who.id, who.name, role), who.guest or not who.name, facts)

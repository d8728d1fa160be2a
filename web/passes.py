"""One-use passes to another host's doors, because browsers drop `Authorization` and cookies on the way there."""

import secrets
from datetime import timedelta

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from storage import accounts
from storage.accounts import Person
from storage.clock import utcnow
from storage.errors import Forbidden, NotFound
from web.services import Services, services
from web.sessions import login_of
from web.signing import sign, unsign

QUERY = "pass"
PASS_LIFE = timedelta(seconds=60)
# Who publishes by a pass ends the show by the session's address, which holds another one.
SESSION_LIFE = timedelta(hours=12)
DOOR, SESSION = "door", "session"


def redirect(request: Request, host: str, room: str, role: str) -> Response:
    """Send a client to the host that has the room, with a pass for who it is here. It says nothing of the client."""
    person: Person | None = request.state.person
    said = {"host": host, "room": room, "role": role, "person": person.id if person is not None else ""}
    said["login"] = login_of(request)
    key = services(request).settings.secret_key()
    token = sign(key, DOOR, said | {"id": secrets.token_urlsafe(12)}, utcnow() + PASS_LIFE)
    # The method and the offer stay as they are (RFC 9725 section 4.6); nobody may keep what is good once.
    headers = {"Location": f"{host}/live/{room}/{role}?{QUERY}={token}", "Cache-Control": "no-store"}
    return Response(status_code=307, headers=headers)


async def take(request: Request, role: str) -> bool:
    """Let a pass in the query say who asks, in place of cookie and bearer; False when there is none.

    Raises Forbidden for one that is used, too old, or for another door.
    """
    token = request.query_params.get(QUERY)
    if token is None:
        return False
    parts = services(request)
    said = unsign(parts.settings.secret_key(), DOOR, token, utcnow())
    wanted = {"host": parts.settings.public_url, "room": request.path_params["room"], "role": role}
    if said is None or wanted.items() - said.items():
        raise _refused()
    if not await parts.media_process.use_once(said["id"], PASS_LIFE.total_seconds()):
        raise _refused()
    request.state.person = await run_in_threadpool(_person, parts, said["person"])
    request.state.login = said["login"]
    return True


def session_query(request: Request, room: str, session: str, person: str) -> str:
    """Return what the address of a session, begun by a pass, carries so that its owner may end it."""
    said = {"room": room, "session": session, "person": person}
    token = sign(services(request).settings.secret_key(), SESSION, said, utcnow() + SESSION_LIFE)
    return f"?{QUERY}={token}"


async def take_session(request: Request) -> None:
    """Let the pass in a session's address say who asks, if there is one; raises Forbidden for a wrong one."""
    token = request.query_params.get(QUERY)
    if token is None:
        return
    parts = services(request)
    said = unsign(parts.settings.secret_key(), SESSION, token, utcnow())
    wanted = {name: request.path_params[name] for name in ("room", "session")}
    if said is None or wanted.items() - said.items():
        raise _refused()
    request.state.person = await run_in_threadpool(_person, parts, said["person"])


def _person(parts: Services, person_id: str) -> Person | None:
    if not person_id:
        return None
    try:
        with parts.db.reading() as tx:
            return accounts.person(tx, person_id)
    except NotFound:
        return None


def _refused() -> Forbidden:
    return Forbidden("pass-refused", "This address was good once, for a minute. Start over at the room's own address.")

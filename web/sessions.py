"""Who asks: the session cookie of a browser or the bearer token of a program, and what each endpoint demands."""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storage import accounts
from storage.accounts import Person
from storage.clock import utcnow
from storage.errors import Forbidden, Unauthorized
from web.i18n import locale_of
from web.limits import network_of
from web.services import Services, services

PUBLIC_PREFIXES = ("/static/", "/i18n/", "/livez", "/readyz")
COOKIE_AGE = int(accounts.SESSION_LIFE.total_seconds())


class Sessions:
    """Puts the person behind each request into `request.state.person`, and a new session into the response's cookie."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap one HTTP request or WebSocket."""
        if scope["type"] not in ("http", "websocket") or scope["path"].startswith(PUBLIC_PREFIXES):
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        state = scope["state"]
        state["new_session"] = None
        state["person"] = await run_in_threadpool(_identify, services(connection), connection)

        async def send_with_cookie(message: Message) -> None:
            token = state["new_session"]
            if message["type"] == "http.response.start" and token is not None:
                MutableHeaders(scope=message).append("Set-Cookie", _cookie(scope["scheme"] == "https", token))
            await send(message)

        await self.app(scope, receive, send_with_cookie)


def cookie_name(secure: bool) -> str:
    """Return the cookie's name; over HTTPS the browser itself guards the `__Host-` prefix."""
    return "__Host-session" if secure else "session"


def _cookie(secure: bool, token: str) -> str:
    age = COOKIE_AGE if token else 0
    flags = "; Secure" if secure else ""
    return f"{cookie_name(secure)}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{flags}"


def bearer(connection: HTTPConnection) -> str | None:
    """Return the token of an Authorization header, if there is one."""
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None


def session_token(connection: HTTPConnection) -> str | None:
    """Return the browser's session token."""
    return connection.cookies.get(cookie_name(connection.url.scheme in ("https", "wss")))


def login_of(connection: HTTPConnection) -> str:
    """Return the name of a browser's session in what it holds open; nothing for a program's token."""
    sent: str | None = getattr(connection.state, "login", None)
    if sent is not None:
        return sent
    token = session_token(connection)
    return accounts.token_hash(token) if token and "authorization" not in connection.headers else ""


def _identify(parts: Services, connection: HTTPConnection) -> Person | None:
    if "authorization" in connection.headers:
        token = bearer(connection)
        with parts.db.reading() as tx:
            return None if token is None else accounts.token_person(tx, token)
    token = session_token(connection)
    if token is None:
        return None
    now = utcnow()
    with parts.db.reading() as tx:
        found = accounts.session_person(tx, token, now)
    if found is None:
        return None
    who, due = found
    if due:
        with parts.db.writing() as tx:
            accounts.touch_session(tx, token, now)
    return who


def viewer(request: Request) -> Person:
    """Return who asks, making a guest with a session of a browser that is new here.

    Blocking: call it in a `def` endpoint or through a thread. A program without a valid token gets Unauthorized.
    """
    person: Person | None = request.state.person
    if person is not None:
        if person.scopes is not None and not person.scopes & {"viewer", "operate"}:
            raise Forbidden("scope-missing", "This token may not do this.")
        return person
    if "authorization" in request.headers:
        raise Unauthorized("token-unknown", "This token is unknown or was revoked.")
    parts = services(request)
    parts.limiter.take("guest", network_of(request))
    now = utcnow()
    with parts.db.writing() as tx:
        guest_id = accounts.add_guest(tx, locale_of(request), now)
        start_session(request, accounts.open_session(tx, guest_id, now))
        person = accounts.person(tx, guest_id)
    request.state.person = person
    return person


def member(request: Request, role: str, scope: str | None = None) -> Person:
    """Return who asks when they hold `role` (operators hold all) and, for a token, `scope`.

    Raises Unauthorized when nobody is signed in, Forbidden otherwise.
    """
    person: Person | None = request.state.person
    if person is None or (person.guest and person.scopes is None):
        raise Unauthorized("sign-in-first", "Sign in first.")
    if not person.may(role, scope):
        raise Forbidden("role-missing", "Your account may not do this.")
    return person


def start_session(request: Request, token: str) -> None:
    """Have the response carry a session cookie; an empty token clears it."""
    request.state.new_session = token


def page_for(role: str, endpoint: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """Wrap a page for people with a role: others are sent to sign in and come back."""

    def guarded(request: Request) -> Response:
        try:
            member(request, role)
        except Unauthorized:
            return RedirectResponse(f"/sign-in?next={request.url.path}", 303)
        return endpoint(request)

    return guarded

"""What every response and every unsafe request has to pass: headers, origin, request id, access log."""

import re
import secrets
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storage.errors import Forbidden
from storage.ids import new_id
from web.problems import on_user_error
from web.services import services

log = structlog.get_logger("web")

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NO_DEVICES = "camera=(), microphone=(), display-capture=(), geolocation=()"
STUDIO_DEVICES = "camera=(self), microphone=(self), display-capture=(self), geolocation=()"
LONGEST_REQUEST_ID = 64
# Whoever has the rest of such an address has what it opens: it stays out of the log.
SECRET_PATHS = re.compile(r"(/welcome/|/live/[^/]+/wh[ei]p/).+")
# Players on other sites and outside browsers play rooms without a cookie. No form can send what is taken here: SDP and
# DELETE need a preflight, whose answer allows no credentials.
OPEN_TO_PLAYERS = re.compile(r"/live/[^/]+/whep(/[^/]+)?")
# Another host of ours sends publishers here with a signed pass, which then counts in place of the cookie.
OPEN_BY_PASS = re.compile(r"/live/[^/]+/whip(/[^/]+)?")


def content_security_policy(nonce: str, hosts: Iterable[str] = ()) -> str:
    """Return the one policy of all pages; the nonce is for the import map, `hosts` are those that share our rooms."""
    connect = " ".join(["'self'", *sorted(hosts)])
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self' data: blob:; "
        f"media-src 'self' blob:; worker-src 'self' blob:; connect-src {connect}; font-src 'self'; "
        "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


class RequestContext:
    """Gives each request an id and a nonce, sets the security headers, writes the access log."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap one HTTP request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        usable = given.isascii() and given.replace("-", "").isalnum() and len(given) <= LONGEST_REQUEST_ID
        request_id = given if usable else new_id()
        state = scope.setdefault("state", {})
        state["request_id"], state["nonce"] = request_id, secrets.token_urlsafe(16)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.monotonic()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if scope["type"] == "http":
                    seconds = time.monotonic() - started
                    scope["app"].state.services.metrics.answered(scope["method"], status, seconds)
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                # A page that is sent to another host's room follows only where this lets it.
                hosts = services(HTTPConnection(scope)).media_process.hosts
                headers.setdefault("Content-Security-Policy", content_security_policy(state["nonce"], hosts))
                devices = STUDIO_DEVICES if scope["path"].startswith("/studio") else NO_DEVICES
                headers.setdefault("Permissions-Policy", devices)
                # With a certificate of our own the promise would lock out whoever goes back to plain HTTP on localhost.
                if scope["scheme"] == "https" and not scope["app"].state.services.settings.https:
                    headers.setdefault("Strict-Transport-Security", "max-age=31536000")
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            if scope["type"] == "http" and not scope["path"].startswith(("/static/", "/livez", "/readyz")):
                milliseconds = round((time.monotonic() - started) * 1000, 1)
                path = SECRET_PATHS.sub(r"\1***", scope["path"])
                log.info("request", method=scope["method"], path=path, status=status, ms=milliseconds)


class SameOrigin:
    """Refuses unsafe requests and WebSockets that another site had a browser send (OWASP CSRF, Fetch Metadata).

    A request that brings its own Authorization header is no browser's ambient one and passes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on or answer 403."""
        if scope["type"] == "websocket" and not same_origin(HTTPConnection(scope)):
            await send({"type": "websocket.close", "code": 4403, "reason": "foreign origin"})
            return
        if (
            scope["type"] == "http"
            and scope["method"] not in SAFE_METHODS
            and "authorization" not in Headers(scope=scope)
            and not OPEN_TO_PLAYERS.fullmatch(scope["path"])
            and not (OPEN_BY_PASS.fullmatch(scope["path"]) and scope["query_string"].startswith(b"pass="))
            and not same_origin(HTTPConnection(scope))
        ):
            error = Forbidden("foreign-origin", "This request came from another site and was not carried out.")
            await on_user_error(Request(scope), error)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def same_origin(connection: HTTPConnection) -> bool:
    """Tell whether the browser says that the request comes from our own pages; silence counts as no."""
    site = connection.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    origin = connection.headers.get("origin")
    if origin is None:
        return site == "same-origin"
    return urlsplit(origin).netloc == connection.headers.get("host")

"""STUN and TURN servers for peers that cannot send UDP to us directly, told in `Link` headers (RFC 9725 section 4.6).

TURN is opened by credentials that need no account: whoever shares the secret with coturn can make them for anybody
(draft-uberti-behave-turn-rest-00). They name a person, so that the relay can hold each to a number of allocations.
"""

import base64
import hashlib
import hmac
import re
import time
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from storage.settings import Settings
from web.limits import client_of
from web.services import services

# A relayed connection outlives its credentials; they are for its beginning only.
LIFE_SECONDS = 300
# Of what names a person in a username that others may see on the wire.
NAME_LENGTH = 16


@dataclass(frozen=True)
class Credentials:
    """What opens a TURN server until `username` says."""

    username: str
    password: str


def turn_credentials(secret: str, name: str, now: float) -> Credentials:
    """Make credentials for `name` that are valid from `now` (seconds since 1970) for five minutes."""
    username = f"{int(now) + LIFE_SECONDS}:{name}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return Credentials(username, base64.b64encode(digest).decode())


def links(settings: Settings, name: str | None, now: float) -> list[str]:
    """Return one `Link` value a server; those of TURN only for somebody with a name."""
    found = [f'<{url}>; rel="ice-server"' for url in settings.ice_urls("stun")]
    if name is not None and (relays := settings.ice_urls("turn")):
        made = turn_credentials(settings.turn_key, name, now)
        opens = f'username="{made.username}"; credential="{made.password}"; credential-type="password"'
        found += [f'<{url}>; rel="ice-server"; {opens}' for url in relays]
    return found


def add_links(request: Request, response: Response, *, known: bool) -> None:
    """Tell the servers in a response's headers; `known` says that the asker may have credentials."""
    settings = services(request).settings
    told = links(settings, name_of(settings, client_of(request)) if known else None, time.time())
    for link in told:
        response.headers.append("Link", link)
    if told:
        response.headers["Cache-Control"] = "no-store"


def name_of(settings: Settings, client: str) -> str:
    """Return what a person is called towards the relay: always the same, and nobody learns who it is."""
    return hmac.new(settings.secret_key(), b"turn:" + client.encode(), hashlib.sha256).hexdigest()[:NAME_LENGTH]


def host_and_port(url: str) -> tuple[str, int, str]:
    """Return where an ICE server is: host, port and transport (RFC 7064, 7065)."""
    scheme, _, rest = url.partition(":")
    place, _, query = rest.partition("?")
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::(\d+))?", place)
    assert match is not None, "the settings were checked"
    transport = "tcp" if scheme in ("turns", "stuns") or query == "transport=tcp" else "udp"
    return match[1].strip("[]"), int(match[2] or (5349 if scheme in ("turns", "stuns") else 3478)), transport

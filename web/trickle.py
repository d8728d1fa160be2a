"""`PATCH` of a WHIP or WHEP session: candidates that come later, and ICE restarts (RFC 9725 sections 4.3.1 to 4.3.3).

We need no candidates, a peer is known by its first proven check, so that trickled ones are taken and dropped. An entity
tag stands for one ICE session: it holds the remote ufrag, sealed for the session's address, and so nothing is stored.
"""

import hashlib
import hmac
import re

from storage.errors import UserError
from storage.settings import Settings

FRAGMENT = "application/trickle-ice-sdpfrag"
UFRAG = re.compile(r"^a=ice-ufrag:(\S+)\s*$", re.MULTILINE)
TAG = re.compile(r'(?:W/)?"([A-Za-z0-9+/=_-]+)\.([0-9a-f]{32})"')


def entity_tag(settings: Settings, session: str, sdp: str) -> str:
    """Return the tag of the ICE session that an offer began."""
    ufrag = UFRAG.search(sdp)
    assert ufrag is not None, "an offer that was answered has a ufrag"
    return f'"{ufrag[1]}.{_seal(settings, session, ufrag[1])}"'


def check_fragment(settings: Settings, session: str, tag: str | None, fragment: str) -> None:
    """Pass a fragment with candidates of this ICE session.

    Raises UserError: 428 without a tag, 412 with one of another ICE session, 422 for a fragment that is none and for an
    ICE restart, which `*` asks for and another ufrag is.
    """
    if not tag:
        raise UserError("tag-missing", "Send the ETag of this session in If-Match.", status=428)
    ufrag = UFRAG.search(fragment)
    if ufrag is None:
        raise UserError("fragment-malformed", "The body is no SDP fragment with ICE credentials.")
    if tag.strip() != "*":
        found = TAG.fullmatch(tag.strip())
        if found is None or not hmac.compare_digest(found[2], _seal(settings, session, found[1])):
            raise UserError("tag-stale", "This session has begun anew since. Start over with an offer.", status=412)
        if found[1] == ufrag[1]:
            return
    raise UserError("no-ice-restart", "A session cannot restart ICE here. Start over with an offer.")


def _seal(settings: Settings, session: str, ufrag: str) -> str:
    return hmac.new(settings.secret_key(), f"ice:{session}:{ufrag}".encode(), hashlib.sha256).hexdigest()[:32]

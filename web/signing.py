"""Signed tokens that end: what they say can be read by whoever holds one and changed by nobody."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime

LONGEST_TOKEN = 1000


def sign(key: bytes, purpose: str, said: Mapping[str, str], expires: datetime) -> str:
    """Return a token that says `said` until `expires`, cut to seconds; fit for headers and queries."""
    body = _encode(json.dumps([int(expires.timestamp()), said], separators=(",", ":")).encode())
    return f"{body}.{_signature(key, purpose, body)}"


def unsign(key: bytes, purpose: str, token: str, now: datetime) -> dict[str, str] | None:
    """Return what a token says; None when it was not made with this key for this purpose, or has ended."""
    body, _, signature = token.partition(".")
    if len(token) > LONGEST_TOKEN or not token.isascii():
        return None
    if not hmac.compare_digest(signature.encode(), _signature(key, purpose, body).encode()):
        return None
    try:
        expires, said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, binascii.Error):
        return None
    return dict(said) if now.timestamp() < expires else None


def _signature(key: bytes, purpose: str, body: str) -> str:
    # A key of its own for each purpose: a token made for something else opens nothing here
    own_key = hmac.digest(key, f"vitrine {purpose} 1".encode(), hashlib.sha256)
    return _encode(hmac.digest(own_key, body.encode(), hashlib.sha256))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

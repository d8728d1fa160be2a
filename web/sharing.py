"""Signed links that end: whoever holds one may see one thing until then, without an account."""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta

SHARE_LIFE = timedelta(days=7)
PURPOSE = b"vitrine video share 1"
LONGEST_TOKEN = 80


def share_token(key: bytes, video_id: str, expires: datetime) -> str:
    """Return the token that opens the video `video_id` until `expires`, cut to seconds."""
    seconds = int(expires.timestamp())
    return f"{seconds}.{_signature(key, video_id, seconds)}"


def share_opens(key: bytes, video_id: str, token: str, now: datetime) -> bool:
    """Tell whether `token` was made for this video with this key and has not ended."""
    seconds, _, signature = token.partition(".")
    if len(token) > LONGEST_TOKEN or not (seconds.isascii() and seconds.isdigit()):
        return False
    expected = _signature(key, video_id, int(seconds))
    return hmac.compare_digest(signature.encode(), expected.encode()) and now.timestamp() < int(seconds)


def _signature(key: bytes, video_id: str, seconds: int) -> str:
    # A key of its own for each purpose: a signature made for something else opens nothing here
    own_key = hmac.digest(key, PURPOSE, hashlib.sha256)
    digest = hmac.digest(own_key, f"{video_id}\n{seconds}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

"""A recipe's segments in few bytes, for there are millions of recipes: ids and digests as bytes, roles as numbers.

A text is one byte that says how it is written, and its bytes: a UUID or a digest as its own 16 or 32 bytes, anything
else as UTF-8 behind its length. A poster's key is the digest in it.
"""

import re
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from uuid import UUID

from video_assembly.library import poster_key

VERSION = 1
# Numbers are stored: new roles and kinds are added at the end.
ROLES = ("hook", "demo", "proof", "offer", "cta", "price", "name", "countdown")

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_POSTER = re.compile(r"posters/([0-9a-f]{64})\.jpg")
_NONE, _THE_VIDEOS, _LIKE_BEFORE, _OF_UUID, _OF_POSTER, _OF_TEXT = range(6)
_HEAD = struct.Struct("<BI")
_OTHER_ROLE = 255
LONGEST = 65_535


class Ingredient(NamedTuple):
    """A segment as it stands in a recipe; a feed makes fifty, and named tuples are made the fastest."""

    id: str
    clip_id: str
    product_id: str | None
    role: str
    duration_ms: int
    poster_key: str


def pack(ingredients: Iterable[Ingredient], product_id: str) -> bytes:
    """Return segments in their order, in a video about this product."""
    found = [bytes([VERSION])]
    before = ""
    for each in ingredients:
        known = each.role in ROLES
        found.append(_HEAD.pack(ROLES.index(each.role) if known else _OTHER_ROLE, each.duration_ms))
        found += [] if known else [_written(each.role, product_id, "")]
        found.append(_written(each.id, product_id, ""))
        # Segments of one clip often follow each other.
        found.append(_written(each.clip_id, product_id, before))
        found.append(_written(each.product_id, product_id, ""))
        found.append(_written(each.poster_key, product_id, ""))
        before = each.clip_id
    return b"".join(found)


def unpack(packed: bytes, product_id: str) -> Iterator[Ingredient]:
    """Yield what `pack` was given."""
    assert packed[0] == VERSION, f"segments are packed as version {packed[0]}"
    at, before = 1, ""
    while at < len(packed):
        number, duration_ms = _HEAD.unpack_from(packed, at)
        at += _HEAD.size
        role = ROLES[number] if number != _OTHER_ROLE else ""
        if not role:
            text, at = _read(packed, at, product_id, "")
            role = text or ""
        segment_id, at = _read(packed, at, product_id, "")
        clip_id, at = _read(packed, at, product_id, before)
        about, at = _read(packed, at, product_id, "")
        poster, at = _read(packed, at, product_id, "")
        before = clip_id or ""
        yield Ingredient(segment_id or "", before, about, role, duration_ms, poster or "")


def _written(text: str | None, product_id: str, like: str) -> bytes:
    if text is None:
        return bytes([_NONE])
    if text == product_id:
        return bytes([_THE_VIDEOS])
    if like and text == like:
        return bytes([_LIKE_BEFORE])
    if _UUID.fullmatch(text):
        return bytes([_OF_UUID]) + UUID(text).bytes
    if (poster := _POSTER.fullmatch(text)) is not None:
        return bytes([_OF_POSTER]) + bytes.fromhex(poster[1])
    raw = text.encode()
    assert len(raw) <= LONGEST, "ids and keys are short"
    return struct.pack("<BH", _OF_TEXT, len(raw)) + raw


def _read(packed: bytes, at: int, product_id: str, like: str) -> tuple[str | None, int]:
    """Return a text and where it ends."""
    kind, at = packed[at], at + 1
    if kind == _OF_UUID:
        digits = packed[at : at + 16].hex()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}", at + 16
    if kind == _THE_VIDEOS:
        return product_id, at
    if kind == _LIKE_BEFORE:
        return like, at
    if kind == _OF_POSTER:
        return poster_key(packed[at : at + 32].hex()), at + 32
    if kind == _NONE:
        return None, at
    assert kind == _OF_TEXT, f"there is no text of kind {kind}"
    (length,) = struct.unpack_from("<H", packed, at)
    at += 2
    return packed[at : at + length].decode(), at + length

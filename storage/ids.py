"""Identifiers: UUIDv7 text (RFC 9562), sortable by creation; they are names, never secrets."""

import re

import uuid_utils

PATTERN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def new_id() -> str:
    """Return a fresh UUIDv7 as 36 characters of lower-case text."""
    return str(uuid_utils.uuid7())


def is_id(text: str) -> bool:
    """Tell whether `text` is a UUIDv7 as `new_id` writes it."""
    return PATTERN.fullmatch(text) is not None

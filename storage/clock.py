"""The one place that reads the wall clock; everything below the endpoints gets `now` as an argument."""

from datetime import UTC, datetime


def utcnow() -> datetime:
    """Return the current instant, UTC, cut to milliseconds as the database keeps it."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)

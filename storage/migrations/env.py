"""Alembic's entry: runs on the connection that storage.schema hands over."""

from typing import Any, Literal

from alembic import context

from storage.database import Instant, metadata


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our own column type as what the database sees, so that migrations do not follow the code's changes."""
    return "sa.BigInteger()" if kind == "type" and isinstance(item, Instant) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    render_item=render_item,
)
context.run_migrations()

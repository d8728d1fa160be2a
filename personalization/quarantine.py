"""Fields that no schema has: counted by name and kind, never read and never kept, so that whoever runs the shop notices
a page or a program that speaks another dialect.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Integer, String, Table, func, insert, select, update

from storage.database import Instant, Tx, metadata

# Beyond so many kinds nothing new is noted: somebody is playing.
MOST_KINDS = 500
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")
# What is no name of a field may be anything, somebody's address too.
ODD = "(odd name)"
KINDS = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}

unknown_fields = Table(
    "unknown_fields",
    metadata,
    Column("event", String(60), primary_key=True),
    Column("field", String(60), primary_key=True),
    Column("kind", String(10), primary_key=True),
    Column("times", Integer, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
)

Found = tuple[str, str, str]


def label(event: str, field: str, value: object) -> Found:
    """Return under which event, name and kind a field is counted."""
    return event, field if NAME.fullmatch(field) else ODD, KINDS.get(type(value), "null")


def count(tx: Tx, found: Mapping[Found, int], now: datetime) -> None:
    """Count fields that were seen."""
    for (event, field, kind), times in sorted(found.items()):
        columns = unknown_fields.c
        changed = tx.execute(
            update(unknown_fields)
            .where(columns.event == event, columns.field == field, columns.kind == kind)
            .values(times=columns.times + times, last_at=now)
        )
        if changed.rowcount:
            continue
        if int(tx.scalar(select(func.count()).select_from(unknown_fields)) or 0) < MOST_KINDS:
            row = {"event": event, "field": field, "kind": kind, "times": times, "first_at": now, "last_at": now}
            tx.execute(insert(unknown_fields), [row])


def everything(tx: Tx) -> list[dict[str, Any]]:
    """Return what was counted, the most frequent first."""
    query = select(unknown_fields).order_by(unknown_fields.c.times.desc(), unknown_fields.c.field)
    return [dict(row._mapping) for row in tx.all(query)]

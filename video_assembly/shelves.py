"""The shelf of the whole library, kept in memory between requests: reading thousands of segments takes tens of ms.

What is kept may be some seconds old, so who plans with it checks the chosen segments (`videos._made` does).
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from storage.database import Tx
from video_assembly import library
from video_assembly.library import segments
from video_assembly.shelf import Shelf
from video_assembly.templates import active_templates, templates
from video_assembly.vetoes import vetoed, vetoes

# New and removed segments are seen at once by their number; a changed role, or rights that begin, this much later.
KEPT_FOR = timedelta(seconds=5)
# One process serves one database; tests open many.
MOST_KEPT = 4

_kept: dict[str, tuple[Any, datetime, Shelf]] = {}


def current(tx: Tx, now: datetime) -> Shelf:
    """Return the shelf of what a video may use now, at most some seconds old."""
    key = tx.connection.engine.url.render_as_string()
    stamp = _stamp(tx)
    found = _kept.get(key)
    if found is not None and found[0] == stamp and timedelta(0) <= now - found[1] < KEPT_FOR:
        return found[2]
    shelf = Shelf(library.candidates(tx, now), active_templates(tx), vetoed(tx))
    while len(_kept) >= MOST_KEPT:
        _kept.pop(next(iter(_kept)), None)
    _kept[key] = (stamp, now, shelf)
    return shelf


def forget(tx: Tx) -> None:
    """Have the next shelf read anew."""
    _kept.pop(tx.connection.engine.url.render_as_string(), None)


def _stamp(tx: Tx) -> tuple[Any, ...]:
    counted = [func.count(column) for column in (segments.c.role, segments.c.product_id, segments.c.category)]
    row = tx.all(
        select(func.count(), func.max(segments.c.id), *counted).where(
            segments.c.archived_at.is_(None), segments.c.replaced_at.is_(None)
        )
    )[0]
    told = [tx.all(select(func.count(), func.max(each)))[0] for each in (templates.c.updated_at, vetoes.c.created_at)]
    return (*row, *map(tuple, told))

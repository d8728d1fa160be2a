"""The shelf of the whole library, kept in memory between requests and mended where the library changed.

Reading a hundred thousand segments takes more than a second, what changed since the last look a few milliseconds. Some
changes no segment's row tells: a product's new category, rows that were deleted. Who plans with a shelf checks the
chosen segments, so that these are seen then (`videos`), else when the library is read anew.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select

from storage.database import Tx
from storage.kept import DATABASES, Kept
from storage.prepared import Prepared
from video_assembly import candidates
from video_assembly.candidates import Standing
from video_assembly.library import segments
from video_assembly.shelf import Shelf
from video_assembly.templates import active_templates, templates
from video_assembly.vetoes import vetoed, vetoes

# Web reads anew before this, beside its requests; requests only when nobody did.
READ_ANEW_AFTER = timedelta(minutes=10)
# Where two may write at once, the one that began first may be done last; microseconds.
OVERLAP = {"sqlite": 0, "postgresql": 5_000_000}
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class _Kept:
    """A shelf as the library is from `since` until `until` if nobody writes; `timed` are those that have times."""

    shelf: Shelf
    changed: int
    wishes: tuple[Any, ...]
    read_at: datetime
    timed: Mapping[str, Standing]
    since: datetime
    until: datetime


_kept: Kept[str, _Kept] = Kept(DATABASES)


def current(tx: Tx, now: datetime) -> Shelf:
    """Return the shelf of what a video may use now."""
    changed, *wished = _MARKS.one(tx)
    changed, wishes = changed or 0, tuple(wished)
    found = _kept.find(tx.database)
    if found is None or abs(now - found.read_at) >= READ_ANEW_AFTER:
        return _keep(tx, _read(tx, changed, wishes, now))
    if changed != found.changed:
        after = min(changed, found.changed) - OVERLAP[tx.connection.dialect.name]
        found = replace(_mended(found, candidates.standing(tx, segments.c.changed > after), now), changed=changed)
    if wishes != found.wishes:
        shelf = found.shelf.under(active_templates(tx), vetoed(tx))
        found = replace(found, shelf=shelf, wishes=wishes)
    if not found.since <= now < found.until:
        found = _mended(found, (), now)
    return _keep(tx, found)


def refresh(tx: Tx, now: datetime, *, anew: bool = False) -> Shelf:
    """Do beside requests what one of them would have to do: look for changes, or read everything `anew`."""
    known = _kept.find(tx.database) is not None
    shelf = current(tx, now)
    found = _kept.find(tx.database)
    if not anew or not known or found is None:
        return shelf
    read = _looked_at(found, found.shelf.segments.keys(), candidates.standing(tx), now)
    return _keep(tx, replace(read, read_at=now))


def mend(tx: Tx, now: datetime, segment_ids: Collection[str]) -> None:
    """Look at these segments and at all of their products, whatever their rows say about changes."""
    found = _kept.find(tx.database)
    if found is None:
        return
    known = [found.shelf.segments[each] for each in segment_ids if each in found.shelf.segments]
    about = {each.product_id for each in known} - {None}
    there = candidates.standing(tx, or_(segments.c.id.in_(segment_ids), segments.c.product_id.in_(about)))
    _keep(tx, _looked_at(found, segment_ids, there, now))


def forget(tx: Tx) -> None:
    """Have the next shelf read anew."""
    _kept.drop(tx.database)


def _keep(tx: Tx, made: _Kept) -> Shelf:
    _kept.keep(tx.database, made)
    return made.shelf


def _read(tx: Tx, changed: int, wishes: tuple[Any, ...], now: datetime) -> _Kept:
    everything = candidates.standing(tx)
    fit = [found for each in everything if (found := each.at(now)) is not None]
    timed = {each.id: each for each in everything if _has_times(each)}
    return _Kept(Shelf(fit, active_templates(tx), vetoed(tx)), changed, wishes, now, timed, *_between(timed, now))


def _looked_at(kept: _Kept, segment_ids: Collection[str], there: Sequence[Standing], now: datetime) -> _Kept:
    """Return what is kept with those of these segments that are there as they stand, and without the others."""
    deleted = set(segment_ids) - {each.id for each in there}
    return _mended(kept, [*there, *(Standing(each, None, None, None) for each in deleted)], now)


def _mended(kept: _Kept, there: Iterable[Standing], now: datetime) -> _Kept:
    """Return what is kept with these segments as they stand, and all of them as of now."""
    known = {each.id: each for each in there}
    timed = {name: each for name, each in kept.timed.items() if name not in known}
    timed |= {name: each for name, each in known.items() if each.candidate is not None and _has_times(each)}
    moved = not kept.since <= now < kept.until
    wanted = {name: each.at(now) for name, each in ({**known, **timed} if moved else known).items()}
    changed = {name: each for name, each in wanted.items() if kept.shelf.segments.get(name) != each}
    since, until = _between(timed, now)
    shelf = kept.shelf.changed(changed) if changed else kept.shelf
    return replace(kept, shelf=shelf, timed=timed, since=since, until=until)


def _has_times(each: Standing) -> bool:
    return each.opens is not None or each.closes is not None


def _between(timed: Mapping[str, Standing], now: datetime) -> tuple[datetime, datetime]:
    """Return the last moment before and the first one after now at which the times of a segment begin or end."""
    moments = [moment for each in timed.values() for moment in (each.opens, each.closes) if moment is not None]
    since = max((moment for moment in moments if moment <= now), default=FIRST)
    return since, min((moment for moment in moments if moment > now), default=LAST)


# Made once: composing a statement takes longer than running it.
_MARKS = Prepared(
    select(
        select(func.max(segments.c.changed)).scalar_subquery().label("changed"),
        *[
            select(mark).scalar_subquery().label(f"wish{number}")
            for number, mark in enumerate(
                mark
                for told in (templates.c.updated_at, vetoes.c.created_at)
                for mark in (func.count(told), func.max(told))
            )
        ],
    )
)

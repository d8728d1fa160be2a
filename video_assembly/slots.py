"""Slots: which recipe stands at which place of a viewer's feed, why, and with which chance.

A slot belongs to one version of the viewer's profile. It is filled once and stays until its video can no longer be
shown; what it held before is remembered, because that video may still be playing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects import postgresql, sqlite

from storage.database import Instant, Tx, metadata
from storage.prepared import Prepared
from video_assembly.recipes import Recipe, recipe_of, recipes

# What was shown, why and with which chance, is kept this long to be judged later.
KEPT_FOR = timedelta(days=30)

slots = Table(
    "slots",
    metadata,
    Column("viewer_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("profile_version", Integer, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("recipe_id", ForeignKey("recipes.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("score", Float, nullable=False),
    Column("propensity", Float, nullable=False),
    Column("parts", JSON, nullable=False),
    Column("reasons", JSON, nullable=False),
    # Reason and propensity of each segment, in the recipe's order: the recipe itself is shared by viewers.
    Column("segments", JSON, nullable=False),
    # How the product was drawn, as ranking.Drawn has it; null for a place that nothing was drawn for.
    Column("drawn", JSON(none_as_null=True)),
    Column("seed", String(120), nullable=False),
    Column("assembled_by", String(10), nullable=False),
    Column("created_at", Instant, nullable=False),
    Index(None, "viewer_id", "recipe_id"),
)
replaced_slots = Table(
    "replaced_slots",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("viewer_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("recipe_id", ForeignKey("recipes.id", ondelete="CASCADE"), nullable=False),
    Column("replaced_at", Instant, nullable=False),
    Index(None, "viewer_id", "recipe_id"),
)
assemblies = Table(
    "assemblies",
    metadata,
    Column("assembled_by", String(10), primary_key=True),
    Column("places", Integer, nullable=False),
)


@dataclass(frozen=True)
class Slot:
    """A filled place; `parts` sum to `score`, `segments` are (reason code, propensity) in the recipe's order."""

    place: int
    recipe: Recipe
    kind: str
    score: float
    propensity: float
    parts: Mapping[str, float]
    reasons: Sequence[Mapping[str, Any]]
    segments: Sequence[tuple[str, float]]
    seed: str
    created_at: datetime
    drawn: Mapping[str, Any] | None = None


def read(tx: Tx, viewer_id: str, version: int, first: int, last: int) -> list[Slot]:
    """Return the filled places from `first` to `last`, in order."""
    return [
        Slot(
            row.place,
            recipe_of(row),
            row.kind,
            row.score,
            row.propensity,
            row.parts,
            row.reasons,
            [(reason, propensity) for reason, propensity in row.why],
            row.seed,
            row.filled_at,
            row.drawn,
        )
        for row in _READ.all(tx, viewer=viewer_id, version=version, first=first, last=last)
    ]


def write(tx: Tx, viewer_id: str, version: int, filled: Sequence[Slot], by: str) -> None:
    """Write newly filled places and count who filled them; `by` is `worker` or `web`."""
    if not filled:
        return
    tx.execute(
        insert(slots),
        [
            {
                "viewer_id": viewer_id,
                "profile_version": version,
                "place": slot.place,
                "recipe_id": slot.recipe.id,
                "kind": slot.kind,
                "score": slot.score,
                "propensity": slot.propensity,
                "parts": dict(slot.parts),
                "reasons": list(slot.reasons),
                "segments": [list(each) for each in slot.segments],
                "drawn": None if slot.drawn is None else dict(slot.drawn),
                "seed": slot.seed,
                "assembled_by": by,
                "created_at": slot.created_at,
            }
            for slot in filled
        ],
    )
    upsert = postgresql.insert if tx.connection.dialect.name == "postgresql" else sqlite.insert
    statement = upsert(assemblies).values(assembled_by=by, places=len(filled))
    more = {"places": assemblies.c.places + len(filled)}
    tx.execute(statement.on_conflict_do_update(index_elements=["assembled_by"], set_=more))


def clear(tx: Tx, viewer_id: str, version: int, held: Collection[Slot], now: datetime) -> None:
    """Empty places whose videos can no longer be shown; who has one open may go on."""
    if not held:
        return
    places = [slot.place for slot in held]
    mine = (slots.c.viewer_id == viewer_id) & (slots.c.profile_version == version)
    tx.execute(delete(slots).where(mine, slots.c.place.in_(places)))
    tx.execute(
        insert(replaced_slots),
        [{"viewer_id": viewer_id, "recipe_id": slot.recipe.id, "replaced_at": now} for slot in held],
    )


def forget_profile(tx: Tx, viewer_id: str, now: datetime) -> None:
    """Delete why the viewer was given the videos of a profiled feed; that they may play these on stays."""
    _let_go(tx, viewer_id, now, slots.c.profile_version >= 0)


def give_up(tx: Tx, viewer_id: str, now: datetime) -> None:
    """Empty all of a viewer's places, because they are to be filled by other rules; what was given may be played on."""
    _let_go(tx, viewer_id, now, true())


def prune(tx: Tx, viewer_id: str, version: int, now: datetime) -> None:
    """Delete what the viewer was given longer ago than it is kept."""
    parameters = {"viewer": viewer_id, "before": now - KEPT_FOR}
    tx.execute(_OLD, {**parameters, "version": version})
    tx.execute(_REPLACED_LONG_AGO, parameters)


def holds(tx: Tx, viewer_id: str, recipe_id: str) -> bool:
    """Tell whether the viewer was given this video."""
    found = union_all(
        *[
            select(table.c.recipe_id).where(table.c.viewer_id == viewer_id, table.c.recipe_id == recipe_id)
            for table in (slots, replaced_slots)
        ]
    )
    return tx.scalar(found.limit(1)) is not None


def counts(tx: Tx) -> dict[str, int]:
    """Return how many places were filled so far, by `worker` and by `web`."""
    return {"worker": 0, "web": 0, **{row.assembled_by: row.places for row in tx.all(select(assemblies))}}


def filled_at(tx: Tx, viewer_id: str, now: datetime) -> int:
    """Return how many of the viewer's places were filled at `now`."""
    return tx.scalar(select(func.count()).where(slots.c.viewer_id == viewer_id, slots.c.created_at == now)) or 0


def known_before(tx: Tx, viewer_id: str, now: datetime) -> int:
    """Return how many of the places that were filled at `now` got a video that somebody had before."""
    mine = (slots.c.viewer_id == viewer_id) & (slots.c.created_at == now)
    query = select(func.count()).join_from(slots, recipes, recipes.c.id == slots.c.recipe_id)
    return tx.scalar(query.where(mine, recipes.c.created_at < now)) or 0


def export(tx: Tx, viewer_id: str) -> dict[str, Any]:
    """Return which videos the viewer was given, when and why."""
    return {
        table.name: [dict(row._mapping) for row in tx.all(select(table).where(table.c.viewer_id == viewer_id))]
        for table in (slots, replaced_slots)
    }


def erase(tx: Tx, viewer_id: str) -> None:
    """Delete that; recipes stay, they are nobody's."""
    for table in (slots, replaced_slots):
        tx.execute(delete(table).where(table.c.viewer_id == viewer_id))


def _let_go(tx: Tx, viewer_id: str, now: datetime, which: ColumnElement[bool]) -> None:
    mine = (slots.c.viewer_id == viewer_id) & which
    given = list(tx.execute(select(slots.c.recipe_id).where(mine).distinct()).scalars())
    if given:
        rows = [{"viewer_id": viewer_id, "recipe_id": each, "replaced_at": now} for each in given]
        tx.execute(insert(replaced_slots), rows)
        tx.execute(delete(slots).where(mine))


# Made once: composing a statement takes longer than running it.
_BEFORE = bindparam("before", type_=Instant())
_OLD = delete(slots).where(
    slots.c.viewer_id == bindparam("viewer"),
    slots.c.created_at < _BEFORE,
    slots.c.profile_version != bindparam("version"),
)
_REPLACED_LONG_AGO = delete(replaced_slots).where(
    replaced_slots.c.viewer_id == bindparam("viewer"), replaced_slots.c.replaced_at < _BEFORE
)
_READ = Prepared(
    select(
        *[slots.c[name] for name in ("place", "kind", "score", "propensity", "parts", "reasons", "drawn", "seed")],
        slots.c.segments.label("why"),
        slots.c.created_at.label("filled_at"),
        *[column for column in recipes.c if column.name != "created_at"],
    )
    .join_from(slots, recipes, recipes.c.id == slots.c.recipe_id)
    .where(slots.c.viewer_id == bindparam("viewer"), slots.c.profile_version == bindparam("version"))
    .where(slots.c.place.between(bindparam("first"), bindparam("last")))
    .order_by(slots.c.place)
)

"""Recipes: the ordered segments of each video. The same segments about the same product are the same video for ever."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, String, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite

from storage.database import Instant, Tx, metadata
from storage.ids import new_id
from storage.prepared import Among
from video_assembly.library import segments
from video_assembly.packed import Ingredient, pack, unpack
from video_assembly.personal import KINDS, personal_segments
from video_assembly.storyboard import Storyboard

recipes = Table(
    "recipes",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    # Without foreign keys to products: a recipe outlives what it is about, to be answered with 410.
    Column("product_id", String(36), nullable=False),
    Column("merchant_id", ForeignKey("merchants.id", ondelete="CASCADE"), nullable=False),
    Column("segments", LargeBinary, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
)


@dataclass(frozen=True)
class Recipe:
    """A video: which segments in which order, about which product."""

    id: str
    digest: str
    product_id: str
    merchant_id: str
    ingredients: tuple[Ingredient, ...]
    duration_ms: int

    @property
    def told(self) -> tuple[str, ...]:
        """The segments of the library in their order, without what was made for a moment or a viewer."""
        return tuple(each.id for each in self.ingredients if each.role not in KINDS)


def store(tx: Tx, boards: Sequence[Storyboard], now: datetime, *, counted: bool = True) -> list[Recipe]:
    """Return the recipes of storyboards in their order, written where they are new.

    Those that are only tried out are not `counted` as videos that their segments are used in.
    """
    wanted = {_digest(board): board for board in boards}
    known = _by_digest(tx, wanted)
    new = [_row(digest, board, now) for digest, board in wanted.items() if digest not in known]
    if new:
        upsert = postgresql.insert if tx.connection.dialect.name == "postgresql" else sqlite.insert
        # Another viewer's assembly may write the same recipe at the same moment; then its id is the one.
        tx.execute(upsert(recipes).on_conflict_do_nothing(index_elements=["digest"]), new)
        known |= _by_digest(tx, [row["digest"] for row in new])
        if counted:
            _count(tx, [each for row in new for each in wanted[row["digest"]].segment_ids])
    return [known[_digest(board)] for board in boards]


def without(tx: Tx, recipe: Recipe, segment_ids: Collection[str], now: datetime) -> Recipe:
    """Return the video that has these segments left out, written where it is new."""
    kept = [each for each in recipe.ingredients if each.id not in segment_ids]
    digest = _digest_of(recipe.product_id, [(each.id, each.role) for each in kept])
    row = {
        "id": new_id(),
        "digest": digest,
        "product_id": recipe.product_id,
        "merchant_id": recipe.merchant_id,
        "segments": pack(kept, recipe.product_id),
        "duration_ms": sum(each.duration_ms for each in kept),
        "created_at": now,
    }
    upsert = postgresql.insert if tx.connection.dialect.name == "postgresql" else sqlite.insert
    tx.execute(upsert(recipes).values(row).on_conflict_do_nothing(index_elements=["digest"]))
    return _by_digest(tx, [digest])[digest]


def by_id(tx: Tx, recipe_ids: Collection[str]) -> dict[str, Recipe]:
    """Return the recipes that exist among the ids."""
    return {row.id: recipe_of(row) for row in _BY_ID.all(tx, set(recipe_ids))}


def recipe_of(row: Any) -> Recipe:
    """Return a row that has the columns of `recipes` as a recipe."""
    product_id = row.product_id
    ingredients = tuple(unpack(row.segments, product_id))
    return Recipe(row.id, row.digest.hex(), product_id, row.merchant_id, ingredients, row.duration_ms)


def _subjects_of(table: Table) -> Among:
    return Among(lambda ids: select(table.c.id, table.c.product_id).where(table.c.id.in_(ids)))


def subjects(tx: Tx, video_ids: Collection[str], segment_ids: Collection[str]) -> Mapping[str, str | None]:
    """Return the product that each known video and segment is about; `personalization.events.ingest` asks."""
    found: dict[str, str | None] = {}
    for subjects_of, wanted in zip(_SUBJECTS, (segment_ids, segment_ids, video_ids), strict=True):
        found.update({row.id: row.product_id for row in subjects_of.all(tx, set(wanted))})
    return found


def _count(tx: Tx, segment_ids: Sequence[str]) -> None:
    """Note in how many videos each segment is by now."""
    counted = Counter(segment_ids)
    for times in sorted(set(counted.values())):
        some = [segment_id for segment_id, count in counted.items() if count == times]
        # Whoever keeps segments in memory need not look at them again for this.
        more = {"used_in": segments.c.used_in + times, "changed": segments.c.changed}
        tx.execute(update(segments).where(segments.c.id.in_(some)).values(more))


def _by_digest(tx: Tx, digests: Iterable[bytes]) -> dict[bytes, Recipe]:
    return {row.digest: recipe_of(row) for row in _BY_DIGEST.all(tx, list(digests))}


# Made once: composing a statement takes longer than running it.
_BY_ID = Among(lambda ids: select(recipes).where(recipes.c.id.in_(ids)))
_SUBJECTS = [_subjects_of(table) for table in (segments, personal_segments, recipes)]
_BY_DIGEST = Among(lambda digests: select(recipes).where(recipes.c.digest.in_(digests)))


def _digest(board: Storyboard) -> bytes:
    return _digest_of(board.subject.product_id, [(part.segment.id, part.segment.role) for part in board.parts])


def _digest_of(product_id: str, told: Sequence[tuple[str, str]]) -> bytes:
    # With the roles: a segment that got another role makes another video, or the old one would tell the old role.
    return hashlib.sha256("\n".join((product_id, *(f"{each} {role}" for each, role in told))).encode()).digest()


def _row(digest: bytes, board: Storyboard, now: datetime) -> dict[str, Any]:
    ingredients = [
        Ingredient(each.id, each.clip_id, each.product_id, each.role, each.duration_ms, each.poster_key)
        for each in (part.segment for part in board.parts)
    ]
    return {
        "id": new_id(),
        "digest": digest,
        "product_id": board.subject.product_id,
        "merchant_id": board.subject.merchant_id,
        "segments": pack(ingredients, board.subject.product_id),
        "duration_ms": board.duration_ms,
        "created_at": now,
    }

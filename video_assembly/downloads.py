"""Exports that people asked for: who may have which file, how far it is, and when it goes.

A row is deleted to cancel, to expire or to erase; whoever renders finds out at the next report, and files without a row
are swept.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from storage import jobs
from storage.database import AnyRow, Instant, Tx, metadata
from storage.errors import NotFound, TooMany
from storage.ids import new_id
from video_assembly.library import segments
from video_assembly.recipes import Recipe

JOB = "export"
OPEN = ("queued", "rendering")
KEPT_FOR = timedelta(hours=24)
MOST_OPEN = 3
MOST_LISTED = 20
# The merchant's word in a segment's tags that its picture or sound was made with artificial intelligence.
AI_TAGS = frozenset({"ai", "ki", "ai-generated", "ki-generiert"})
FOLDER = "exports"

FAILED = "export-failed"
# msgid: see web/locale
FAILED_SENTENCE = "Something went wrong on our side while we made this file. Please try again."
LOST = "video-lost"
LOST_SENTENCE = "A part of this video is no longer there."

exports = Table(
    "exports",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("recipe_id", ForeignKey("recipes.id", ondelete="CASCADE"), nullable=False),
    Column("wanted", JSON, nullable=False),
    Column("texts", JSON, nullable=False),
    Column("state", String(10), nullable=False),
    Column("progress", Float, nullable=False),
    Column("reason", String(40)),
    Column("detail", String(500)),
    Column("bytes", Integer),
    Column("note", JSON(none_as_null=True)),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Index(None, "person_id", "recipe_id"),
    Index(None, "state", "ended_at"),
)


@dataclass(frozen=True)
class Wish:
    """What a person chose: the form, and what is done to the pictures."""

    form: str = "9:16"
    crossfades: bool = False
    captions: bool = False
    cards: bool = False


@dataclass(frozen=True)
class Texts:
    """What is written into the file, in the person's language: the price is that of the moment of asking."""

    merchant: str
    title: str
    price: str
    note: str
    label: str
    locale: str


@dataclass(frozen=True)
class Download:
    """An export and what became of it; `progress` is 0 to 1, `detail` an English msgid, `note` its provenance."""

    id: str
    person_id: str
    recipe_id: str
    wanted: Wish
    texts: Texts
    state: str
    progress: float
    reason: str | None
    detail: str | None
    bytes: int | None
    note: Mapping[str, Any] | None
    created_at: datetime
    ended_at: datetime | None

    @property
    def media_key(self) -> str:
        """The media key of its file, served to nobody but its person."""
        return key_of(self.id)

    @property
    def expires_at(self) -> datetime | None:
        """When the file goes."""
        return None if self.ended_at is None else self.ended_at + KEPT_FOR


def key_of(export_id: str) -> str:
    """Return the media key of an export's file."""
    return f"{FOLDER}/{export_id}.mp4"


def request(tx: Tx, person_id: str, recipe: Recipe, wish: Wish, texts: Texts, now: datetime) -> Download:
    """Queue an export, or return the one of the same kind that this person already has.

    The caller has checked that the person may have the video. Raises TooMany when several are on their way.
    """
    same = (exports.c.person_id == person_id) & (exports.c.recipe_id == recipe.id) & (exports.c.state != "failed")
    for row in tx.all(select(exports).where(same).order_by(exports.c.id.desc())):
        held = _download(row)
        # Another price is another file.
        if (held.wanted, held.texts.price) == (wish, texts.price) and not _gone(held, now):
            return held
    mine = (exports.c.person_id == person_id) & exports.c.state.in_(OPEN)
    if (tx.scalar(select(func.count()).select_from(exports).where(mine)) or 0) >= MOST_OPEN:
        raise TooMany("exports-waiting", "Wait until one of your {most} files is done.", retry_after=20, most=MOST_OPEN)
    export_id = new_id()
    tx.execute(
        insert(exports).values(
            id=export_id,
            person_id=person_id,
            recipe_id=recipe.id,
            wanted=asdict(wish),
            texts=asdict(texts),
            state="queued",
            progress=0.0,
            created_at=now,
        )
    )
    jobs.enqueue(tx, JOB, export_id, export_id, now)
    return one(tx, export_id, person_id, now)


def one(tx: Tx, export_id: str, person_id: str, now: datetime) -> Download:
    """Return a person's own export; raises NotFound for somebody else's and for one whose time is over."""
    row = tx.one_or_none(select(exports).where(exports.c.id == export_id, exports.c.person_id == person_id))
    if row is None or _gone(found := _download(row), now):
        raise NotFound("export-unknown", "There is no such file, or its 24 hours are over. Make it anew.")
    return found


def mine(tx: Tx, person_id: str, now: datetime, recipe_id: str | None = None) -> list[Download]:
    """Return a person's exports that are not over, the newest first; with `recipe_id` those of one video."""
    query = select(exports).where(exports.c.person_id == person_id).order_by(exports.c.id.desc()).limit(MOST_LISTED)
    if recipe_id is not None:
        query = query.where(exports.c.recipe_id == recipe_id)
    return [each for each in map(_download, tx.all(query)) if not _gone(each, now)]


def drop(tx: Tx, export_id: str, person_id: str) -> None:
    """Cancel or delete a person's own export; its file is for the caller to delete after the commit."""
    gone = delete(exports).where(exports.c.id == export_id, exports.c.person_id == person_id)
    if tx.execute(gone).rowcount == 0:
        raise NotFound("export-unknown", "There is no such file, or its 24 hours are over. Make it anew.")
    tx.tell(f"export:{person_id}", {"id": export_id, "state": "cancelled", "progress": 0.0})


def for_rendering(tx: Tx, export_id: str) -> Download | None:
    """Return an export for the worker; None when it was cancelled or erased."""
    row = tx.one_or_none(select(exports).where(exports.c.id == export_id))
    return None if row is None else _download(row)


def report(tx: Tx, export_id: str, progress: float) -> bool:
    """Note how far the worker is; False when nobody wants the file any more."""
    return _change(tx, export_id, state="rendering", progress=progress)


def done(tx: Tx, export_id: str, size: int, note: Mapping[str, Any], now: datetime) -> bool:
    """Note that the file is under its key; False when nobody wants it any more."""
    return _change(tx, export_id, state="ready", progress=1.0, bytes=size, note=dict(note), ended_at=now)


def fail(tx: Tx, export_id: str, now: datetime, reason: str = FAILED, detail: str = FAILED_SENTENCE) -> None:
    """Tell the person that there will be no file."""
    _change(tx, export_id, state="failed", reason=reason, detail=detail, ended_at=now)


def expire(tx: Tx, now: datetime) -> int:
    """Delete exports whose time is over and return how many; their files are then without a row."""
    return tx.execute(delete(exports).where(exports.c.ended_at < now - KEPT_FOR)).rowcount


def known(tx: Tx, export_ids: Collection[str]) -> set[str]:
    """Return those of the ids whose export there is."""
    return set(tx.execute(select(exports.c.id).where(exports.c.id.in_(export_ids))).scalars())


def with_ai(tx: Tx, recipe: Recipe) -> set[str]:
    """Return the segments of a video that their merchant has tagged as made with artificial intelligence."""
    ids = [each.id for each in recipe.ingredients]
    rows = tx.all(select(segments.c.id, segments.c.tags).where(segments.c.id.in_(ids)))
    return {row.id for row in rows if AI_TAGS & {tag.casefold() for tag in row.tags}}


def export(tx: Tx, person_id: str) -> list[dict[str, Any]]:
    """Return the person's exports."""
    return [dict(row._mapping) for row in tx.all(select(exports).where(exports.c.person_id == person_id))]


def erase(tx: Tx, person_id: str) -> None:
    """Delete them; the sweep removes the files within seconds."""
    tx.execute(delete(exports).where(exports.c.person_id == person_id))


def _change(tx: Tx, export_id: str, **values: Any) -> bool:
    open_one = (exports.c.id == export_id) & exports.c.state.in_(OPEN)
    person_id = tx.scalar(update(exports).where(open_one).values(**values).returning(exports.c.person_id))
    if person_id is None:
        return False
    told: dict[str, Any] = {name: values[name] for name in ("state", "progress") if name in values}
    tx.tell(f"export:{person_id}", {"id": export_id, **told})
    return True


def _gone(found: Download, now: datetime) -> bool:
    return found.expires_at is not None and found.expires_at <= now


def _download(row: AnyRow) -> Download:
    values = {**row._mapping, "wanted": Wish(**row.wanted), "texts": Texts(**row.texts)}
    return Download(**values)

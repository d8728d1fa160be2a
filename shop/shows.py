"""Planned and running shows: who hosts, which products, what is pinned, and the states a show goes through.

A room reports what happens to its stream and web writes it here; everybody else hears of it as `room:<id>`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Select,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from shop import catalog
from storage.accounts import people
from storage.database import Instant, Tx, metadata
from storage.errors import Conflict, Forbidden, NotFound, UserError
from storage.ids import new_id

TRANSITIONS: dict[str, frozenset[str]] = {
    "scheduled": frozenset({"lobby", "live", "cancelled"}),
    "lobby": frozenset({"live", "cancelled"}),
    "live": frozenset({"reconnecting", "ended"}),
    "reconnecting": frozenset({"live", "ended"}),
    "ended": frozenset(),
    "cancelled": frozenset(),
}
OVER = frozenset({"ended", "cancelled"})
LONGEST_TITLE = 120
MOST_PRODUCTS = 100

shows = Table(
    "shows",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("host_id", ForeignKey(people.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("title", String(LONGEST_TITLE), nullable=False),
    Column("language", String(5), nullable=False),
    Column("state", String(12), nullable=False, index=True),
    Column("demo", Boolean, nullable=False),
    Column("scheduled_for", Instant),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("created_at", Instant, nullable=False),
)
show_products = Table(
    "show_products",
    metadata,
    Column("show_id", ForeignKey("shows.id", ondelete="CASCADE"), primary_key=True),
    Column("product_id", ForeignKey("products.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, nullable=False),
)
pins = Table(
    "pins",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("show_id", ForeignKey("shows.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("product_id", ForeignKey("products.id", ondelete="CASCADE"), nullable=False),
    Column("pinned_at", Instant, nullable=False),
    Column("unpinned_at", Instant),
)
# One product at a time is pinned in a show, whatever two assistants do at once.
Index(
    "uq_pins_show_id_now",
    pins.c.show_id,
    unique=True,
    sqlite_where=text("unpinned_at IS NULL"),
    postgresql_where=text("unpinned_at IS NULL"),
)


@dataclass(frozen=True)
class Show:
    """A show with its products in the host's order; `pinned` is the product that viewers see now."""

    id: str
    host_id: str
    host: str
    title: str
    language: str
    state: str
    demo: bool
    scheduled_for: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    product_ids: tuple[str, ...]
    pinned: str | None

    @property
    def over(self) -> bool:
        """Whether it has ended or was cancelled."""
        return self.state in OVER


@dataclass(frozen=True)
class Pin:
    """When a product was shown to everybody; `until` is None while it is."""

    product_id: str
    at: datetime
    until: datetime | None


def topic(show_id: str) -> str:
    """Return the topic of a show's facts."""
    return f"room:{show_id}"


def plan(
    tx: Tx,
    host_id: str,
    title: str,
    product_ids: Sequence[str],
    now: datetime,
    *,
    language: str = "de",
    scheduled_for: datetime | None = None,
    demo: bool = False,
) -> Show:
    """Plan a show for a time, or open its lobby at once; raises UserError with the field, NotFound for a product."""
    title = " ".join(title.split())
    if not 1 <= len(title) <= LONGEST_TITLE:
        raise UserError("title", "Give a title of at most {most} characters.", field="title", most=LONGEST_TITLE)
    wanted = list(dict.fromkeys(product_ids))
    if not 1 <= len(wanted) <= MOST_PRODUCTS:
        raise UserError("products", "Choose 1 to {most} products.", field="product_ids", most=MOST_PRODUCTS)
    if scheduled_for is not None and scheduled_for <= now:
        raise UserError("past", "Choose a time in the future.", field="scheduled_for")
    _check_published(tx, wanted)
    show_id = new_id()
    tx.execute(
        insert(shows).values(
            id=show_id,
            host_id=host_id,
            title=title,
            language=language,
            state="lobby" if scheduled_for is None else "scheduled",
            demo=demo,
            scheduled_for=scheduled_for,
            created_at=now,
        )
    )
    rows = [{"show_id": show_id, "product_id": each, "position": place} for place, each in enumerate(wanted)]
    tx.execute(insert(show_products), rows)
    return show(tx, show_id)


def show(tx: Tx, show_id: str) -> Show:
    """Return a show; raises NotFound."""
    found = _load(tx, _query().where(shows.c.id == show_id))
    if not found:
        raise NotFound("room-unknown", "There is no such room.")
    return found[0]


def list_shows(
    tx: Tx, *, states: Iterable[str] | None = None, host_id: str | None = None, limit: int = 50
) -> list[Show]:
    """Return shows, the newest first."""
    query = _query().order_by(shows.c.id.desc()).limit(limit)
    if states is not None:
        query = query.where(shows.c.state.in_(list(states)))
    if host_id is not None:
        query = query.where(shows.c.host_id == host_id)
    return _load(tx, query)


def hosted(tx: Tx, show_id: str, person_id: str) -> Show:
    """Return a show that this person hosts; raises NotFound for an unknown one, Forbidden for one of somebody else."""
    found = show(tx, show_id)
    if found.host_id != person_id:
        raise Forbidden("not-your-room", "Only the host of this room can do this.")
    return found


def set_state(tx: Tx, show_id: str, state: str, now: datetime) -> Show:
    """Move a show on; being there already changes nothing. Raises NotFound, and Conflict `state` when not allowed."""
    assert state in TRANSITIONS, f"{state!r} is not a state of a show"
    before = show(tx, show_id)
    if before.state == state:
        return before
    if state not in TRANSITIONS[before.state]:
        raise Conflict(
            "state", "A room that is {state} cannot become {wanted}.", state=before.state, wanted=state, room=show_id
        )
    values: dict[str, Any] = {"state": state}
    if state == "live" and before.started_at is None:
        values["started_at"] = now
    if state in OVER:
        values["ended_at"] = now
        _unpin(tx, show_id, now)
    changed = tx.execute(update(shows).where(shows.c.id == show_id, shows.c.state == before.state).values(**values))
    assert changed.rowcount == 1, "the state changed inside a transaction that writes"
    tx.tell(topic(show_id), {"type": "state", "room": show_id, "state": state})
    return show(tx, show_id)


def pin(tx: Tx, show_id: str, product_id: str, host_id: str, now: datetime) -> Show:
    """Show a product to everybody in the room, instead of the one before; one not planned is added to the list.

    Pinning what is pinned changes nothing. Raises NotFound for an unknown room or product, Forbidden unless it is the
    host, Conflict `room-over`.
    """
    before = hosted(tx, show_id, host_id)
    if before.over:
        raise Conflict("room-over", "This show is over.")
    if before.pinned == product_id:
        return before
    _check_published(tx, [product_id])
    if product_id not in before.product_ids:
        if len(before.product_ids) >= MOST_PRODUCTS:
            raise UserError("products", "Choose 1 to {most} products.", field="product_ids", most=MOST_PRODUCTS)
        last = select(func.max(show_products.c.position)).where(show_products.c.show_id == show_id)
        tx.execute(insert(show_products).values(show_id=show_id, product_id=product_id, position=tx.scalar(last) + 1))
    _unpin(tx, show_id, now)
    tx.execute(insert(pins).values(id=new_id(), show_id=show_id, product_id=product_id, pinned_at=now))
    tx.tell(topic(show_id), {"type": "pin", "room": show_id, "product_id": product_id, "at": now.isoformat()})
    return show(tx, show_id)


def unpin(tx: Tx, show_id: str, product_id: str, host_id: str, now: datetime) -> Show:
    """Take a pinned product away; one that is not pinned is fine. Raises NotFound, Forbidden unless it is the host."""
    before = hosted(tx, show_id, host_id)
    if before.pinned != product_id:
        return before
    _unpin(tx, show_id, now)
    tx.tell(topic(show_id), {"type": "unpin", "room": show_id, "product_id": product_id, "at": now.isoformat()})
    return show(tx, show_id)


def pins_of(tx: Tx, show_id: str) -> list[Pin]:
    """Return what was pinned in a show, in its order, products that are not sold any more included."""
    rows = tx.all(select(pins).where(pins.c.show_id == show_id).order_by(pins.c.pinned_at, pins.c.id))
    return [Pin(row.product_id, row.pinned_at, row.unpinned_at) for row in rows]


def export(tx: Tx, person_id: str) -> list[dict[str, Any]]:
    """Return the shows that a person hosted."""
    rows = tx.all(select(shows).where(shows.c.host_id == person_id).order_by(shows.c.id))
    return [dict(row._mapping) for row in rows]


def erase(tx: Tx, person_id: str) -> None:
    """Remove the shows that a person hosted; who is in one now hears that it has ended."""
    for each in list_shows(tx, host_id=person_id, limit=1_000_000):
        if not each.over:
            tx.tell(topic(each.id), {"type": "state", "room": each.id, "state": "ended"})
    hosted_by = select(shows.c.id).where(shows.c.host_id == person_id)
    for table in (pins, show_products):
        tx.execute(delete(table).where(table.c.show_id.in_(hosted_by)))
    tx.execute(delete(shows).where(shows.c.host_id == person_id))


def _unpin(tx: Tx, show_id: str, now: datetime) -> None:
    tx.execute(update(pins).where(pins.c.show_id == show_id, pins.c.unpinned_at.is_(None)).values(unpinned_at=now))


def _check_published(tx: Tx, product_ids: Sequence[str]) -> None:
    on_sale = select(catalog.products.c.id).where(catalog.products.c.id.in_(product_ids), catalog.products.c.published)
    if set(product_ids) - set(tx.execute(on_sale).scalars()):
        raise NotFound("product-unknown", "There is no such product.")


def _query() -> Select[*tuple[Any, ...]]:
    return select(shows, people.c.name.label("host")).join_from(shows, people, people.c.id == shows.c.host_id)


def _load(tx: Tx, query: Select[*tuple[Any, ...]]) -> list[Show]:
    rows = tx.all(query)
    listed: dict[str, list[str]] = {row.id: [] for row in rows}
    ids = list(listed)
    for row in tx.all(select(show_products).where(show_products.c.show_id.in_(ids)).order_by(show_products.c.position)):
        listed[row.show_id].append(row.product_id)
    now_pinned = select(pins.c.show_id, pins.c.product_id).where(pins.c.show_id.in_(ids), pins.c.unpinned_at.is_(None))
    pinned = {row.show_id: row.product_id for row in tx.all(now_pinned)}
    return [Show(**row._mapping, product_ids=tuple(listed[row.id]), pinned=pinned.get(row.id)) for row in rows]

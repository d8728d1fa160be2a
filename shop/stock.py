"""How many of each variant are left, and the ledger of every change.

A level only ever falls by one conditional UPDATE, so however many buy at once, no more is sold than there is.
`stock.quantity` is the sum of the variant's moves at every commit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, func, insert, select, update

from storage.database import Instant, Tx, metadata
from storage.errors import Conflict, NotFound, UserError
from storage.ids import new_id

TOPIC = "stock"
# Keeps sums of many variants far inside 64 bits and a slip of the keyboard out of the shop.
MOST = 1_000_000

stock = Table(
    "stock",
    metadata,
    Column("variant_id", ForeignKey("variants.id", ondelete="CASCADE"), primary_key=True),
    # repeated here so that a product's level is one sum over one table
    Column("product_id", ForeignKey("products.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("quantity", Integer, CheckConstraint("quantity >= 0", name="quantity"), nullable=False),
)
stock_moves = Table(
    "stock_moves",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("variant_id", ForeignKey("variants.id", ondelete="CASCADE"), nullable=False),
    Column("delta", Integer, nullable=False),
    Column("reason", String(20), nullable=False),
    Column("order_id", String(36)),
    Column("at", Instant, nullable=False),
    Index(None, "variant_id", "at"),
)


@dataclass(frozen=True)
class Move:
    """One line of the ledger: `delta` pieces came (positive) or went (negative)."""

    variant_id: str
    delta: int
    reason: str
    order_id: str | None
    at: datetime


def begin(tx: Tx, variant_id: str, product_id: str, quantity: int, now: datetime) -> None:
    """Open the level of a new variant; `shop.catalog.add_product` is the caller."""
    _check(quantity, least=0)
    tx.execute(insert(stock).values(variant_id=variant_id, product_id=product_id, quantity=quantity))
    if quantity:
        _write(tx, variant_id, quantity, "opening", None, now)


def take(
    tx: Tx, variant_id: str, quantity: int, now: datetime, *, reason: str = "order", order_id: str | None = None
) -> int:
    """Take pieces out and return how many are left.

    Raises Conflict `sold-out` or `too-few` with `left` when there are not that many, NotFound for an unknown variant.
    """
    _check(quantity, least=1)
    enough = (stock.c.variant_id == variant_id) & (stock.c.quantity >= quantity)
    row = tx.execute(
        update(stock)
        .where(enough)
        .values(quantity=stock.c.quantity - quantity)
        .returning(stock.c.quantity, stock.c.product_id)
    ).one_or_none()
    if row is None:
        left = level(tx, variant_id)
        if left == 0:
            raise Conflict("sold-out", "This is sold out.", variant_id=variant_id, left=0)
        raise Conflict("too-few", "Only {left} left of this.", variant_id=variant_id, left=left)
    _write(tx, variant_id, -quantity, reason, order_id, now)
    _tell(tx, variant_id, row.product_id, row.quantity)
    return int(row.quantity)


def put(
    tx: Tx, variant_id: str, quantity: int, now: datetime, *, reason: str = "delivery", order_id: str | None = None
) -> int:
    """Put pieces in and return how many there are now; raises NotFound, and UserError above the most."""
    _check(quantity, least=1)
    _check(level(tx, variant_id) + quantity, least=0)
    return _change(tx, variant_id, quantity, reason, order_id, now)


def count(tx: Tx, variant_id: str, quantity: int, now: datetime) -> int:
    """Set the level to what a stock-taking found and return it; raises NotFound, and UserError below 0."""
    _check(quantity, least=0)
    # Written first, so that on PostgreSQL the row is ours before its level is read.
    tx.execute(update(stock).where(stock.c.variant_id == variant_id).values(quantity=stock.c.quantity))
    delta = quantity - level(tx, variant_id)
    return _change(tx, variant_id, delta, "count", None, now) if delta else quantity


def level(tx: Tx, variant_id: str) -> int:
    """Return how many pieces of a variant are left; raises NotFound."""
    left = tx.scalar(select(stock.c.quantity).where(stock.c.variant_id == variant_id))
    if left is None:
        raise NotFound("variant-unknown", "There is no such product variant.")
    return int(left)


def levels(tx: Tx, product_ids: Iterable[str]) -> dict[str, dict[str, int]]:
    """Return `{product_id: {variant_id: pieces left}}`; an unknown product has an empty entry."""
    found: dict[str, dict[str, int]] = {product_id: {} for product_id in product_ids}
    for row in tx.all(select(stock).where(stock.c.product_id.in_(list(found)))):
        found[row.product_id][row.variant_id] = row.quantity
    return found


def moves(tx: Tx, variant_id: str) -> list[Move]:
    """Return the ledger of a variant, the oldest first."""
    rows = tx.all(select(stock_moves).where(stock_moves.c.variant_id == variant_id).order_by(stock_moves.c.id))
    return [Move(row.variant_id, row.delta, row.reason, row.order_id, row.at) for row in rows]


def _change(tx: Tx, variant_id: str, delta: int, reason: str, order_id: str | None, now: datetime) -> int:
    row = tx.execute(
        update(stock)
        .where(stock.c.variant_id == variant_id)
        .values(quantity=stock.c.quantity + delta)
        .returning(stock.c.quantity, stock.c.product_id)
    ).one()
    _write(tx, variant_id, delta, reason, order_id, now)
    _tell(tx, variant_id, row.product_id, row.quantity)
    return int(row.quantity)


def _write(tx: Tx, variant_id: str, delta: int, reason: str, order_id: str | None, now: datetime) -> None:
    tx.execute(
        insert(stock_moves).values(
            id=new_id(), variant_id=variant_id, delta=delta, reason=reason, order_id=order_id, at=now
        )
    )


def _tell(tx: Tx, variant_id: str, product_id: str, quantity: int) -> None:
    whole = tx.scalar(select(func.sum(stock.c.quantity)).where(stock.c.product_id == product_id))
    tx.tell(
        TOPIC,
        {"variant_id": variant_id, "product_id": product_id, "stock": int(quantity), "product_stock": int(whole)},
    )


def _check(quantity: int, *, least: int) -> None:
    if not least <= quantity <= MOST:
        raise UserError(
            "quantity-range", "Choose a quantity from {least} to {most}.", field="quantity", least=least, most=MOST
        )

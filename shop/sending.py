"""What a merchant has to send of the orders, where to, and what it has sent."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from shop.contacts import Contact
from shop.money import Money
from shop.orders import OrderLine, order_lines, orders, read
from storage.database import Tx
from storage.errors import NotFound


@dataclass(frozen=True)
class MerchantOrder:
    """What one merchant has to send of an order and where to; `sent_at` when it has."""

    id: str
    number: str
    contact: Contact
    placed_at: datetime
    lines: tuple[OrderLine, ...]
    goods: Money
    sent_at: datetime | None


def orders_of_merchant(
    tx: Tx,
    merchant_id: str,
    *,
    limit: int = 50,
    after: str | None = None,
    sent: bool | None = None,
    among: tuple[str, ...] | None = None,
) -> list[MerchantOrder]:
    """Return what was ordered of a merchant, the newest first, below the id `after`, `sent` or open, `among` ids."""
    holding = select(order_lines.c.order_id).where(order_lines.c.merchant_id == merchant_id)
    if sent is not None:
        holding = holding.where(order_lines.c.sent_at.is_not(None) if sent else order_lines.c.sent_at.is_(None))
    query = select(orders).where(orders.c.id.in_(holding)).order_by(orders.c.id.desc()).limit(limit)
    if after is not None:
        query = query.where(orders.c.id < after)
    if among is not None:
        query = query.where(orders.c.id.in_(among))
    return [
        MerchantOrder(each.id, each.number, each.contact, each.placed_at, group.lines, group.goods, group.sent_at)
        for each in read(tx, tx.all(query))
        for group in each.groups
        if group.merchant_id == merchant_id
    ]


def mark(tx: Tx, merchant_id: str, order_id: str, sent_at: datetime | None) -> None:
    """Note when a merchant sent its lines of an order, None for not yet; raises NotFound for one of other shops."""
    mine = (order_lines.c.order_id == order_id) & (order_lines.c.merchant_id == merchant_id)
    if tx.execute(update(order_lines).where(mine).values(sent_at=sent_at)).rowcount == 0:
        raise NotFound("order-unknown", "There is no such order.")

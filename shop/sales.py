"""What was ordered from one place: a room, a video, a page."""

from dataclasses import dataclass

from sqlalchemy import func, select

from shop.orders import order_lines, orders
from storage.database import Tx


@dataclass(frozen=True)
class Sales:
    """How many orders were placed, and how many pieces they hold."""

    orders: int
    pieces: int


def sales_from(tx: Tx, source: str) -> Sales:
    """Count what was ordered from `source`, as the orders themselves say."""
    query = (
        select(func.count(orders.c.id.distinct()).label("orders"), func.sum(order_lines.c.quantity).label("pieces"))
        .join_from(orders, order_lines, order_lines.c.order_id == orders.c.id)
        .where(orders.c.source == source)
    )
    row = tx.all(query)[0]
    return Sales(row.orders, int(row.pieces or 0))

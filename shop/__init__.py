"""What is sold: catalogue, stock, carts, orders and planned shows."""

from typing import Any

from shop import carts, merchants, orders, shows
from storage.database import Tx


def export(tx: Tx, person_id: str) -> dict[str, Any]:
    """Return everything that the shop holds of a person."""
    return {
        "merchant": merchants.export(tx, person_id),
        "cart": carts.export(tx, person_id),
        "orders": orders.export(tx, person_id),
        "shows": shows.export(tx, person_id),
    }


def erase(tx: Tx, person_id: str) -> None:
    """Remove what the shop holds of a person; order lines stay for the books, with nobody's name."""
    for part in (merchants, carts, orders, shows):
        part.erase(tx, person_id)

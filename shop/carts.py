"""What a person means to buy: one cart each, guests too, with products of several merchants and prices of now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    Integer,
    Table,
    delete,
    insert,
    select,
    update,
)

from shop import catalog
from shop.catalog import Product, Variant, variants
from shop.money import Money
from storage.accounts import people
from storage.database import Instant, Tx, metadata
from storage.errors import Conflict, NotFound, UserError

MOST_PIECES = 99
MOST_LINES = 100
CURRENCY = "EUR"

cart_items = Table(
    "cart_items",
    metadata,
    Column("person_id", ForeignKey(people.c.id, ondelete="CASCADE"), primary_key=True),
    Column("variant_id", ForeignKey("variants.id", ondelete="CASCADE"), primary_key=True),
    Column("quantity", Integer, CheckConstraint("quantity BETWEEN 1 AND 99", name="quantity"), nullable=False),
    Column("added_at", Instant, nullable=False),
)


@dataclass(frozen=True)
class Shipping:
    """What delivery costs, in minor units of the order's currency: `flat` an order, nothing from `free_from` on."""

    flat: int = 490
    free_from: int = 5000

    def cost(self, goods: Money) -> Money:
        """Return what delivery of goods of this value costs; nothing for nothing."""
        return Money(self.flat if 0 < goods.amount < self.free_from else 0, goods.currency)


SHIPPING = Shipping()


@dataclass(frozen=True)
class CartLine:
    """Some pieces of one variant, at the price and with the stock of now."""

    product: Product
    variant: Variant
    quantity: int

    @property
    def total(self) -> Money:
        """The price of all pieces."""
        return self.variant.price * self.quantity

    @property
    def short(self) -> bool:
        """Whether fewer pieces are left than are wanted."""
        return self.variant.stock < self.quantity


@dataclass(frozen=True)
class Cart:
    """Lines, what the goods cost, what delivery costs, and the sum of both."""

    lines: tuple[CartLine, ...]
    goods: Money
    shipping: Money
    total: Money

    @property
    def pieces(self) -> int:
        """How many pieces are in it."""
        return sum(line.quantity for line in self.lines)


def cart(tx: Tx, person_id: str, locale: str, shipping: Shipping = SHIPPING) -> Cart:
    """Return a person's cart, the oldest line first; products no longer published are left out."""
    rows = tx.all(
        select(cart_items.c.variant_id, cart_items.c.quantity)
        .where(cart_items.c.person_id == person_id)
        .order_by(cart_items.c.added_at, cart_items.c.variant_id)
    )
    wanted = {row.variant_id: row.quantity for row in rows}
    offered = catalog.by_variant(tx, wanted, locale)
    return add_up([line for line in _lines(wanted, offered) if line.product.published], shipping)


def lines_of(tx: Tx, wanted: Mapping[str, int], locale: str) -> list[CartLine]:
    """Return lines for `{variant_id: pieces}` without a cart.

    Raises NotFound for a variant that is not on sale and UserError `quantity-range`.
    """
    for quantity in wanted.values():
        check_quantity(quantity)
    if len(wanted) > MOST_LINES:
        raise UserError("lines", "Order at most {most} different products at once.", field="lines", most=MOST_LINES)
    offered = catalog.by_variant(tx, wanted, locale)
    if any(variant_id not in offered or not offered[variant_id].published for variant_id in wanted):
        raise NotFound("variant-unknown", "There is no such product variant.")
    return _lines(wanted, offered)


def add_up(lines: list[CartLine], shipping: Shipping) -> Cart:
    """Add up lines; raises Conflict `currencies-mixed`."""
    currencies = {line.variant.price.currency for line in lines} or {CURRENCY}
    if len(currencies) > 1:
        raise _mixed()
    goods = sum((line.total for line in lines), Money(0, currencies.pop()))
    cost = shipping.cost(goods)
    return Cart(tuple(lines), goods, cost, goods + cost)


def add(tx: Tx, person_id: str, variant_id: str, quantity: int, now: datetime) -> int:
    """Put pieces in beside those that are there already and return how many there are now.

    Raises NotFound for a variant that is not on sale, UserError `quantity-range` above 99 pieces of it or with too
    many lines, and Conflict `currencies-mixed`. Whether there are that many left is decided by the order.
    """
    lines_of(tx, {variant_id: quantity}, "en")
    held = tx.scalar(select(cart_items.c.quantity).where(_line(person_id, variant_id)))
    if held is not None:
        return set_quantity(tx, person_id, variant_id, held + quantity)
    _check_room(tx, person_id, variant_id)
    tx.execute(insert(cart_items).values(person_id=person_id, variant_id=variant_id, quantity=quantity, added_at=now))
    return quantity


def set_quantity(tx: Tx, person_id: str, variant_id: str, quantity: int) -> int:
    """Set how many pieces of a line are wanted, 1 to 99; raises UserError, and NotFound when it is not in the cart."""
    check_quantity(quantity)
    changed = tx.execute(update(cart_items).where(_line(person_id, variant_id)).values(quantity=quantity))
    if changed.rowcount != 1:
        raise NotFound("line-unknown", "This is not in your cart.")
    return quantity


def remove(tx: Tx, person_id: str, variant_id: str) -> None:
    """Take a line out; one that is not there is fine."""
    tx.execute(delete(cart_items).where(_line(person_id, variant_id)))


def product_in(tx: Tx, person_id: str, variant_id: str) -> str | None:
    """Return the product of a line of the cart, None when there is no such line."""
    query = select(variants.c.product_id).join_from(cart_items, variants, variants.c.id == cart_items.c.variant_id)
    found: str | None = tx.scalar(query.where(_line(person_id, variant_id)))
    return found


def merge_carts(tx: Tx, from_guest: str, to_person: str) -> None:
    """Move a guest's lines into a person's cart, at most 99 pieces of each variant."""
    if from_guest == to_person:
        return
    for row in tx.all(select(cart_items).where(cart_items.c.person_id == from_guest)):
        mine = _line(to_person, row.variant_id)
        held = tx.scalar(select(cart_items.c.quantity).where(mine))
        if held is None:
            tx.execute(insert(cart_items).values({**row._mapping, "person_id": to_person}))
        else:
            tx.execute(update(cart_items).where(mine).values(quantity=min(held + row.quantity, MOST_PIECES)))
    erase(tx, from_guest)


def export(tx: Tx, person_id: str) -> list[dict[str, object]]:
    """Return a person's cart lines."""
    columns = (cart_items.c.variant_id, cart_items.c.quantity, cart_items.c.added_at)
    return [dict(row._mapping) for row in tx.all(select(*columns).where(cart_items.c.person_id == person_id))]


def erase(tx: Tx, person_id: str) -> None:
    """Empty a person's cart."""
    tx.execute(delete(cart_items).where(cart_items.c.person_id == person_id))


def check_quantity(quantity: int) -> None:
    """Raise UserError `quantity-range` outside 1 to 99 pieces."""
    if not 1 <= quantity <= MOST_PIECES:
        raise UserError(
            "quantity-range",
            "Choose a quantity from {least} to {most}.",
            field="quantity",
            least=1,
            most=MOST_PIECES,
        )


def _lines(wanted: Mapping[str, int], offered: Mapping[str, Product]) -> list[CartLine]:
    return [
        CartLine(offered[variant_id], offered[variant_id].variant(variant_id), quantity)
        for variant_id, quantity in wanted.items()
    ]


def _line(person_id: str, variant_id: str) -> ColumnElement[bool]:
    return (cart_items.c.person_id == person_id) & (cart_items.c.variant_id == variant_id)


def _check_room(tx: Tx, person_id: str, variant_id: str) -> None:
    held = tx.all(
        select(catalog.variants.c.currency)
        .join_from(cart_items, catalog.variants, catalog.variants.c.id == cart_items.c.variant_id)
        .where(cart_items.c.person_id == person_id)
    )
    if len(held) >= MOST_LINES:
        raise UserError("lines", "Order at most {most} different products at once.", field="lines", most=MOST_LINES)
    currency = tx.scalar(select(catalog.variants.c.currency).where(catalog.variants.c.id == variant_id))
    if {row.currency for row in held} - {currency}:
        raise _mixed()


def _mixed() -> Conflict:
    return Conflict("currencies-mixed", "One order can only have prices in one currency.")

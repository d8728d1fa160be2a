"""Orders: whole or not at all, once for each key, never more than there is, at the price of the moment."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    insert,
    select,
    update,
)

from shop import carts, stock
from shop.carts import SHIPPING, CartLine, Shipping
from shop.contacts import LONGEST, Contact, checked
from shop.merchants import merchants
from shop.money import Money
from storage.accounts import people
from storage.database import AnyRow, Instant, Tx, metadata
from storage.errors import Conflict, NotFound, UserError
from storage.ids import new_id

LONGEST_KEY = 200

orders = Table(
    "orders",
    metadata,
    Column("id", String(36), primary_key=True),
    # empty once the person is erased: the books keep what was sold, not to whom
    Column("person_id", ForeignKey(people.c.id, ondelete="SET NULL")),
    Column("key", String(LONGEST_KEY), nullable=False),
    Column("request_digest", String(64), nullable=False),
    Column("source", String(60)),
    Column("currency", String(3), nullable=False),
    Column("goods", Integer, nullable=False),
    Column("shipping", Integer, nullable=False),
    Column("name", String(LONGEST["name"]), nullable=False),
    Column("email", String(LONGEST["email"]), nullable=False),
    Column("street", String(LONGEST["street"]), nullable=False),
    Column("postcode", String(LONGEST["postcode"]), nullable=False),
    Column("city", String(LONGEST["city"]), nullable=False),
    Column("country", String(LONGEST["country"]), nullable=False),
    Column("placed_at", Instant, nullable=False),
    UniqueConstraint("person_id", "key"),
)
order_lines = Table(
    "order_lines",
    metadata,
    Column("order_id", ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("merchant_id", ForeignKey("merchants.id"), nullable=False),
    Column("product_id", ForeignKey("products.id"), nullable=False),
    Column("variant_id", ForeignKey("variants.id"), nullable=False),
    # as the person read them when ordering, whatever the catalogue says later
    Column("sku", String(80), nullable=False),
    Column("title", String(150), nullable=False),
    Column("options", String(500), nullable=False),
    Column("price", Integer, nullable=False),
    Column("quantity", Integer, CheckConstraint("quantity >= 1", name="quantity"), nullable=False),
    # all lines of a merchant go together
    Column("sent_at", Instant),
    Index(None, "merchant_id", "order_id"),
)


@dataclass(frozen=True)
class OrderLine:
    """Pieces of one variant at the price of the moment of the order."""

    merchant_id: str
    product_id: str
    variant_id: str
    sku: str
    title: str
    options: str
    price: Money
    quantity: int
    sent_at: datetime | None = None

    @property
    def total(self) -> Money:
        """The price of all pieces."""
        return self.price * self.quantity


@dataclass(frozen=True)
class OrderGroup:
    """The lines of an order that one merchant sends."""

    merchant_id: str
    merchant: str
    lines: tuple[OrderLine, ...]

    @property
    def goods(self) -> Money:
        """What these lines cost together."""
        return _sum(self.lines)

    @property
    def sent_at(self) -> datetime | None:
        """When the merchant sent them, if it has."""
        return self.lines[0].sent_at


@dataclass(frozen=True)
class Order:
    """A placed order; `replayed` says that this call found it rather than made it."""

    id: str
    groups: tuple[OrderGroup, ...]
    goods: Money
    shipping: Money
    contact: Contact
    source: str | None
    placed_at: datetime
    replayed: bool = field(default=False, compare=False)

    @property
    def total(self) -> Money:
        """Goods and delivery together."""
        return self.goods + self.shipping

    @property
    def number(self) -> str:
        """A short name to say on the telephone: the random end of the id."""
        return self.id[-8:].upper()


def place(
    tx: Tx,
    person_id: str,
    key: str,
    request_digest: str,
    contact: Contact,
    now: datetime,
    *,
    lines: Mapping[str, int] | None = None,
    locale: str = "de",
    shipping: Shipping = SHIPPING,
    expected_total: Money | None = None,
    source: str | None = None,
) -> Order:
    """Order the cart, which is empty then, or `lines` `{variant_id: pieces}` straight from a card beside the cart.

    `request_digest` is a hash of what was asked: the same key with the same digest returns the first order again,
    with another one it is Conflict `idempotency-key-reused`. `expected_total` is the sum that the person saw.
    Raises Conflict `cart-empty`, `total-changed`, and `sold-out` or `too-few` with what is left of each short line;
    UserError for a wrong contact or quantity; NotFound. The exception has to leave the transaction, which undoes it.
    """
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
        raise UserError("idempotency-key", "Send an Idempotency-Key of 1 to {most} characters.", most=LONGEST_KEY)
    # On PostgreSQL one person's orders wait for one another here; in SQLite all writers do already.
    tx.execute(select(people.c.id).where(people.c.id == person_id).with_for_update())
    before = _by_key(tx, person_id, key, request_digest)
    if before is not None:
        return before
    contact = checked(contact)
    wanted = (
        carts.cart(tx, person_id, locale, shipping)
        if lines is None
        else carts.add_up(carts.lines_of(tx, lines, locale), shipping)
    )
    if not wanted.lines:
        raise Conflict("cart-empty", "There is nothing in your cart.")
    if expected_total is not None and wanted.total != expected_total:
        raise Conflict(
            "total-changed", "The total has changed. Look at it again, then order.", total=wanted.total.json()
        )
    order_id = new_id()
    _take(tx, order_id, wanted.lines, now)
    tx.execute(
        insert(orders).values(
            id=order_id,
            person_id=person_id,
            key=key,
            request_digest=request_digest,
            source=source,
            currency=wanted.goods.currency,
            goods=wanted.goods.amount,
            shipping=wanted.shipping.amount,
            placed_at=now,
            **asdict(contact),
        )
    )
    _write_lines(tx, order_id, wanted.lines)
    if lines is None:
        carts.erase(tx, person_id)
    return order(tx, person_id, order_id)


def order(tx: Tx, person_id: str, order_id: str) -> Order:
    """Return a person's own order; raises NotFound for one of somebody else."""
    row = tx.one_or_none(select(orders).where(orders.c.id == order_id, orders.c.person_id == person_id))
    if row is None:
        raise NotFound("order-unknown", "There is no such order.")
    return read(tx, [row])[0]


def list_orders(tx: Tx, person_id: str, *, limit: int = 50, after: str | None = None) -> list[Order]:
    """Return a person's orders, the newest first, below the id `after`."""
    query = select(orders).where(orders.c.person_id == person_id).order_by(orders.c.id.desc()).limit(limit)
    if after is not None:
        query = query.where(orders.c.id < after)
    return read(tx, tx.all(query))


def bought(tx: Tx, person_id: str, order_ids: Collection[str]) -> dict[str, list[str]]:
    """Return the products of those of the orders that are this person's, by order."""
    found: dict[str, list[str]] = {}
    query = (
        select(order_lines.c.order_id, order_lines.c.product_id)
        .join_from(order_lines, orders, orders.c.id == order_lines.c.order_id)
        .where(orders.c.person_id == person_id, orders.c.id.in_(order_ids))
        .order_by(order_lines.c.order_id, order_lines.c.position)
    )
    for row in tx.all(query):
        found.setdefault(row.order_id, []).append(row.product_id)
    return found


def read(tx: Tx, rows: Iterable[AnyRow]) -> list[Order]:
    """Return the orders of these rows of `orders` with their lines."""
    rows = list(rows)
    currencies = {row.id: row.currency for row in rows}
    held: dict[str, dict[str, OrderGroup]] = {row.id: {} for row in rows}
    for row in tx.all(
        select(order_lines, merchants.c.name.label("merchant"))
        .join_from(order_lines, merchants, merchants.c.id == order_lines.c.merchant_id)
        .where(order_lines.c.order_id.in_(list(held)))
        .order_by(order_lines.c.order_id, order_lines.c.position)
    ):
        groups = held[row.order_id]
        group = groups.get(row.merchant_id) or OrderGroup(row.merchant_id, row.merchant, ())
        groups[row.merchant_id] = replace(group, lines=(*group.lines, _line(row, currencies[row.order_id])))
    return [_order(row, tuple(held[row.id].values())) for row in rows]


def adopt_orders(tx: Tx, from_guest: str, to_person: str) -> None:
    """Give a guest's orders to the account that the guest has signed in to."""
    for order_id in tx.execute(select(orders.c.id).where(orders.c.person_id == from_guest)).scalars().all():
        # The key has done its work; the id in its place cannot meet one of the person's own.
        tx.execute(update(orders).where(orders.c.id == order_id).values(person_id=to_person, key=order_id))


def export(tx: Tx, person_id: str) -> list[dict[str, Any]]:
    """Return all orders of a person with their lines and addresses."""
    return [asdict(each) for each in list_orders(tx, person_id, limit=1_000_000)]


def erase(tx: Tx, person_id: str) -> None:
    """Cut orders off from a person: what was sold stays in the books, name and address go."""
    nobody = dict.fromkeys(LONGEST, "")
    for order_id in tx.execute(select(orders.c.id).where(orders.c.person_id == person_id)).scalars().all():
        values = {**nobody, "person_id": None, "key": order_id, "request_digest": ""}
        tx.execute(update(orders).where(orders.c.id == order_id).values(**values))


def _by_key(tx: Tx, person_id: str, key: str, request_digest: str) -> Order | None:
    row = tx.one_or_none(select(orders).where(orders.c.person_id == person_id, orders.c.key == key))
    if row is None:
        return None
    if row.request_digest != request_digest:
        raise Conflict(
            "idempotency-key-reused",
            "This Idempotency-Key was used for another order. Send a new one.",
            order_id=row.id,
        )
    return replace(read(tx, [row])[0], replayed=True)


def _take(tx: Tx, order_id: str, lines: Iterable[CartLine], now: datetime) -> None:
    short = []
    # in one order for everybody, so that two transactions never wait for each other
    for line in sorted(lines, key=lambda line: line.variant.id):
        try:
            stock.take(tx, line.variant.id, line.quantity, now, order_id=order_id)
        except Conflict as conflict:
            short.append(
                {
                    "variant_id": line.variant.id,
                    "product_id": line.product.id,
                    "title": line.product.title,
                    "options": line.variant.label,
                    "wanted": line.quantity,
                    "left": conflict.extra["left"],
                }
            )
    if not short:
        return
    if all(each["left"] == 0 for each in short):
        raise Conflict("sold-out", "Something in this order is sold out. Nothing was ordered.", lines=short, left=0)
    left = min(each["left"] for each in short)
    raise Conflict("too-few", "There are fewer left than you want. Nothing was ordered.", lines=short, left=left)


def _write_lines(tx: Tx, order_id: str, lines: Iterable[CartLine]) -> None:
    rows = [
        {
            "order_id": order_id,
            "position": position,
            "merchant_id": line.product.merchant_id,
            "product_id": line.product.id,
            "variant_id": line.variant.id,
            "sku": line.variant.sku,
            "title": line.product.title,
            "options": line.variant.label[:500],
            "price": line.variant.price.amount,
            "quantity": line.quantity,
        }
        for position, line in enumerate(lines)
    ]
    tx.execute(insert(order_lines), rows)


def _order(row: AnyRow, groups: tuple[OrderGroup, ...]) -> Order:
    return Order(
        id=row.id,
        groups=groups,
        goods=Money(row.goods, row.currency),
        shipping=Money(row.shipping, row.currency),
        contact=Contact(row.name, row.email, row.street, row.postcode, row.city, row.country),
        source=row.source,
        placed_at=row.placed_at,
    )


def _line(row: AnyRow, currency: str) -> OrderLine:
    return OrderLine(
        row.merchant_id,
        row.product_id,
        row.variant_id,
        row.sku,
        row.title,
        row.options,
        Money(row.price, currency),
        row.quantity,
        row.sent_at,
    )


def _sum(lines: Sequence[OrderLine]) -> Money:
    return sum((line.total for line in lines[1:]), lines[0].total)

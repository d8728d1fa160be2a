"""What a merchant already knows of customers, from a CSV of orders or attributes, each with where it came from.

Only rows of people who have an account here and agreed to a personal feed are taken; the others are counted and not
kept. An order becomes an entry of the viewer's log like one that was placed here, an attribute an interest that was
stated, by its source instead of by the viewer. The same file twice changes nothing.
"""

import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import select

from personalization import consent, log, memory
from personalization.corrections import LEAST, MOST
from personalization.log import Event
from personalization.profile import BOUGHT, STATED
from shop.catalog import products, variants
from storage.accounts import by_email
from storage.database import AnyRow, Tx
from storage.errors import UserError

MOST_BYTES = 2 * 1024 * 1024
MOST_ROWS = 20_000
# Shopify's order export calls them so; plain names are taken too.
EMAIL = ("email", "e-mail", "customer email")
WHEN = ("paid at", "created at", "date", "ordered_at")
SKU = ("lineitem sku", "sku")
CATEGORY, BRAND, WEIGHT = ("category",), ("brand", "vendor"), ("weight",)
USUAL_WEIGHT = 1.0


@dataclass(frozen=True)
class RowError:
    """What is wrong with a row; `line` counts from 1 with the header, `message` is an English msgid."""

    line: int
    message: str


@dataclass(frozen=True)
class Imported:
    """What became of a file: rows taken and known before, rows of people not here or not asking for it, and errors."""

    taken: int
    known: int
    skipped: int
    errors: tuple[RowError, ...]


def source_of(event_id: str) -> str:
    """Return the name of the system that an entry of the log came from; nothing for what happened here."""
    return event_id.split(":")[1] if event_id.startswith("import:") else ""


def source_prefix(source: str) -> str:
    """Return how the ids of a source's entries begin, which is their provenance."""
    return f"import:{source}:"


class _Shop:
    """What a merchant sells, asked for once for each word of a file."""

    def __init__(self, tx: Tx, merchant_id: str) -> None:
        self._tx, self._merchant_id = tx, merchant_id
        self._products: dict[str, AnyRow | None] = {}
        self._words: dict[tuple[str, str], bool] = {}

    def product(self, sku: str) -> AnyRow | None:
        if sku not in self._products:
            columns = (products.c.id, products.c.category, products.c.brand, products.c.merchant_id)
            query = select(*columns).join_from(variants, products, products.c.id == variants.c.product_id)
            found = self._tx.all(
                query.where(variants.c.sku == sku, products.c.merchant_id == self._merchant_id).limit(1)
            )
            self._products[sku] = found[0] if found else None
        return self._products[sku]

    def has(self, field: str, value: str) -> bool:
        if (field, value) not in self._words:
            column = products.c[field]
            query = select(column).where(column == value, products.c.merchant_id == self._merchant_id).limit(1)
            self._words[field, value] = self._tx.scalar(query) is not None
        return self._words[field, value]


def take_in(tx: Tx, merchant_id: str, source: str, content: bytes, now: datetime) -> Imported:
    """Read a CSV of a merchant's own customers; orders count only for products of this merchant.

    `source` names the system it comes from and is shown to the viewer. Raises UserError for a file that is none.
    """
    rows = _rows(content)
    errors: list[RowError] = []
    found: dict[str, list[Event]] = defaultdict(list)
    skipped = 0
    people: dict[str, str | None] = {}
    shop = _Shop(tx, merchant_id)
    for line, row in enumerate(rows, 2):
        email = _of(row, EMAIL).lower()
        if "@" not in email:
            errors.append(RowError(line, "There is no e-mail address in this row."))
            continue
        if email not in people:
            people[email] = _agreed(tx, email)
        viewer_id = people[email]
        # Mistakes are told of every row: a list with holes would say who is here.
        event = _event(shop, source, row, now)
        if isinstance(event, str):
            errors.append(RowError(line, event))
        elif viewer_id is None:
            skipped += 1
        else:
            found[viewer_id].append(event)
    taken = known = 0
    for viewer_id, happened in sorted(found.items()):
        memory.hold(tx, viewer_id)
        unique = {event.id: event for event in happened}
        before = log.known(tx, viewer_id, list(unique))
        fresh = [event for event_id, event in unique.items() if event_id not in before]
        log.append(tx, viewer_id, fresh, now, personalise=True, measure=False)
        if fresh:
            memory.relearn(tx, viewer_id, log.read(tx, viewer_id), now)
        taken += len(fresh)
        known += len(happened) - len(fresh)
    return Imported(taken, known, skipped, tuple(errors))


def _rows(content: bytes) -> list[dict[str, str]]:
    if len(content) > MOST_BYTES:
        raise UserError("csv-too-large", "Send at most {most} bytes at once.", status=413, most=MOST_BYTES)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError("csv-encoding", "This file is not in UTF-8. Save it as CSV in UTF-8.") from error
    try:
        # Excel writes semicolons where commas are decimal.
        first, _, _ = text.partition("\n")
        between = ";" if ";" in first and "," not in first else ","
        reader = csv.DictReader(io.StringIO(text.replace("\x00", "")), strict=True, delimiter=between)
        rows = [
            {str(key or "").strip().lower(): str(value or "").strip() for key, value in row.items()} for row in reader
        ]
    except csv.Error as error:
        raise UserError("csv-malformed", "This is not a CSV file with a header in its first line.") from error
    if not rows or not any(name in rows[0] for name in EMAIL):
        raise UserError("csv-malformed", "The file needs a header with a column “email” and at least one row.")
    if len(rows) > MOST_ROWS:
        raise UserError("csv-too-large", "Send at most {most} rows at once.", status=413, most=MOST_ROWS)
    return rows


def _of(row: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((row[name] for name in names if row.get(name)), "")


def _agreed(tx: Tx, email: str) -> str | None:
    account = by_email(tx, email)
    return account[0] if account is not None and consent.current(tx, account[0]).personalise else None


def _event(shop: _Shop, source: str, row: Mapping[str, str], now: datetime) -> Event | str:
    """Return what a row says as an entry of the log, or what is wrong with it."""
    digest = hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest()[:24]
    event_id = source_prefix(source) + digest
    sku = _of(row, SKU)
    if sku:
        product = shop.product(sku)
        at = _instant(_of(row, WHEN))
        if product is None:
            return "This shop has no product with this SKU."
        if at is None or at > now:
            return "The date of the order is missing, in the future, or not like 2026-11-20."
        return Event(event_id, BOUGHT, at, product.id, product.category, product.brand, product.merchant_id)
    try:
        weight = float(_of(row, WEIGHT) or USUAL_WEIGHT)
    except ValueError:
        return "The weight is not a number."
    if not LEAST <= weight <= MOST:
        return "The weight is not between -2 and 3."
    stated = Event(event_id, STATED, now, amount=weight)
    for names, field in ((CATEGORY, "category"), (BRAND, "brand")):
        value = _of(row, names)
        if value:
            if not shop.has(field, value):
                return "This shop has no such category or brand."
            return replace(stated, scope=field, **{field: value})  # type: ignore[arg-type]
    return "There is neither a SKU nor a category nor a brand in this row."


def _instant(text: str) -> datetime | None:
    # Shopify writes `2026-11-20 12:00:00 +0100`
    for form in ("%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d"):
        try:
            at = datetime.strptime(text, form)  # noqa: DTZ007
        except ValueError:
            continue
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)

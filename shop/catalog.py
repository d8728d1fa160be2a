"""What is sold: products and their variants, in German and English, with prices in minor units."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    insert,
    select,
    true,
    update,
)

from shop import stock
from shop.categories import categories, in_locale
from shop.merchants import merchants
from shop.money import Money
from storage.database import AnyRow, Instant, Tx, metadata
from storage.errors import Conflict, NotFound, UserError
from storage.ids import new_id

LOCALES = ("de", "en")
LONGEST_TITLE = 150
LONGEST_DESCRIPTION = 5000
MOST_VARIANTS = 100
# One hundred million minor units: above it somebody mistook the unit.
HIGHEST_PRICE = 100_000_000

products = Table(
    "products",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("merchant_id", ForeignKey("merchants.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("handle", String(120), nullable=False),
    Column("title_de", String(LONGEST_TITLE)),
    Column("title_en", String(LONGEST_TITLE)),
    Column("description_de", Text),
    Column("description_en", Text),
    Column("brand", String(120), nullable=False),
    # a handle without foreign key: merchants bring categories that nobody has named yet
    Column("category", String(80), nullable=False, index=True),
    Column("image", String(200)),
    Column("published", Boolean, nullable=False),
    # titles, brand and category casefolded: SQLite's own LIKE folds ASCII only
    Column("words", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    # Another and later one with each change, so that who keeps products in memory reads only what has changed.
    Column("revision", String(36), nullable=False, default=new_id, onupdate=new_id, index=True),
    UniqueConstraint("merchant_id", "handle"),
)
variants = Table(
    "variants",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("product_id", ForeignKey("products.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("sku", String(80), nullable=False),
    Column("options", JSON, nullable=False),
    Column("price", Integer, CheckConstraint("price >= 0", name="price"), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("position", Integer, nullable=False),
    UniqueConstraint("product_id", "sku"),
)


@dataclass(frozen=True)
class Option:
    """One property by which variants differ; `hex` is a colour's swatch, like `#2F4858`."""

    name: str
    value: str
    hex: str | None = None


@dataclass(frozen=True)
class Variant:
    """What can be bought: a price, and `stock` pieces left at the moment of the query."""

    id: str
    product_id: str
    sku: str
    options: tuple[Option, ...]
    price: Money
    stock: int

    @property
    def label(self) -> str:
        """The option values in their order, as a person reads them."""
        return ", ".join(option.value for option in self.options)


@dataclass(frozen=True)
class Product:
    """A product in one language, with its variants in the merchant's order."""

    id: str
    merchant_id: str
    merchant: str
    handle: str
    title: str
    description: str
    brand: str
    category: str
    category_name: str
    image: str | None
    published: bool
    created_at: datetime
    variants: tuple[Variant, ...]

    @property
    def stock(self) -> int:
        """Pieces left over all variants."""
        return sum(variant.stock for variant in self.variants)

    @property
    def price(self) -> Money:
        """The lowest price of what is left, or of all when nothing is."""
        available = [variant.price for variant in self.variants if variant.stock]
        return min(available or [variant.price for variant in self.variants], key=lambda price: price.amount)

    def variant(self, variant_id: str) -> Variant:
        """Return one of the variants by its id; raises NotFound."""
        for variant in self.variants:
            if variant.id == variant_id:
                return variant
        raise NotFound("variant-unknown", "There is no such product variant.")


@dataclass(frozen=True)
class ProductFacts:
    """What ranking needs to know of a published product; `stock` is over all variants."""

    id: str
    merchant_id: str
    category: str
    brand: str
    created_at: datetime
    stock: int


@dataclass(frozen=True)
class NewVariant:
    """A variant to be written: option values are a text, or texts by locale with an optional `hex`."""

    sku: str
    price: Money
    options: Mapping[str, str | Mapping[str, str]]
    stock: int = 0


def add_product(
    tx: Tx,
    merchant_id: str,
    handle: str,
    *,
    titles: Mapping[str, str],
    descriptions: Mapping[str, str],
    brand: str,
    category: str,
    variants: Sequence[NewVariant],
    now: datetime,
    image: str | None = None,
    published: bool = True,
) -> str:
    """Write a product with its variants and their opening stock; returns its id.

    Titles and descriptions are by locale and one is enough. Raises UserError with the field that is wrong, and
    Conflict `handle-taken`.
    """
    check_product(titles, descriptions, variants)
    if product_by_handle(tx, merchant_id, handle) is not None:
        raise Conflict("handle-taken", "There is already something with this name. Choose another one.", field="handle")
    product_id = new_id()
    tx.execute(
        insert(products).values(
            id=product_id,
            merchant_id=merchant_id,
            handle=handle,
            title_de=titles.get("de"),
            title_en=titles.get("en"),
            description_de=descriptions.get("de"),
            description_en=descriptions.get("en"),
            brand=brand,
            category=category,
            image=image,
            published=published,
            words=words_of(tx, titles, brand, category),
            created_at=now,
        )
    )
    for position, variant in enumerate(variants):
        add_variant(tx, product_id, position, variant, now)
    return product_id


def publish(tx: Tx, product_id: str, merchant_id: str, published: bool) -> None:
    """Show a merchant's own product to everybody, or to nobody; raises NotFound."""
    mine = (products.c.id == product_id) & (products.c.merchant_id == merchant_id)
    if tx.execute(update(products).where(mine).values(published=published)).rowcount != 1:
        raise unknown()


def product(tx: Tx, product_id: str, locale: str, *, merchant_id: str | None = None) -> Product:
    """Return a published product, or any of the merchant `merchant_id`; raises NotFound."""
    found = by_id(tx, [product_id], locale).get(product_id)
    if found is None or not (found.published or found.merchant_id == merchant_id):
        raise unknown()
    return found


def product_by_handle(tx: Tx, merchant_id: str, handle: str) -> str | None:
    """Return the id of a merchant's product with this handle."""
    mine = (products.c.merchant_id == merchant_id) & (products.c.handle == handle)
    found: str | None = tx.scalar(select(products.c.id).where(mine))
    return found


def products_of(tx: Tx, product_ids: Iterable[str], merchant_id: str) -> set[str]:
    """Return those of the ids that are products of this merchant."""
    mine = products.c.id.in_(list(product_ids)) & (products.c.merchant_id == merchant_id)
    return set(tx.execute(select(products.c.id).where(mine)).scalars())


def by_id(tx: Tx, product_ids: Iterable[str], locale: str) -> dict[str, Product]:
    """Return the products that exist among the ids, published or not, in the order of the ids."""
    wanted = list(dict.fromkeys(product_ids))
    found = {each.id: each for each in _load(tx, _query().where(products.c.id.in_(wanted)), locale)}
    return {product_id: found[product_id] for product_id in wanted if product_id in found}


def by_variant(tx: Tx, variant_ids: Iterable[str], locale: str) -> dict[str, Product]:
    """Return the products that hold these variants, published or not, by variant id."""
    rows = tx.all(select(variants.c.id, variants.c.product_id).where(variants.c.id.in_(list(variant_ids))))
    found = by_id(tx, [row.product_id for row in rows], locale)
    return {row.id: found[row.product_id] for row in rows}


def list_products(
    tx: Tx,
    locale: str,
    *,
    q: str | None = None,
    merchant_id: str | None = None,
    drafts: bool = False,
    limit: int = 24,
    after: str | None = None,
) -> list[Product]:
    """Return published products (with `drafts` all), the newest first, below the id `after`.

    Every word of `q` must be in the titles, the brand or the category.
    """
    query = _query().order_by(products.c.id.desc()).limit(limit)
    if not drafts:
        query = query.where(products.c.published)
    if merchant_id is not None:
        query = query.where(products.c.merchant_id == merchant_id)
    if after is not None:
        query = query.where(products.c.id < after)
    for word in (q or "").casefold().split():
        query = query.where(products.c.words.contains(word, autoescape=True))
    return _load(tx, query, locale)


def facts(tx: Tx, among: Collection[str] | None = None) -> dict[str, ProductFacts]:
    """Return what ranking needs to know of every published product, or of those among these ids, by its id."""
    left = func.coalesce(func.sum(stock.stock.c.quantity), 0).label("stock")
    columns = (
        products.c.id,
        products.c.merchant_id,
        products.c.category,
        products.c.brand,
        products.c.created_at,
    )
    rows = tx.all(
        select(*columns, left)
        .join_from(products, stock.stock, stock.stock.c.product_id == products.c.id, isouter=True)
        .where(products.c.published, true() if among is None else products.c.id.in_(among))
        .group_by(*columns)
        .order_by(products.c.id)
    )
    return {row.id: ProductFacts(**row._mapping) for row in rows}


def _query() -> Select[*tuple[Any, ...]]:
    return select(products, merchants.c.name.label("merchant"), categories.c.name_de, categories.c.name_en).select_from(
        products.join(merchants, merchants.c.id == products.c.merchant_id).join(
            categories, categories.c.handle == products.c.category, isouter=True
        )
    )


def _load(tx: Tx, query: Select[*tuple[Any, ...]], locale: str) -> list[Product]:
    rows = tx.all(query)
    held: dict[str, list[Variant]] = {row.id: [] for row in rows}
    for variant in tx.all(
        select(variants, stock.stock.c.quantity)
        .join_from(variants, stock.stock, stock.stock.c.variant_id == variants.c.id)
        .where(variants.c.product_id.in_(list(held)))
        .order_by(variants.c.position)
    ):
        held[variant.product_id].append(_variant(variant, locale))
    return [_product(row, tuple(held[row.id]), locale) for row in rows]


def _product(row: AnyRow, held: tuple[Variant, ...], locale: str) -> Product:
    return Product(
        id=row.id,
        merchant_id=row.merchant_id,
        merchant=row.merchant,
        handle=row.handle,
        title=in_locale(locale, row.title_de, row.title_en),
        description=in_locale(locale, row.description_de, row.description_en),
        brand=row.brand,
        category=row.category,
        category_name=in_locale(locale, row.name_de, row.name_en) or row.category,
        image=row.image,
        published=row.published,
        created_at=row.created_at,
        variants=held,
    )


def _variant(row: AnyRow, locale: str) -> Variant:
    options = []
    for name, value in row.options.items():
        if isinstance(value, str):
            options.append(Option(name, value))
        else:
            options.append(Option(name, in_locale(locale, value.get("de"), value.get("en")), value.get("hex")))
    return Variant(row.id, row.product_id, row.sku, tuple(options), Money(row.price, row.currency), row.quantity)


def add_variant(tx: Tx, product_id: str, position: int, variant: NewVariant, now: datetime) -> None:
    """Write one more variant of a product with its opening stock."""
    variant_id = new_id()
    tx.execute(
        insert(variants).values(
            id=variant_id,
            product_id=product_id,
            sku=variant.sku,
            options=plain(variant.options),
            price=variant.price.amount,
            currency=variant.price.currency,
            position=position,
        )
    )
    stock.begin(tx, variant_id, product_id, variant.stock, now)


def plain(options: Mapping[str, str | Mapping[str, str]]) -> dict[str, str | dict[str, str]]:
    """Return option values as JSON keeps them."""
    return {name: value if isinstance(value, str) else dict(value) for name, value in options.items()}


def check_product(titles: Mapping[str, str], descriptions: Mapping[str, str], held: Sequence[NewVariant]) -> None:
    """Raise UserError with the field that is wrong; `shop.editing` asks this, too."""
    texts = [titles.get(locale, "").strip() for locale in LOCALES]
    if not any(texts) or max(map(len, texts)) > LONGEST_TITLE:
        raise UserError("title", "Give a title of at most {most} characters.", field="title", most=LONGEST_TITLE)
    if max(len(descriptions.get(locale, "")) for locale in LOCALES) > LONGEST_DESCRIPTION:
        raise UserError(
            "description",
            "Give a description of at most {most} characters.",
            field="description",
            most=LONGEST_DESCRIPTION,
        )
    if not 1 <= len(held) <= MOST_VARIANTS or len({each.sku for each in held}) != len(held):
        raise UserError(
            "variants", "Give 1 to {most} variants, each with its own SKU.", field="variants", most=MOST_VARIANTS
        )
    if any(not 0 <= each.price.amount <= HIGHEST_PRICE for each in held):
        raise UserError("price", "Give a price from 0 to {most} cents.", field="price", most=HIGHEST_PRICE)
    if len({each.price.currency for each in held}) != 1:
        raise UserError("currency", "Give all variants prices in the same currency.", field="price")


def words_of(tx: Tx, titles: Mapping[str, str], brand: str, category: str) -> str:
    """Return what a product is searched by, casefolded."""
    named = tx.one_or_none(select(categories.c.name_de, categories.c.name_en).where(categories.c.handle == category))
    texts = [*titles.values(), brand, category, *(named or ())]
    return "\n".join(text.casefold() for text in texts if text)


def unknown() -> NotFound:
    """The answer for a product that does not exist or is somebody else's."""
    return NotFound("product-unknown", "There is no such product.")

"""Changing a product that is there: what was ordered keeps its variant, what is left keeps its stock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update

from shop import catalog, stock
from shop.catalog import NewVariant, Variant, products, variants
from shop.orders import order_lines
from storage.database import AnyRow, Tx
from storage.errors import Conflict, UserError


@dataclass(frozen=True)
class Editable:
    """A merchant's own product with its texts by locale, as it is kept; its variants are in one language."""

    id: str
    titles: Mapping[str, str]
    descriptions: Mapping[str, str]
    brand: str
    category: str
    category_name: str
    image: str | None
    published: bool
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class EditedVariant:
    """A variant as it is to be: one that is there by its `id`, or a new one; `label` is as it was typed.

    `stock` opens the level of a new one and is passed over for one that is there.
    """

    id: str | None
    label: str
    variant: NewVariant


def editable(tx: Tx, product_id: str, merchant_id: str, locale: str) -> Editable:
    """Return a merchant's own product as a form shows it; raises NotFound."""
    row = _own(tx, product_id, merchant_id)
    product = catalog.by_id(tx, [product_id], locale)[product_id]
    return Editable(
        product_id,
        _texts(row, "title"),
        _texts(row, "description"),
        product.brand,
        product.category,
        product.category_name,
        product.image,
        product.published,
        product.variants,
    )


def edit_product(
    tx: Tx,
    product_id: str,
    merchant_id: str,
    *,
    titles: Mapping[str, str],
    descriptions: Mapping[str, str],
    brand: str,
    category: str,
    held: Sequence[EditedVariant],
    published: bool,
    locale: str,
    now: datetime,
    image: str | None = None,
) -> str | None:
    """Change a merchant's own product; variants that are not among `held` go, new ones come. `image` None keeps it.

    Returns the key of the picture that is not shown any more. Raises NotFound, UserError with the field that is
    wrong, and Conflict `variant-ordered` when a variant would go that somebody has ordered. The exception has to
    leave the transaction, which undoes what was changed before it.
    """
    before = _own(tx, product_id, merchant_id)
    product = catalog.by_id(tx, [product_id], locale)[product_id]
    kept = [each.id for each in held if each.id is not None]
    for variant_id in kept:
        product.variant(variant_id)
    if len(set(kept)) != len(kept):
        raise UserError(
            "variants",
            "Give 1 to {most} variants, each with its own SKU.",
            field="variants",
            most=catalog.MOST_VARIANTS,
        )
    stored: dict[str, Mapping[str, Any]] = {
        row.id: row.options for row in tx.all(select(variants).where(variants.c.product_id == product_id))
    }
    labels = {each.id: each.label for each in product.variants}
    words = {(name, text): value for options in stored.values() for name, text, value in _read(options)}
    pattern = stored[product.variants[0].id]

    def options_of(each: EditedVariant) -> Mapping[str, Any]:
        if each.id is not None and each.label == labels[each.id]:
            return stored[each.id]
        like = pattern if each.id is None else stored[each.id]
        return _options(each.label, like, words) if each.label and like else each.variant.options

    wanted = [replace(each.variant, options=options_of(each)) for each in held]
    catalog.check_product(titles, descriptions, wanted)
    _drop(tx, [variant for variant in product.variants if variant.id not in kept], now)
    # Two variants may exchange their SKUs: each steps aside before any takes its new one.
    for variant_id in kept:
        tx.execute(update(variants).where(variants.c.id == variant_id).values(sku=variant_id))
    for position, (each, variant) in enumerate(zip(held, wanted, strict=True)):
        if each.id is None:
            catalog.add_variant(tx, product_id, position, variant, now)
            continue
        tx.execute(
            update(variants)
            .where(variants.c.id == each.id)
            .values(
                sku=variant.sku,
                options=catalog.plain(variant.options),
                price=variant.price.amount,
                currency=variant.price.currency,
                position=position,
            )
        )
    tx.execute(
        update(products)
        .where(products.c.id == product_id)
        .values(
            title_de=titles.get("de"),
            title_en=titles.get("en"),
            description_de=descriptions.get("de"),
            description_en=descriptions.get("en"),
            brand=brand,
            category=category,
            image=image or before.image,
            published=published,
            words=catalog.words_of(tx, titles, brand, category),
        )
    )
    return before.image if image is not None else None


def _own(tx: Tx, product_id: str, merchant_id: str) -> AnyRow:
    mine = (products.c.id == product_id) & (products.c.merchant_id == merchant_id)
    row = tx.one_or_none(select(products).where(mine))
    if row is None:
        raise catalog.unknown()
    return row


def _texts(row: AnyRow, name: str) -> dict[str, str]:
    found = {locale: row._mapping[f"{name}_{locale}"] for locale in catalog.LOCALES}
    return {locale: text for locale, text in found.items() if text}


def _read(options: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """Return name, text and stored value of each option in every language that it has."""
    found = []
    for name, value in options.items():
        texts = [value] if isinstance(value, str) else [value[each] for each in catalog.LOCALES if value.get(each)]
        found += [(name, text, value) for text in texts]
    return found


def _options(label: str, like: Mapping[str, Any], words: Mapping[tuple[str, str], Any]) -> dict[str, Any]:
    """Split a label as the other variants' are put together; a value that one of them has keeps its colour."""
    parts = [label] if len(like) == 1 else [part.strip() for part in label.split(", ")]
    if len(parts) != len(like) or not all(parts):
        raise UserError(
            "options",
            "This product differs in {count} things. Name them all, with a comma and a space between them.",
            field="choice",
            count=len(like),
        )
    return {name: words.get((name, part), part) for name, part in zip(like, parts, strict=True)}


def _drop(tx: Tx, gone: Sequence[Variant], now: datetime) -> None:
    for each in gone:
        if tx.scalar(select(order_lines.c.order_id).where(order_lines.c.variant_id == each.id).limit(1)) is not None:
            raise Conflict(
                "variant-ordered",
                "“{variant}” has been ordered and cannot be removed. Set its stock to 0 to sell it no more.",
                field="choice",
                variant=each.label or each.sku,
            )
        # Open pages hear that it is sold out.
        stock.count(tx, each.id, 0, now)
        tx.execute(delete(variants).where(variants.c.id == each.id))

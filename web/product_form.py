"""The form for a product, new or there already: what was typed, what it means, and the page it stands on."""

import itertools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from shop import catalog, categories
from shop.catalog import NewVariant
from shop.editing import Editable, EditedVariant
from shop.money import Money
from storage.database import Tx
from storage.errors import UserError
from storage.ids import new_id
from web.i18n import locale_of
from web.merchant_access import SCOPE, owner
from web.pages import render
from web.product_picture import MOST_BYTES, redraw
from web.services import Services, services
from web.sessions import member

CURRENCY = "EUR"
MOST_ROWS = 100
LONGEST_BRAND = 120
LONGEST_CATEGORY = 80
LONGEST_SKU = 80
LONGEST_CHOICE = 80
LONGEST_PRICE = 20
LONGEST_HANDLE = 80
LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "æ": "ae"})
# The picture and the texts beside it.
LARGEST_FORM = MOST_BYTES + 512 * 1024
MOST_FIELDS = 5 * MOST_ROWS + 20
# The name under which the choice between variants is kept; only its values are shown.
OPTION = "variant"
DECIMAL = re.compile(r"(\d{1,3}(?:[.' ]?\d{3})*|\d{1,3}(?:,\d{3})+(?=\.)|\d+)(?:[.,](\d{1,2}))?")


@dataclass(frozen=True)
class Row:
    """One variant as it was typed; `id` is that of a variant which is there."""

    id: str = ""
    choice: str = ""
    price: str = ""
    stock: str = ""
    sku: str = ""


@dataclass(frozen=True)
class Draft:
    """The form as it was typed, so that a mistake costs no second typing."""

    texts: Mapping[str, str] = field(default_factory=lambda: {"published": "1"})
    rows: Sequence[Row] = (Row(),)

    def text(self, name: str) -> str:
        """Return what was typed into a field."""
        return self.texts.get(name, "")

    def by_locale(self, name: str) -> dict[str, str]:
        """Return a text in the languages in which it was typed."""
        texts = {locale: self.text(f"{name}_{locale}") for locale in catalog.LOCALES}
        return {locale: text for locale, text in texts.items() if text}


async def read(request: Request) -> tuple[Draft, bytes]:
    """Return what was typed, and the bytes of the picture if one was chosen; raises Forbidden for strangers."""
    member(request, "merchant", SCOPE)  # before eight megabytes of a stranger are read
    async with request.form(max_files=1, max_fields=MOST_FIELDS) as form:
        picture = form.get("picture")
        data = await picture.read() if isinstance(picture, UploadFile) else b""
        names = ("title_de", "title_en", "description_de", "description_en", "brand", "category", "published")
        columns = [[str(value).strip() for value in form.getlist(name)] for name in ("variant_id", *_COLUMNS)]
        rows = [Row(*cells) for cells in itertools.zip_longest(*columns, fillvalue="")][:MOST_ROWS]
        typed = [row for row in rows if row != Row()]
        return Draft({name: text(form, name) for name in names}, typed or [Row()]), data


def draft_of(product: Editable, locale: str) -> Draft:
    """Return the form as it stands for a product that is there."""
    texts = {f"title_{each}": words for each, words in product.titles.items()}
    texts |= {f"description_{each}": words for each, words in product.descriptions.items()}
    texts |= {"brand": product.brand, "category": product.category_name, "published": "1" if product.published else ""}
    return Draft(
        texts,
        [
            Row(each.id, each.label, typed_price(each.price.amount, locale), str(each.stock), each.sku)
            for each in product.variants
        ],
    )


def page(
    request: Request, draft: Draft, error: UserError | None = None, *, product: Editable | None = None
) -> Response:
    """Return the page with the form, and what is wrong in it."""
    parts = services(request)
    with parts.db.reading() as tx:
        owner(tx, request)
        known = list(categories.category_names(tx, locale_of(request)).values())
    context: dict[str, Any] = {
        "draft": draft,
        "categories": known,
        "error": error,
        "field": "" if error is None else error.extra.get("field", ""),
        "values": {} if error is None else error.extra,
        "product_id": None if product is None else product.id,
        "picture": None if product is None or product.image is None else parts.media.url(product.image),
    }
    return render(request, "merchant-product.html", status_code=200 if error is None else error.status, **context)


def check(draft: Draft) -> None:
    """Raise UserError for a brand or a category that is missing; the shop checks the rest."""
    if not 1 <= len(draft.text("brand")) <= LONGEST_BRAND:
        raise UserError("brand", "Give a brand of at most {most} characters.", field="brand", most=LONGEST_BRAND)
    if not draft.text("category"):
        raise UserError("category", "Choose a category, or name a new one.", field="category")


def variants(rows: Sequence[Row], handle: str, skus: Mapping[str, str] | None = None) -> list[EditedVariant]:
    """Return what the rows mean; `skus` are those of the variants that are there, by id."""
    choices = [row.choice for row in rows]
    if len(rows) > 1 and (not all(choices) or len(set(choices)) != len(choices)):
        raise UserError(
            "choices", "With several variants each one needs its own name, like “Size M” or “Blue”.", field="choice"
        )
    typed = [row.sku or (skus or {}).get(row.id, "") for row in rows]
    free = (sku for number in itertools.count(1) if (sku := f"{handle}-{number}") not in typed)
    return [
        EditedVariant(
            row.id or None,
            row.choice[:LONGEST_CHOICE],
            NewVariant(
                (sku or next(free))[:LONGEST_SKU],
                Money(price_of(row.price), CURRENCY),
                {OPTION: row.choice[:LONGEST_CHOICE]} if row.choice else {},
                0 if row.id else whole(row.stock or "0"),
            ),
        )
        for row, sku in zip(rows, typed, strict=True)
    ]


def category(tx: Tx, wish: str, locale: str) -> str:
    """Return the handle of a category that is called so, or name a new one."""
    wish = wish[:LONGEST_CATEGORY]
    for each in catalog.LOCALES:
        for handle, name in categories.category_names(tx, each).items():
            if wish.casefold() in (name.casefold(), handle):
                return handle
    handle = handle_from(wish)
    if handle not in categories.category_names(tx, locale):
        categories.name_category(tx, handle, {locale: wish})
    return handle


def keep_picture(parts: Services, data: bytes) -> str | None:
    """Draw a picture anew and return its key; None without one. Raises UserError."""
    if not data:
        return None
    name = f"{new_id()}.webp"
    drawn = parts.media.incoming / name
    try:
        redraw(data, drawn)
        parts.media.take(f"products/{name}", drawn)
    finally:
        drawn.unlink(missing_ok=True)
    return f"products/{name}"


def price_of(text: str) -> int:
    """Return cents of `12`, `12,90`, `12.90 €`, `1,299.00` or `1.299,00`; raises UserError."""
    found = DECIMAL.fullmatch(text.replace("€", "").strip())
    if found is None or len(text) > LONGEST_PRICE:
        raise UserError("price-odd", "Write the price like 12.90.", field="price")
    units, cents = found.groups()
    return int(re.sub(r"\D", "", units)) * 100 + int((cents or "0").ljust(2, "0"))


def typed_price(cents: int, locale: str) -> str:
    """Return an amount as people of `locale` type it."""
    point = "," if locale == "de" else "."
    return f"{cents // 100}{point}{cents % 100:02}"


def handle_from(name: str) -> str:
    """Return a handle made of a name: `Müller & Söhne` is `mueller-soehne`."""
    folded = unicodedata.normalize("NFC", name).casefold().translate(LETTERS)
    plain = unicodedata.normalize("NFKD", folded).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST_HANDLE].strip("-") or "product"


def text(form: FormData, name: str) -> str:
    """Return what was typed into a field, without white space around it."""
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def whole(typed: str) -> int:
    """Return the pieces that were typed; raises UserError."""
    if not typed.isdecimal() or len(typed) > 9:
        raise UserError("stock-odd", "Write the stock as a whole number.", field="stock")
    return int(typed)


_COLUMNS = ("choice", "price", "stock", "sku")

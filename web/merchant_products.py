"""The merchant's products: list, stock, publication, and the form for a new one; works without scripts."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from shop import catalog, categories, merchants, stock
from shop.catalog import NewVariant, Product
from shop.money import Money
from storage.clock import utcnow
from storage.database import Tx
from storage.errors import NotFound, UserError
from storage.ids import new_id
from web import clips
from web.i18n import locale_of
from web.limits import client_of
from web.pages import render
from web.product_picture import MOST_BYTES, redraw
from web.services import Services, services
from web.sessions import member, page_for

CURRENCY = "EUR"
MOST_PRODUCTS = 500
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
# The name under which the choice between variants is kept; only its values are shown.
OPTION = "variant"
DECIMAL = re.compile(r"(\d{1,3}(?:[.' ]?\d{3})*|\d+)(?:[.,](\d{1,2}))?")


@dataclass(frozen=True)
class Row:
    """One variant as it was typed."""

    choice: str = ""
    price: str = ""
    stock: str = ""
    sku: str = ""


@dataclass(frozen=True)
class Draft:
    """The form as it was typed, so that a mistake costs no second typing."""

    texts: Mapping[str, str] = field(default_factory=dict)
    rows: Sequence[Row] = (Row(),)

    def text(self, name: str) -> str:
        """Return what was typed into a field."""
        return self.texts.get(name, "")


def list_page(request: Request) -> Response:
    """`GET /merchant/products`: everything the merchant sells, with its stock."""
    with services(request).db.reading() as tx:
        merchant_id = clips.owner(tx, request)
        found = _own_products(tx, request, merchant_id)
        name = merchants.merchant_name(tx, merchant_id)
    return render(
        request,
        "merchant-products.html",
        merchant=name,
        products=found,
        image_url=services(request).media.url,
        saved=request.query_params.get("saved", ""),
    )


def new_page(request: Request) -> Response:
    """`GET /merchant/products/new`: the empty form."""
    return _form(request, Draft())


async def create(request: Request) -> Response:
    """`POST /merchant/products/new`: the product goes on sale, or the form comes back with what is wrong."""
    member(request, "merchant", clips.SCOPE)  # before eight megabytes of a stranger are read
    async with request.form(max_files=1, max_fields=4 * MOST_ROWS + 20) as form:
        picture = form.get("picture")
        data = await picture.read() if isinstance(picture, UploadFile) else b""
        draft = _draft(form)

    def save() -> Response:
        try:
            product_id = _add(request, draft, data)
        except NotFound:
            raise
        except UserError as error:
            return _form(request, draft, error)
        return RedirectResponse(f"/merchant/products?saved={product_id}#p-{product_id}", 303)

    return await run_in_threadpool(save)


async def set_stock(request: Request) -> Response:
    """`POST /merchant/products/{id}/stock`: what a stock-taking found; levels that were not touched stay."""
    form = await request.form(max_files=0, max_fields=2 * MOST_ROWS + 5)

    def save() -> Response:
        now = utcnow()
        services(request).limiter.take("write", client_of(request))
        with services(request).db.writing() as tx:
            product = _own_product(tx, request)
            for variant in product.variants:
                typed, shown = _text(form, f"stock-{variant.id}"), _text(form, f"shown-{variant.id}")
                # What was sold while the page was open must not come back by a level nobody changed.
                if typed and typed != shown:
                    stock.count(tx, variant.id, _whole(typed), now)
        return _back(product.id)

    return await run_in_threadpool(save)


async def set_published(request: Request) -> Response:
    """`POST /merchant/products/{id}/publish`: show it to everybody, or to nobody."""
    form = await request.form(max_files=0, max_fields=5)

    def save() -> Response:
        services(request).limiter.take("write", client_of(request))
        with services(request).db.writing() as tx:
            product = _own_product(tx, request)
            catalog.publish(tx, product.id, product.merchant_id, _text(form, "published") == "1")
        return _back(product.id)

    return await run_in_threadpool(save)


def price_of(text: str) -> int:
    """Return cents of `12`, `12,90`, `12.90 €` or `1.299,00`; raises UserError."""
    found = DECIMAL.fullmatch(text.replace("€", "").strip())
    if found is None or len(text) > LONGEST_PRICE:
        raise UserError("price-odd", "Write the price like 12,90.", field="price")
    whole, cents = found.groups()
    return int(re.sub(r"\D", "", whole)) * 100 + int((cents or "0").ljust(2, "0"))


def handle_from(name: str) -> str:
    """Return a handle made of a name: `Müller & Söhne` is `mueller-soehne`."""
    text = unicodedata.normalize("NFC", name).casefold().translate(LETTERS)
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST_HANDLE].strip("-") or "product"


def _add(request: Request, draft: Draft, data: bytes) -> str:
    parts = services(request)
    parts.limiter.take("write", client_of(request))
    with parts.db.reading() as tx:
        merchant_id = clips.owner(tx, request)
    titles = {locale: draft.text(f"title_{locale}") for locale in catalog.LOCALES if draft.text(f"title_{locale}")}
    brand = draft.text("brand")
    if not 1 <= len(brand) <= LONGEST_BRAND:
        raise UserError("brand", "Give a brand of at most {most} characters.", field="brand", most=LONGEST_BRAND)
    if not draft.text("category"):
        raise UserError("category", "Choose a category, or name a new one.", field="category")
    handle = handle_from(next(iter(titles.values()), ""))
    variants = _variants(draft.rows, handle)
    image = _keep_picture(parts, data)
    try:
        with parts.db.writing() as tx:
            return catalog.add_product(
                tx,
                merchant_id,
                _free_handle(tx, merchant_id, handle),
                titles=titles,
                descriptions={
                    locale: draft.text(f"description_{locale}")
                    for locale in catalog.LOCALES
                    if draft.text(f"description_{locale}")
                },
                brand=brand,
                category=_category(tx, draft.text("category")[:LONGEST_CATEGORY], locale_of(request)),
                variants=variants,
                image=image,
                published=draft.text("published") == "1",
                now=utcnow(),
            )
    except Exception:
        if image is not None:
            parts.media.delete(image)
        raise


def _variants(rows: Sequence[Row], handle: str) -> list[NewVariant]:
    choices = [row.choice for row in rows]
    if len(rows) > 1 and (not all(choices) or len(set(choices)) != len(choices)):
        raise UserError(
            "choices", "With several variants each one needs its own name, like “Size M” or “Blue”.", field="choice"
        )
    return [
        NewVariant(
            (row.sku or f"{handle}-{number}")[:LONGEST_SKU],
            Money(price_of(row.price), CURRENCY),
            {OPTION: row.choice[:LONGEST_CHOICE]} if row.choice else {},
            _whole(row.stock or "0"),
        )
        for number, row in enumerate(rows, 1)
    ]


def _category(tx: Tx, wish: str, locale: str) -> str:
    """Return the handle of a category that is called so, or name a new one."""
    for each in catalog.LOCALES:
        for handle, name in categories.category_names(tx, each).items():
            if wish.casefold() in (name.casefold(), handle):
                return handle
    handle = handle_from(wish)
    if handle not in categories.category_names(tx, locale):
        categories.name_category(tx, handle, {locale: wish})
    return handle


def _free_handle(tx: Tx, merchant_id: str, wish: str) -> str:
    handle, number = wish, 1
    while catalog.product_by_handle(tx, merchant_id, handle) is not None:
        number += 1
        handle = f"{wish}-{number}"
    return handle


def _keep_picture(parts: Services, data: bytes) -> str | None:
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


def _form(request: Request, draft: Draft, error: UserError | None = None) -> Response:
    with services(request).db.reading() as tx:
        clips.owner(tx, request)
        known = list(categories.category_names(tx, locale_of(request)).values())
    context: dict[str, Any] = {
        "draft": draft,
        "categories": known,
        "error": error,
        "field": "" if error is None else error.extra.get("field", ""),
        "values": {} if error is None else error.extra,
    }
    return render(request, "merchant-product-new.html", status_code=200 if error is None else error.status, **context)


def _draft(form: FormData) -> Draft:
    names = ("title_de", "title_en", "description_de", "description_en", "brand", "category", "published")
    texts = {name: _text(form, name) for name in names}
    columns = [[str(value).strip() for value in form.getlist(name)] for name in ("choice", "price", "stock", "sku")]
    rows = [Row(*cells) for cells in zip(*columns, strict=False)][:MOST_ROWS]
    typed = [row for row in rows if row != Row()]
    return Draft(texts, typed or [Row()])


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def _whole(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise UserError("stock-odd", "Write the stock as a whole number.", field="stock")
    return int(text)


def _own_products(tx: Tx, request: Request, merchant_id: str) -> list[Product]:
    return catalog.list_products(tx, locale_of(request), merchant_id=merchant_id, drafts=True, limit=MOST_PRODUCTS)


def _own_product(tx: Tx, request: Request) -> Product:
    merchant_id = clips.owner(tx, request)
    product = catalog.product(tx, request.path_params["id"], locale_of(request), merchant_id=merchant_id)
    if product.merchant_id != merchant_id:
        raise NotFound("product-unknown", "There is no such product.")
    return product


def _back(product_id: str) -> Response:
    return RedirectResponse(f"/merchant/products?saved={product_id}#p-{product_id}", 303)


routes = [
    Route("/merchant/products", page_for("merchant", list_page)),
    Route("/merchant/products/new", page_for("merchant", new_page)),
    Route("/merchant/products/new", create, methods=["POST"], max_body_size=LARGEST_FORM),
    Route("/merchant/products/{id}/stock", set_stock, methods=["POST"]),
    Route("/merchant/products/{id}/publish", set_published, methods=["POST"]),
]

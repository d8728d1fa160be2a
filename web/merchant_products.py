"""The merchant's products: list, stock, publication, and the form that makes and changes one; works without scripts."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from shop import catalog, editing, merchants, stock
from shop.catalog import Product
from shop.editing import Editable
from storage.clock import utcnow
from storage.database import Tx
from storage.errors import NotFound, UserError
from video_assembly import inserts
from web import product_form
from web.i18n import locale_of
from web.limits import client_of
from web.merchant_access import owner
from web.pages import render
from web.product_form import LARGEST_FORM, MOST_ROWS, Draft
from web.services import services
from web.sessions import page_for

MOST_PRODUCTS = 500


def list_page(request: Request) -> Response:
    """`GET /merchant/products`: everything the merchant sells, with its stock."""
    with services(request).db.reading() as tx:
        merchant_id = owner(tx, request)
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
    return product_form.page(request, Draft())


async def create(request: Request) -> Response:
    """`POST /merchant/products/new`: the product goes on sale, or the form comes back with what is wrong."""
    draft, data = await product_form.read(request)

    def save() -> Response:
        try:
            return _back(_add(request, draft, data))
        except NotFound:
            raise
        except UserError as error:
            return product_form.page(request, draft, error)

    return await run_in_threadpool(save)


def edit_page(request: Request) -> Response:
    """`GET /merchant/products/{id}/edit`: the form with the product as it is."""
    product = _editable(request)
    return product_form.page(request, product_form.draft_of(product, locale_of(request)), product=product)


async def edit(request: Request) -> Response:
    """`POST /merchant/products/{id}/edit`: the product changes, or the form comes back with what is wrong."""
    draft, data = await product_form.read(request)

    def save() -> Response:
        product = _editable(request)
        try:
            _change(request, product, draft, data)
        except NotFound:
            raise
        except UserError as error:
            return product_form.page(request, draft, error, product=product)
        return _back(product.id)

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
                typed, shown = (
                    product_form.text(form, f"stock-{variant.id}"),
                    product_form.text(form, f"shown-{variant.id}"),
                )
                # What was sold while the page was open must not come back by a level nobody changed.
                if typed and typed != shown:
                    stock.count(tx, variant.id, product_form.whole(typed), now)
        return _back(product.id)

    return await run_in_threadpool(save)


async def set_published(request: Request) -> Response:
    """`POST /merchant/products/{id}/publish`: show it to everybody, or to nobody."""
    form = await request.form(max_files=0, max_fields=5)

    def save() -> Response:
        services(request).limiter.take("write", client_of(request))
        with services(request).db.writing() as tx:
            product = _own_product(tx, request)
            catalog.publish(tx, product.id, product.merchant_id, product_form.text(form, "published") == "1")
        return _back(product.id)

    return await run_in_threadpool(save)


def _add(request: Request, draft: Draft, data: bytes) -> str:
    parts = services(request)
    parts.limiter.take("write", client_of(request))
    with parts.db.reading() as tx:
        merchant_id = owner(tx, request)
    product_form.check(draft)
    titles = draft.by_locale("title")
    handle = product_form.handle_from(next(iter(titles.values()), ""))
    held = product_form.variants(draft.rows, handle)
    image = product_form.keep_picture(parts, data)
    try:
        with parts.db.writing() as tx:
            return catalog.add_product(
                tx,
                merchant_id,
                _free_handle(tx, merchant_id, handle),
                titles=titles,
                descriptions=draft.by_locale("description"),
                brand=draft.text("brand"),
                category=product_form.category(tx, draft.text("category"), locale_of(request)),
                variants=[each.variant for each in held],
                image=image,
                published=draft.text("published") == "1",
                now=utcnow(),
            )
    except Exception:
        if image is not None:
            parts.media.delete(image)
        raise


def _change(request: Request, product: Editable, draft: Draft, data: bytes) -> None:
    parts = services(request)
    parts.limiter.take("write", client_of(request))
    product_form.check(draft)
    titles, locale = draft.by_locale("title"), locale_of(request)
    skus = {each.id: each.sku for each in product.variants}
    held = product_form.variants(draft.rows, product_form.handle_from(next(iter(titles.values()), "")), skus)
    image = product_form.keep_picture(parts, data)
    try:
        with parts.db.writing() as tx:
            unused = editing.edit_product(
                tx,
                product.id,
                owner(tx, request),
                titles=titles,
                descriptions=draft.by_locale("description"),
                brand=draft.text("brand"),
                category=product_form.category(tx, draft.text("category"), locale),
                held=held,
                image=image,
                published=draft.text("published") == "1",
                locale=locale,
                now=utcnow(),
            )
            # A new price is drawn before the next viewer comes.
            inserts.prepare(tx, [product.id], utcnow())
    except Exception:
        if image is not None:
            parts.media.delete(image)
        raise
    if unused is not None:
        parts.media.delete(unused)


def _free_handle(tx: Tx, merchant_id: str, wish: str) -> str:
    handle, number = wish, 1
    while catalog.product_by_handle(tx, merchant_id, handle) is not None:
        number += 1
        handle = f"{wish}-{number}"
    return handle


def _own_products(tx: Tx, request: Request, merchant_id: str) -> list[Product]:
    return catalog.list_products(tx, locale_of(request), merchant_id=merchant_id, drafts=True, limit=MOST_PRODUCTS)


def _own_product(tx: Tx, request: Request) -> Product:
    merchant_id = owner(tx, request)
    product = catalog.product(tx, request.path_params["id"], locale_of(request), merchant_id=merchant_id)
    if product.merchant_id != merchant_id:
        raise NotFound("product-unknown", "There is no such product.")
    return product


def _editable(request: Request) -> Editable:
    with services(request).db.reading() as tx:
        return editing.editable(tx, request.path_params["id"], owner(tx, request), locale_of(request))


def _back(product_id: str) -> Response:
    return RedirectResponse(f"/merchant/products?saved={product_id}#p-{product_id}", 303)


routes = [
    Route("/merchant/products", page_for("merchant", list_page)),
    Route("/merchant/products/new", page_for("merchant", new_page)),
    Route("/merchant/products/new", create, methods=["POST"], max_body_size=LARGEST_FORM),
    Route("/merchant/products/{id}/edit", page_for("merchant", edit_page)),
    Route("/merchant/products/{id}/edit", edit, methods=["POST"], max_body_size=LARGEST_FORM),
    Route("/merchant/products/{id}/stock", set_stock, methods=["POST"]),
    Route("/merchant/products/{id}/publish", set_published, methods=["POST"]),
]

"""Products: the list, one product's page, and the same as JSON."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from personalization import consent
from shop import catalog, shows
from shop.carts import SHIPPING
from shop.catalog import Product
from shop.money import Money
from storage.database import Tx
from storage.errors import UserError
from storage.media import Media
from web.i18n import locale_of
from web.pages import render
from web.services import services

PAGE = 24
MOST_LISTED = 100
LONGEST_QUERY = 100
SHOWN_OTHERS = 4


def product_json(product: Product, media: Media) -> dict[str, Any]:
    """Return a product with its variants and their stock in the form of the public interface."""
    return {
        "id": product.id,
        "title": product.title,
        "description": product.description,
        "brand": product.brand,
        "category": product.category,
        "category_name": product.category_name,
        "merchant": product.merchant,
        "image": media.url(product.image) if product.image else None,
        "price": product.price.json(),
        "stock": product.stock,
        "shipping": {
            "flat": Money(SHIPPING.flat, product.price.currency).json(),
            "free_from": Money(SHIPPING.free_from, product.price.currency).json(),
        },
        "variants": [
            {
                "id": variant.id,
                "sku": variant.sku,
                "label": variant.label,
                "options": [
                    {"name": option.name, "value": option.value, "hex": option.hex} for option in variant.options
                ],
                "price": variant.price.json(),
                "stock": variant.stock,
            }
            for variant in product.variants
        ],
    }


def list_json(request: Request) -> Response:
    """`GET /v1/products`: published products, the newest first; `q` searches, `after` and `limit` page."""
    parts = services(request)
    limit = _limit(request)
    with parts.db.reading() as tx:
        found = catalog.list_products(
            tx,
            locale_of(request),
            q=request.query_params.get("q", "")[:LONGEST_QUERY],
            limit=limit + 1,
            after=request.query_params.get("after"),
        )
    more = len(found) > limit
    body = {"items": [product_json(product, parts.media) for product in found[:limit]]}
    body["next"] = found[limit - 1].id if more else None  # type: ignore[assignment]
    return JSONResponse(body)


def one_json(request: Request) -> Response:
    """`GET /v1/products/{id}`: one product with live stock."""
    parts = services(request)
    with parts.db.reading() as tx:
        product = catalog.product(tx, request.path_params["id"], locale_of(request))
    return JSONResponse(product_json(product, parts.media))


def list_page(request: Request) -> Response:
    """`GET /products`: everything on sale, with a search that works without scripts."""
    parts = services(request)
    q = request.query_params.get("q", "").strip()[:LONGEST_QUERY]
    with parts.db.reading() as tx:
        found = catalog.list_products(
            tx, locale_of(request), q=q, limit=PAGE + 1, after=request.query_params.get("after")
        )
        agreed = _agreed(tx, request)
    more = found[PAGE - 1].id if len(found) > PAGE else ""
    return render(
        request, "products.html", products=found[:PAGE], q=q, more=more, image_url=parts.media.url, agreed=agreed
    )


def product_page(request: Request) -> Response:
    """`GET /products/{id}`: one product, to be bought here, and where it is shown live at the moment."""
    parts = services(request)
    locale = locale_of(request)
    with parts.db.reading() as tx:
        product = catalog.product(tx, request.path_params["id"], locale)
        others = [each for each in catalog.list_products(tx, locale, limit=PAGE) if each.id != product.id]
        agreed = _agreed(tx, request)
        live = [show for show in shows.list_shows(tx, states=("live",)) if product.id in show.product_ids]
    # Its own category first; the sort keeps the newest before the older ones.
    others.sort(key=lambda each: each.category != product.category)
    return render(
        request,
        "product.html",
        product=product,
        others=others[:SHOWN_OTHERS],
        live=live[0] if live else None,
        json=product_json(product, parts.media),
        image_url=parts.media.url,
        shipping=SHIPPING,
        agreed=agreed,
    )


def _agreed(tx: Tx, request: Request) -> bool:
    """Tell whether the page may say what is done on it; who is new here was not asked yet."""
    person = request.state.person
    given = consent.current(tx, person.id) if person is not None else consent.Consent()
    return given.personalise or given.measure


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(PAGE))
    if not (text.isdecimal() and 1 <= int(text[:9]) <= MOST_LISTED):
        raise UserError("limit", "Ask for 1 to {most} items.", field="limit", most=MOST_LISTED)
    return int(text)


routes = [
    Route("/v1/products", list_json),
    Route("/v1/products/{id}", one_json),
    Route("/products", list_page),
    Route("/products/{id}", product_page),
]

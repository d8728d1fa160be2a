"""The merchant's library: the page on which clips are uploaded and segments get product, role and tags."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shop import catalog, merchants
from storage.clock import utcnow
from video_assembly import clips as uploaded
from video_assembly import search
from web import clips, coverage, merchant_orders, merchant_products, merchant_templates, segments, tus, uploads
from web.i18n import locale_of
from web.merchant_access import owner
from web.pages import render
from web.services import services
from web.sessions import page_for

MOST_PRODUCTS = 500


def page(request: Request) -> Response:
    """`GET /merchant`: the library; what it shows is embedded, so that nothing flickers."""
    parts = services(request)
    with parts.db.reading() as tx:
        merchant_id = owner(tx, request)
        found = catalog.list_products(tx, locale_of(request), merchant_id=merchant_id, drafts=True, limit=MOST_PRODUCTS)
        first = search.find(tx, merchant_id, segments.filters_of(request), utcnow(), limit=segments.PAGE)
        state = {
            "clips": [clips.clip_json(request, clip, []) for clip in uploaded.list_clips(tx, merchant_id)],
            "found": segments.found_json(request, tx, first),
            "tags": search.tags(tx, merchant_id),
            "coverage": segments.coverage_json(tx, merchant_id),
            "languages": search.languages(tx, merchant_id),
            "products": [
                {
                    "id": product.id,
                    "title": product.title,
                    "image": parts.media.url(product.image) if product.image else None,
                    "published": product.published,
                    "stock": product.stock,
                }
                for product in found
            ],
            "limit": parts.settings.upload_limit,
        }
        name = merchants.merchant_name(tx, merchant_id)
    return render(request, "merchant.html", merchant=name, state=state)


routes = [
    Route("/merchant", page_for("merchant", page)),
    *coverage.routes,
    *merchant_templates.routes,
    *merchant_products.routes,
    *merchant_orders.routes,
    *clips.routes,
    *segments.routes,
    *uploads.routes,
    *tus.routes,
]

"""The merchant's orders: what this shop has to send, and where to."""

from babel import Locale
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shop import merchants, orders
from web.i18n import locale_of
from web.merchant_access import owner
from web.pages import render
from web.services import services
from web.sessions import page_for

PAGE = 20


def page(request: Request) -> Response:
    """`GET /merchant/orders`: the newest first, `?after` an order the older ones; lines of other shops stay out."""
    after = request.query_params.get("after") or None
    with services(request).db.reading() as tx:
        merchant_id = owner(tx, request)
        found = orders.orders_of_merchant(tx, merchant_id, limit=PAGE + 1, after=after)
        name = merchants.merchant_name(tx, merchant_id)
    shown = found[:PAGE]
    return render(
        request,
        "merchant-orders.html",
        merchant=name,
        orders=shown,
        after=after,
        older=shown[-1].id if len(found) > PAGE else None,
        countries=Locale.parse(locale_of(request)).territories,
    )


routes = [Route("/merchant/orders", page_for("merchant", page))]

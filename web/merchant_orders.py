"""The merchant's orders: what this shop has to send, where to, and what it has sent."""

from collections.abc import Sequence

from babel import Locale
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from shop import catalog, merchants, sending
from shop.sending import MerchantOrder
from storage.clock import utcnow
from storage.database import Tx
from web.i18n import locale_of
from web.limits import client_of
from web.merchant_access import owner
from web.pages import render
from web.services import services
from web.sessions import page_for

PAGE = 20
STATES = {"open": False, "sent": True, "all": None}


def page(request: Request) -> Response:
    """`GET /merchant/orders`: the newest first, `?after` an order the older ones; lines of other shops stay out."""
    after, locale = request.query_params.get("after") or None, locale_of(request)
    state = _state(request.query_params.get("state", ""))
    with services(request).db.reading() as tx:
        merchant_id = owner(tx, request)
        found = sending.orders_of_merchant(tx, merchant_id, limit=PAGE + 1, after=after, sent=STATES[state])
        shown = found[:PAGE]
        done = request.query_params.get("marked")
        marked = sending.orders_of_merchant(tx, merchant_id, among=(done,)) if done else []
        held = bool(found) or bool(sending.orders_of_merchant(tx, merchant_id, limit=1))
        words = _words(tx, shown, locale)
        name = merchants.merchant_name(tx, merchant_id)
    return render(
        request,
        "merchant-orders.html",
        merchant=name,
        orders=shown,
        any=held,
        words=words,
        state=state,
        marked=marked[0] if marked else None,
        after=after,
        older=shown[-1].id if len(found) > PAGE else None,
        countries=Locale.parse(locale).territories,
    )


async def set_sent(request: Request) -> Response:
    """`POST /merchant/orders/{id}/sent`: note that it was sent, or with `sent` 0 that it was not."""
    async with request.form(max_files=0, max_fields=3) as form:
        sent, state = form.get("sent") == "1", _state(str(form.get("state", "")))
    order_id = request.path_params["id"]

    def put() -> Response:
        parts = services(request)
        with parts.db.writing() as tx:
            merchant_id = owner(tx, request)
            parts.limiter.take("write", client_of(request))
            sending.mark(tx, merchant_id, order_id, utcnow() if sent else None)
        return RedirectResponse(f"/merchant/orders?state={state}&marked={order_id}", 303)

    return await run_in_threadpool(put)


def _state(wish: str) -> str:
    return wish if wish in STATES else "open"


def _words(tx: Tx, shown: Sequence[MerchantOrder], locale: str) -> dict[str, tuple[str, str]]:
    """Return title and options of each ordered variant as the reader's language has them, by variant id."""
    lines = [line for order in shown for line in order.lines]
    products = catalog.by_id(tx, (line.product_id for line in lines), locale)
    found = {}
    for line in lines:
        product = products.get(line.product_id)
        labels = {each.id: each.label for each in product.variants} if product else {}
        found[line.variant_id] = (
            product.title if product else line.title,
            labels.get(line.variant_id, line.options),
        )
    return found


routes = [
    Route("/merchant/orders", page_for("merchant", page)),
    Route("/merchant/orders/{id}/sent", set_sent, methods=["POST"]),
]

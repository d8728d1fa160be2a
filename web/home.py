"""The first page, and the pages that the law asks for."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shop import catalog, shows
from web.i18n import locale_of
from web.pages import render
from web.services import services

SHOWN_PRODUCTS = 8
SHOWN_ROOMS = 6


def home(request: Request) -> Response:
    """`GET /`: what is live, the way into the feed, and some products."""
    parts = services(request)
    with parts.db.reading() as tx:
        products = catalog.list_products(tx, locale_of(request), limit=SHOWN_PRODUCTS)
        rooms = shows.list_shows(tx, states=("live", "reconnecting", "lobby", "scheduled"))[:SHOWN_ROOMS]
    return render(request, "home.html", products=products, rooms=rooms, image_url=parts.media.url)


def impressum(request: Request) -> Response:
    """`GET /impressum`: who runs this installation (§ 5 DDG)."""
    return render(request, "impressum.html", operator=services(request).settings.operator_name)


def datenschutz(request: Request) -> Response:
    """`GET /datenschutz`: what is kept of whom, why and how long."""
    return render(request, "datenschutz.html", operator=services(request).settings.operator_name)


routes = [Route("/", home), Route("/impressum", impressum), Route("/datenschutz", datenschutz)]

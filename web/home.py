"""The first page, and the pages that the law asks for."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from personalization import state
from shop import catalog, shows
from shop.carts import CURRENCY, SHIPPING
from shop.shows import Show
from storage.accounts import Person
from storage.clock import utcnow
from storage.database import Tx
from storage.media import Media
from web import demo, ranked
from web.i18n import locale_of
from web.pages import render
from web.services import services

SHOWN_PRODUCTS = 8
SHOWN_ROOMS = 3
SHOWN_PICTURES = 3
# What can be watched now comes first.
STATES = ("live", "reconnecting", "lobby", "scheduled")


def home(request: Request) -> Response:
    """`GET /`: what is live, the way into the feed, and some products; for who has a profile, in its order."""
    parts = services(request)
    person: Person | None = request.state.person
    locale, now = locale_of(request), utcnow()
    with parts.db.reading() as tx:
        current = state.current(tx, person.id, now) if person else None
        chosen = ranked.products(tx, current, SHOWN_PRODUCTS, now, locale) if current else []
        products = chosen or catalog.list_products(tx, locale, limit=SHOWN_PRODUCTS)
        found = shows.list_shows(tx, states=STATES)
        blocks = ["rooms", "products"]
        if current and chosen:
            found = ranked.rooms(tx, current, found, now)
            if not any(show.state in STATES[:2] for show in found):
                # What is live now cannot wait; else whatever fits better comes first.
                shown = {
                    "rooms": [each for show in found for each in show.product_ids],
                    "products": [each.id for each in products],
                }
                blocks = ranked.blocks(tx, current, shown, now)
        found = sorted(found, key=lambda show: STATES.index(show.state))[:SHOWN_ROOMS]
        rooms = [{"show": show, "images": pictures_of(tx, show, locale, parts.media)} for show in found]
    return render(
        request,
        "home.html",
        products=products,
        chosen=bool(chosen),
        rooms=rooms,
        blocks=blocks,
        image_url=parts.media.url,
    )


def pictures_of(tx: Tx, show: Show, locale: str, media: Media) -> list[str]:
    """Return the addresses of the pictures of a show's first products."""
    products: Any = catalog.by_id(tx, show.product_ids[:SHOWN_PICTURES], locale).values()
    return [media.url(product.image) for product in products if product.image]


def impressum(request: Request) -> Response:
    """`GET /impressum`: who runs this installation (§ 5 DDG)."""
    return render(request, "impressum.html", operator=_operator(request), shipping=SHIPPING, currency=CURRENCY)


def datenschutz(request: Request) -> Response:
    """`GET /datenschutz`: what is kept of whom, why and how long."""
    return render(request, "datenschutz.html", operator=_operator(request))


def _operator(request: Request) -> str:
    settings = services(request).settings
    return settings.operator_name or (demo.catalogue()["operator"] if settings.demo else "")


routes = [Route("/", home), Route("/impressum", impressum), Route("/datenschutz", datenschutz)]

"""Cart and orders: the same functions behind the pages and behind `/v1`."""

import hashlib
import json
from dataclasses import asdict
from typing import Any

from babel import Locale
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from personalization import events
from shop import carts, catalog, orders
from shop.carts import Cart
from shop.contacts import Contact
from shop.money import Money
from shop.orders import Order
from storage.accounts import Person
from storage.clock import utcnow
from storage.database import Tx
from storage.errors import UserError
from storage.ids import new_id
from storage.media import Media
from video_assembly import recipes
from web.bodies import read_json
from web.i18n import locale_of
from web.limits import client_of
from web.pages import render
from web.services import Services, services
from web.sessions import viewer


class Item(BaseModel):
    """Some pieces of a variant."""

    model_config = ConfigDict(extra="forbid")
    variant_id: str = Field(max_length=36)
    quantity: int = Field(1, ge=1, le=carts.MOST_PIECES)


class Address(BaseModel):
    """Where an order goes; what is missing is named field by field by the shop."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field("", max_length=200)
    email: str = Field("", max_length=300)
    street: str = Field("", max_length=300)
    postcode: str = Field("", max_length=50)
    city: str = Field("", max_length=200)
    country: str = Field("DE", max_length=2)


class Price(BaseModel):
    """A sum of money in minor units."""

    amount: int
    currency: str = Field(max_length=3)


class NewOrder(BaseModel):
    """What is ordered: the lines, or the cart when there are none; and the total that the person saw."""

    model_config = ConfigDict(extra="forbid")
    items: list[Item] | None = Field(None, max_length=carts.MOST_LINES)
    contact: Address
    total: Price | None = None
    source: str | None = Field(None, max_length=60)


def cart_json(cart: Cart, media: Media) -> dict[str, Any]:
    """Return a cart in the form of the public interface."""
    return {
        "count": cart.pieces,
        "items": [
            {
                "variant_id": line.variant.id,
                "product_id": line.product.id,
                "title": line.product.title,
                "label": line.variant.label,
                "merchant": line.product.merchant,
                "image": media.url(line.product.image) if line.product.image else None,
                "quantity": line.quantity,
                "price": line.variant.price.json(),
                "total": line.total.json(),
                "stock": line.variant.stock,
            }
            for line in cart.lines
        ],
        "goods": cart.goods.json(),
        "shipping": cart.shipping.json(),
        "total": cart.total.json(),
    }


def order_json(order: Order) -> dict[str, Any]:
    """Return an order in the form of the public interface."""
    return {
        "id": order.id,
        "number": order.number,
        "placed_at": order.placed_at.isoformat().replace("+00:00", "Z"),
        "groups": [
            {
                "merchant": group.merchant,
                "items": [
                    {
                        "product_id": line.product_id,
                        "variant_id": line.variant_id,
                        "title": line.title,
                        "label": line.options,
                        "price": line.price.json(),
                        "quantity": line.quantity,
                    }
                    for line in group.lines
                ],
            }
            for group in order.groups
        ],
        "goods": order.goods.json(),
        "shipping": order.shipping.json(),
        "total": order.total.json(),
        "replayed": order.replayed,
    }


def get_cart(request: Request) -> Response:
    """`GET /v1/cart/items`: the cart; who is new here has an empty one and gets no session for it."""
    if request.state.person is None and "authorization" not in request.headers:
        nothing = carts.add_up([], carts.SHIPPING)
        return JSONResponse(cart_json(nothing, services(request).media))
    person = viewer(request)
    return _cart_response(services(request), person.id, locale_of(request))


async def add_item(request: Request) -> Response:
    """`POST /v1/cart/items`: put pieces of a variant beside those already there."""
    parts = services(request)
    item = await read_json(request, Item)

    def add() -> Response:
        person = viewer(request)
        parts.limiter.take("write", person.id)
        with parts.db.writing() as tx:
            carts.add(tx, person.id, item.variant_id, item.quantity, utcnow())
        return _cart_response(parts, person.id, locale_of(request), status=201)

    return await run_in_threadpool(add)


async def set_item(request: Request) -> Response:
    """`PUT /v1/cart/items/{variant}`: set how many pieces are wanted."""
    parts = services(request)
    item = await read_json(request, Item)

    def change() -> Response:
        person = viewer(request)
        with parts.db.writing() as tx:
            carts.set_quantity(tx, person.id, request.path_params["variant"], item.quantity)
        return _cart_response(parts, person.id, locale_of(request))

    return await run_in_threadpool(change)


def remove_item(request: Request) -> Response:
    """`DELETE /v1/cart/items/{variant}`: take a line out; one that is not there is fine."""
    parts = services(request)
    person = viewer(request)
    with parts.db.writing() as tx:
        product_id = carts.product_in(tx, person.id, request.path_params["variant"])
        carts.remove(tx, person.id, request.path_params["variant"])
        if product_id is not None:
            _tell_removed(tx, person, product_id)
    return _cart_response(parts, person.id, locale_of(request))


async def post_order(request: Request) -> Response:
    """`POST /v1/orders`: order once for each `Idempotency-Key`, all or nothing; 201, or 200 when it was there."""
    parts = services(request)
    key = request.headers.get("idempotency-key", "")
    if not key:
        raise UserError("idempotency-key-missing", "Send an Idempotency-Key header with each order.", status=400)
    wish = await read_json(request, NewOrder)

    def place() -> Response:
        person = viewer(request)
        parts.limiter.take("order", client_of(request))
        lines: dict[str, int] = {}
        for item in wish.items or []:
            lines[item.variant_id] = lines.get(item.variant_id, 0) + item.quantity
        with parts.db.writing() as tx:
            order = orders.place(
                tx,
                person.id,
                key,
                hashlib.sha256(json.dumps(wish.model_dump(), sort_keys=True).encode()).hexdigest(),
                Contact(**wish.contact.model_dump()),
                utcnow(),
                lines=lines if wish.items is not None else None,
                locale=locale_of(request),
                expected_total=Money(wish.total.amount, wish.total.currency) if wish.total else None,
                source=wish.source,
            )
            if not order.replayed:
                _tell_bought(tx, person, order)
        return JSONResponse(
            order_json(order), 200 if order.replayed else 201, headers={"Location": f"/v1/orders/{order.id}"}
        )

    return await run_in_threadpool(place)


def _tell_removed(tx: Tx, person: Person, product_id: str) -> None:
    """Let the feed know what was taken out of the cart, under the rules of consent."""
    message = {"messageId": new_id(), "event": "Product Removed", "properties": {"product_id": product_id}}
    events.ingest(tx, person.id, events.check([message]), utcnow(), recipes.subjects)


def _tell_bought(tx: Tx, person: Person, order: Order) -> None:
    """Let the feed know what was bought, under the rules of consent; a browser may be gone before it could say so."""
    bought = dict.fromkeys(line.product_id for group in order.groups for line in group.lines)
    message = {
        "messageId": f"order:{order.id}",
        "event": "Order Completed",
        "properties": {"order_id": order.id, "products": [{"product_id": each} for each in bought]},
    }
    events.ingest(tx, person.id, events.check([message]), utcnow(), recipes.subjects)


def get_order(request: Request) -> Response:
    """`GET /v1/orders/{id}`: one's own order."""
    person = viewer(request)
    with services(request).db.reading() as tx:
        return JSONResponse(order_json(orders.order(tx, person.id, request.path_params["id"])))


def list_orders(request: Request) -> Response:
    """`GET /v1/orders`: one's own orders, the newest first."""
    person = viewer(request)
    with services(request).db.reading() as tx:
        found = orders.list_orders(tx, person.id)
    return JSONResponse({"items": [order_json(order) for order in found]})


def get_contact(request: Request) -> Response:
    """`GET /v1/me/contact`: where one's last order went, so that nobody writes an address twice."""
    person = viewer(request)
    with services(request).db.reading() as tx:
        return JSONResponse(asdict(_last_contact(tx, person)))


def cart_page(request: Request) -> Response:
    """`GET /cart`: what one means to buy, and the form that orders it."""
    parts = services(request)
    person = viewer(request)
    with parts.db.reading() as tx:
        cart = carts.cart(tx, person.id, locale_of(request))
        contact = _last_contact(tx, person)
    return render(
        request,
        "cart.html",
        cart=cart,
        json=cart_json(cart, parts.media),
        contact=asdict(contact),
        image_url=parts.media.url,
    )


def order_page(request: Request) -> Response:
    """`GET /orders/{id}`: what was ordered, to keep."""
    parts = services(request)
    person = viewer(request)
    locale = locale_of(request)
    with parts.db.reading() as tx:
        order = orders.order(tx, person.id, request.path_params["id"])
        products = catalog.by_id(tx, [line.product_id for group in order.groups for line in group.lines], locale)
    return render(
        request,
        "order.html",
        order=order,
        pictures={each.id: parts.media.url(each.image) for each in products.values() if each.image},
        country=Locale.parse(locale).territories.get(order.contact.country, order.contact.country),
        fresh="placed" in request.query_params,
    )


def _last_contact(tx: Tx, person: Person) -> Contact:
    last = orders.list_orders(tx, person.id, limit=1)
    return last[0].contact if last else Contact(person.name, person.email or "", "", "", "")


def _cart_response(parts: Services, person_id: str, locale: str, status: int = 200) -> Response:
    with parts.db.reading() as tx:
        cart = carts.cart(tx, person_id, locale)
    return JSONResponse(cart_json(cart, parts.media), status)


routes = [
    Route("/v1/cart/items", get_cart),
    Route("/v1/cart/items", add_item, methods=["POST"]),
    Route("/v1/cart/items/{variant}", set_item, methods=["PUT"]),
    Route("/v1/cart/items/{variant}", remove_item, methods=["DELETE"]),
    Route("/v1/orders", list_orders),
    Route("/v1/orders", post_order, methods=["POST"]),
    Route("/v1/orders/{id}", get_order),
    Route("/v1/me/contact", get_contact),
    Route("/cart", cart_page),
    Route("/orders/{id}", order_page),
]

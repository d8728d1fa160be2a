"""Advertising: merchants have products of theirs come up more often for some days; operators see and stop all."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from personalization.scoring import BOOST
from shop import boosts, catalog, merchants
from shop.boosts import LONGEST_DAYS, MOST_RUNNING, Boost
from storage.accounts import Person
from storage.clock import utcnow
from storage.database import Tx
from storage.errors import UserError
from web.bodies import checked, read_json
from web.i18n import locale_of, translate
from web.merchant_access import shop_of
from web.pages import render
from web.services import services
from web.sessions import member, page_for

MOST_PRODUCTS = 500
STRENGTHS = {0.25: "Gentle", 0.5: "Medium", 1.0: "Strong"}
DAYS = (1, 3, 7, 14, LONGEST_DAYS)


class Wish(BaseModel):
    """A product that is to come up more often: by how much of the most there may be, and for how long."""

    model_config = ConfigDict(extra="forbid")
    product_id: str = Field(min_length=1, max_length=36)
    strength: float = Field(gt=0, le=1, allow_inf_nan=False)
    days: int = Field(ge=1, le=LONGEST_DAYS)


def get_list(request: Request) -> Response:
    """`GET /v1/promotions`: one's own advertisements, for operators all, the newest first."""
    now = utcnow()
    with services(request).db.reading() as tx:
        found = boosts.everything(tx, _whose(tx, member(request, "merchant", "operate")))
    return JSONResponse({"promotions": [_json(each, now) for each in found]})


async def post_new(request: Request) -> Response:
    """`POST /v1/promotions`: advertise a product of one's own; operators any."""
    wish = await read_json(request, Wish)

    def put() -> dict[str, Any]:
        person, now = member(request, "merchant", "operate"), utcnow()
        services(request).limiter.take("write", person.id)
        with services(request).db.writing() as tx:
            whose = _whose(tx, person)
            boost_id = boosts.add(tx, wish.product_id, wish.strength, wish.days, now, whose)
            return next(_json(each, now) for each in boosts.everything(tx, whose) if each.id == boost_id)

    return JSONResponse(await run_in_threadpool(put), 201)


def delete(request: Request) -> Response:
    """`DELETE /v1/promotions/{id}`: stop it; feeds leave it out at once."""
    person = member(request, "merchant", "operate")
    with services(request).db.writing() as tx:
        boosts.stop(tx, request.path_params["id"], utcnow(), _whose(tx, person))
    return Response(status_code=204)


def page(request: Request) -> Response:
    """`GET /merchant/promotions`: what is advertised and was, and a form for more."""
    person, locale, now = member(request, "merchant"), locale_of(request), utcnow()
    with services(request).db.reading() as tx:
        whose = _whose(tx, person)
        found = boosts.everything(tx, whose)
        products = catalog.by_id(tx, {each.product_id for each in found}, locale)
        choice = catalog.list_products(tx, locale, merchant_id=whose, limit=MOST_PRODUCTS)
        name = merchants.merchant_name(tx, whose) if whose else translate(locale, "All shops")
    return render(
        request,
        "merchant-promotions.html",
        merchant=name,
        boosts=[(each, products.get(each.product_id), each.ends_at > now) for each in found],
        products=choice,
        strengths=STRENGTHS,
        days=DAYS,
        most=MOST_RUNNING,
    )


async def post_form(request: Request) -> Response:
    """`POST /merchant/promotions`: one button of the page."""
    async with request.form(max_files=0, max_fields=6) as form:
        said = {name: str(form[name]) for name in form}

    def put() -> Response:
        person, now = member(request, "merchant"), utcnow()
        services(request).limiter.take("write", person.id)
        with services(request).db.writing() as tx:
            whose = _whose(tx, person)
            if said.get("act") == "stop":
                boosts.stop(tx, said.get("id", ""), now, whose)
            elif said.get("act") == "new":
                wish = checked(Wish, {name: said.get(name) for name in ("product_id", "strength", "days")})
                boosts.add(tx, wish.product_id, wish.strength, wish.days, now, whose)
            else:
                raise UserError(
                    "action-unknown", "This button is from another version of the page. Open the page again."
                )
        return RedirectResponse("/merchant/promotions", 303)

    return await run_in_threadpool(put)


def _whose(tx: Tx, person: Person) -> str | None:
    """Return the merchant for whom a person acts, None for an operator who acts for all."""
    if person.may("operator", "operate") and merchants.merchant_of(tx, person.id) is None:
        return None
    return shop_of(tx, person)


def _json(each: Boost, now: datetime) -> dict[str, Any]:
    return {
        "id": each.id,
        "product_id": each.product_id,
        "strength": each.strength,
        "most_added": BOOST * each.strength,
        "begins_at": each.begins_at.isoformat(),
        "ends_at": each.ends_at.isoformat(),
        "running": each.ends_at > now,
    }


routes = [
    Route("/merchant/promotions", page_for("merchant", page)),
    Route("/merchant/promotions", post_form, methods=["POST"]),
    Route("/v1/promotions", get_list),
    Route("/v1/promotions", post_new, methods=["POST"]),
    Route("/v1/promotions/{id}", delete, methods=["DELETE"]),
]

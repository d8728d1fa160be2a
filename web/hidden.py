"""The account page's list of what is hidden from the feed, and its buttons."""

from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from personalization import memory
from personalization.hidden import hidden, show_again
from shop import catalog, categories, merchants
from storage import accounts
from storage.clock import utcnow
from storage.database import Tx
from storage.errors import NotFound
from storage.ids import new_id
from web.services import services
from web.sessions import viewer


@dataclass(frozen=True)
class Hidden:
    """Something that does not come again: its kind and value as the profile has them, its name in words."""

    kind: str
    value: str
    name: str


def hidden_from(tx: Tx, person_id: str, locale: str) -> list[Hidden]:
    """Return what a person hid, by name; what is gone from the shop is left out."""
    keys = hidden(memory.load(tx, person_id)[0])
    products = catalog.by_id(tx, {value for kind, value in keys if kind == "product"}, locale)
    names = categories.category_names(tx, locale)
    found = []
    for kind, value in keys:
        if kind == "product":
            name = products[value].title if value in products else ""
        elif kind == "merchant":
            try:
                name = merchants.merchant_name(tx, value)
            except NotFound:
                name = ""
        elif kind == "host":
            name = accounts.name_of(tx, value)
        else:
            name = names.get(value, value) if kind == "category" else value
        if name:
            found.append(Hidden(kind, value, name))
    return found


async def show(request: Request) -> Response:
    """`POST /account/hidden`: let one of them come again; what is not hidden stays as it is."""
    parts = services(request)
    form = await request.form(max_files=0, max_fields=4)
    key = (str(form.get("kind", "")), str(form.get("value", "")))

    def put() -> None:
        person = viewer(request)
        parts.limiter.take("write", person.id)
        with parts.db.writing() as tx:
            show_again(tx, person.id, key, new_id(), utcnow())

    await run_in_threadpool(put)
    return RedirectResponse("/account#privacy", 303)


routes = [Route("/account/hidden", show, methods=["POST"])]

"""Who acts for a merchant, and how much of a list is asked for: every address of the library asks here first."""

from starlette.requests import Request

from shop import merchants
from storage.accounts import Person
from storage.database import Tx
from storage.errors import Forbidden, UserError
from web.sessions import member

SCOPE = "clips:write"


def owner(tx: Tx, request: Request) -> str:
    """Return the merchant for whom the caller acts; raises Unauthorized, or Forbidden for somebody without a shop."""
    return shop_of(tx, member(request, "merchant", SCOPE))


def shop_of(tx: Tx, person: Person) -> str:
    """Return the merchant for whom a person acts; raises Forbidden for somebody without a shop."""
    merchant_id = merchants.merchant_of(tx, person.id)
    if merchant_id is None:
        raise Forbidden("no-shop", "Your account does not belong to a shop. Ask the operator for an invitation.")
    return merchant_id


def limit_of(request: Request, usual: int, most: int) -> int:
    """Return how many items are asked for by `limit`; raises UserError for more than there may be."""
    text = request.query_params.get("limit", str(usual))
    if not (text.isdecimal() and text.isascii() and 1 <= int(text[:9]) <= most):
        raise UserError("limit", "Ask for 1 to {most} items.", field="limit", most=most)
    return int(text)

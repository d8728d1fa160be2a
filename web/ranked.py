"""Products, rooms and blocks of a page in the order of the scorer that makes the feed, for a viewer who wants it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from personalization import assortment, ranking
from personalization import rooms as room_order
from personalization.state import State
from shop import catalog
from shop.catalog import Product
from shop.shows import Show
from storage.database import Tx


def rooms(tx: Tx, current: State, found: Sequence[Show], now: datetime) -> list[Show]:
    """Return rooms by what they show to this viewer: what is pinned, else all their products."""
    shown = {room.id: [room.pinned] if room.pinned else list(room.product_ids) for room in found}
    by_id = {room.id: room for room in found}
    return [by_id[each] for each in blocks(tx, current, shown, now)]


def products(tx: Tx, current: State, count: int, now: datetime, locale: str) -> list[Product]:
    """Return the products that fit a viewer best, none twice; nothing where nothing is known or wanted to be.

    Without surprises: nobody scrolls here, and what is seen is not logged.
    """
    if not (current.profiled and current.profile.tastes):
        return []
    columns = assortment.current(tx, now).columns("all", lambda each: True)
    places = range(1, 2 * count + 1)
    chosen = ranking.rank(current.profile, columns, places, now, current.seed, exploration=0.0)
    ids = list(dict.fromkeys(each.product_id for each in chosen))[:count]
    # Somebody may have taken one off sale since it was read.
    return [each for each in catalog.by_id(tx, ids, locale).values() if each.published]


def blocks(tx: Tx, current: State, shown: Mapping[str, Sequence[str]], now: datetime) -> list[str]:
    """Return the names of a page's blocks by the best of the products that each shows."""
    columns = assortment.current(tx, now).columns("all", lambda each: True)
    return room_order.order(current.profile, columns, shown, now)

"""What a countdown says: which show is next about a product, and in how many days.

Text in pictures knows no viewer's time zone and stays as it is for hours, so it counts rounded days, not clocks.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from shop.catalog import Product
from shop.shows import show_products, shows
from storage.accounts import people
from storage.database import Tx
from video_assembly.overlay import Content

COUNTDOWN = "countdown"
# A show that is further away is nothing to count down to.
AHEAD = timedelta(days=7)
DAY = timedelta(days=1)

# Written into pictures, so that no catalogue of the pages can change them later.
WORDS = {
    "de": {
        "kicker": "Live-Show",
        "soon": "in Kürze",
        "day": "in 1 Tag",
        "days": "in {days} Tagen",
        "note": "{host} zeigt: {product}",
    },
    "en": {
        "kicker": "Live show",
        "soon": "very soon",
        "day": "in 1 day",
        "days": "in {days} days",
        "note": "{host} shows: {product}",
    },
}


@dataclass(frozen=True)
class Coming:
    """The next show about a product."""

    title: str
    host: str
    starts: datetime


def coming(tx: Tx, product_ids: Collection[str], now: datetime) -> dict[str, Coming]:
    """Return the next planned show of each product that has one within a week."""
    query = (
        select(show_products.c.product_id, shows.c.title, people.c.name, shows.c.scheduled_for)
        .join_from(shows, show_products, show_products.c.show_id == shows.c.id)
        .join(people, people.c.id == shows.c.host_id)
        .where(show_products.c.product_id.in_(product_ids), shows.c.state.in_(("scheduled", "lobby")))
        .where(shows.c.scheduled_for > now, shows.c.scheduled_for <= now + AHEAD)
        # The last one for a product is the one that is kept: the first to come.
        .order_by(shows.c.scheduled_for.desc(), shows.c.id.desc())
    )
    return {row.product_id: Coming(row.title, row.name, row.scheduled_for) for row in tx.all(query)}


def contents(
    products: Mapping[str, Product], shown: Mapping[str, Coming], locale: str, now: datetime
) -> dict[str, Content]:
    """Return what the countdown of each of the products says now, by product; those without a show are left out."""
    found = {}
    for product_id, show in shown.items():
        product = products.get(product_id)
        if product is None or not product.published:
            continue
        words, days = WORDS[locale], round((show.starts - now) / DAY)
        value = words["soon"] if days < 1 else words["day"] if days == 1 else words["days"].format(days=days)
        note = words["note"].format(host=show.host, product=product.title)
        found[product_id] = Content(COUNTDOWN, locale, words["kicker"], show.title, value, note, product.image)
    return found

"""A small shop: two merchants, three products, one host, one viewer and one guest."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from shop import catalog, categories, merchants
from shop.contacts import Contact
from shop.money import Money
from storage import accounts
from storage.database import Database, Tx

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Shop:
    """Ids of what the fixture wrote; `add` writes one more product with one variant per given stock."""

    db: Database
    now: datetime
    contact: Contact
    viewer: str
    guest: str
    host: str
    herd: str
    wetter: str
    filter: str
    kettle: str
    jacket: str
    add: Callable[..., str]

    def variants(self, product_id: str) -> list[str]:
        """The ids of a product's variants in their order."""
        with self.db.reading() as tx:
            return [variant.id for variant in catalog.by_id(tx, [product_id], "de")[product_id].variants]


def add_product(
    tx: Tx,
    merchant_id: str,
    handle: str,
    stocks: list[int],
    *,
    price: int = 2490,
    currency: str = "EUR",
    **more: object,
) -> str:
    """Write a product whose variants have these stocks."""
    given: dict[str, object] = {
        "titles": {"de": f"{handle} de", "en": f"{handle} en"},
        "descriptions": {"de": "Gut."},
        "brand": "Norrbruk",
        "category": "kitchen",
        "now": NOW,
    }
    return catalog.add_product(
        tx,
        merchant_id,
        handle,
        variants=[
            catalog.NewVariant(
                f"{handle}-{place}",
                Money(price + 100 * place, currency),
                {"size": f"{place} l", "colour": {"de": "Kreide", "en": "Chalk", "hex": "#EFE7DA"}},
                left,
            )
            for place, left in enumerate(stocks)
        ],
        **(given | more),  # type: ignore[arg-type]
    )


@pytest.fixture
def shop(db: Database) -> Shop:
    with db.writing() as tx:
        categories.name_category(tx, "kitchen", {"de": "Küche", "en": "Kitchen"})
        herd = merchants.add_merchant(tx, "stube-und-herd", "Stube & Herd")
        wetter = merchants.add_merchant(tx, "wetterseite", "Wetterseite")
        return Shop(
            db=db,
            now=NOW,
            contact=Contact("Mia Muster", "mia@example.org", "Hauptstraße 1", "10115", "Berlin"),
            viewer=accounts.sign_up(tx, "mia@example.org", "Mia", "-", "de", NOW),
            guest=accounts.add_guest(tx, "de", NOW),
            host=accounts.sign_up(tx, "lena@example.org", "Lena", "-", "de", NOW, role="host"),
            herd=herd,
            wetter=wetter,
            filter=add_product(tx, herd, "filter", [5, 3]),
            kettle=add_product(tx, herd, "kettle", [2], price=4290, titles={"de": "Teekanne Größe"}),
            jacket=add_product(tx, wetter, "jacket", [4], price=11900, category="outdoor", brand="Regenwerk"),
            add=add_product,
        )

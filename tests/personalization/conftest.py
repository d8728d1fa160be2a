"""A shop of three products and a viewer who agreed to everything."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from personalization import consent, events
from personalization.events import Counts
from shop import catalog, merchants, orders
from shop.catalog import NewVariant
from shop.contacts import Contact
from shop.money import Money
from storage import accounts
from storage.database import Database

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CONTACT = Contact("Ada Muster", "ada@example.org", "Weg 1", "10115", "Berlin", "DE")


@dataclass(frozen=True)
class Scene:
    """Ids of what was written, and the front door for events."""

    db: Database
    viewer: str
    merchant: str
    lamp: str
    blanket: str
    jacket: str

    def ingest(self, *messages: Any, viewer: str | None = None, now: datetime = NOW) -> Counts:
        """Send one batch; the video `v-lamp` and the segment `s-jacket` are known."""
        about = {"v-lamp": self.lamp, "s-jacket": self.jacket, "s-category": None}
        with self.db.writing() as tx:
            return events.ingest(
                tx,
                viewer or self.viewer,
                events.check(messages),
                now,
                lambda tx, videos, segments: {each: about[each] for each in {*videos, *segments} if each in about},
            )

    def consent(self, personalise: bool, measure: bool, viewer: str | None = None, now: datetime = NOW) -> None:
        """Answer the question."""
        with self.db.writing() as tx:
            consent.put(
                tx,
                viewer or self.viewer,
                personalise=personalise,
                measure=measure,
                text_version="1",
                source="test",
                now=now,
            )

    def order(self, *product_ids: str) -> str:
        """The viewer buys one of each; returns the order's id."""
        with self.db.writing() as tx:
            found = catalog.by_id(tx, product_ids, "de")
            lines = {found[each].variants[0].id: 1 for each in product_ids}
            return orders.place(tx, self.viewer, "key", "digest", CONTACT, NOW, lines=lines).id

    def add_viewer(self) -> str:
        """A guest who was not asked yet."""
        with self.db.writing() as tx:
            return accounts.add_guest(tx, "de", NOW)


@pytest.fixture
def scene(db: Database) -> Scene:
    with db.writing() as tx:
        merchant = merchants.add_merchant(tx, "herd", "Herd")
        ids = [
            catalog.add_product(
                tx,
                merchant,
                handle,
                titles={"de": handle},
                descriptions={"de": "Gut."},
                brand=brand,
                category=category,
                variants=[NewVariant(handle, Money(100, "EUR"), {}, 5)],
                now=NOW,
            )
            for handle, brand, category in (
                ("lamp", "Lichtfuge", "living"),
                ("blanket", "Norrbruk", "living"),
                ("jacket", "Regnweg", "outdoor"),
            )
        ]
        viewer = accounts.add_guest(tx, "de", NOW)
    made = Scene(db, viewer, merchant, *ids)
    made.consent(True, True)
    return made

"""A shop with segments for the tests of videos: the six products of the demo, each in all five roles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from personalization import consent, events
from personalization.events import Counts
from shop import catalog, merchants, stock
from shop.catalog import NewVariant
from shop.money import Money
from storage import accounts
from storage.database import Database, Tx
from storage.ids import new_id
from video_assembly import clips, library, videos
from video_assembly.library import NewSegment
from video_assembly.templates import ORDER
from video_assembly.videos import FeedPage

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PRODUCTS = {
    "filter": ("herd", "Norrbruk", "kitchen", 63),
    "teapot": ("herd", "Isental", "kitchen", 3),
    "lamp": ("herd", "Lichtfuge", "living", 39),
    "blanket": ("herd", "Norrbruk", "living", 33),
    "rucksack": ("wetter", "Tarnholm", "outdoor", 45),
    "jacket": ("wetter", "Regnweg", "outdoor", 37),
}


@dataclass
class Shopfront:
    """Ids of what was written, and what tests do with it."""

    db: Database
    merchants: dict[str, str]
    products: dict[str, str]
    viewer: str

    def name(self, product_id: str) -> str:
        """The handle of a product."""
        return next(handle for handle, each in self.products.items() if each == product_id)

    def add_viewer(self, *, personalise: bool = True, locale: str = "de") -> str:
        """A guest who has answered the question, a week ago."""
        with self.db.writing() as tx:
            viewer = accounts.add_guest(tx, locale, NOW)
            consent.put(
                tx,
                viewer,
                personalise=personalise,
                measure=personalise,
                text_version="1",
                source="test",
                now=NOW - timedelta(days=7),
            )
            return viewer

    def send(self, viewer: str, name: str, now: datetime = NOW, **properties: Any) -> Counts:
        """One event through the front door."""
        message = {"messageId": new_id(), "event": name, "properties": properties, "timestamp": now.isoformat()}
        with self.db.writing() as tx:
            counts = events.ingest(tx, viewer, events.check([message]), now, videos.subjects)
        assert not counts.rejections, counts
        return counts

    def feed(self, viewer: str, limit: int = 10, now: datetime = NOW, **more: Any) -> FeedPage:
        """A page of the feed, filled by web."""
        with self.db.writing() as tx:
            return videos.feed(tx, viewer, limit=limit, now=now, **more)

    def names(self, page: FeedPage) -> list[str]:
        """What each video of the page is about."""
        return [self.name(each.product_id) for each in page.videos]

    def sell_out(self, handle: str, now: datetime = NOW) -> None:
        """Take what is left of a product."""
        with self.db.writing() as tx:
            for variant_id, left in stock.levels(tx, [self.products[handle]])[self.products[handle]].items():
                if left:
                    stock.take(tx, variant_id, left, now)


def add_clip(
    tx: Tx,
    merchant_id: str,
    product_id: str,
    roles: Sequence[str],
    *,
    units: int = 3,
    language: str = "de",
    salt: str = "",
) -> list[str]:
    """A clip of one product, ready, one segment a role."""
    clip = clips.add_clip(
        tx,
        merchant_id,
        clip_id=new_id(),
        filename="clip.mp4",
        title="Clip",
        size=1000,
        product_ids=[product_id],
        language=language,
        now=NOW,
    )
    new = [
        NewSegment(
            digest=f"{product_id}-{role}{salt}",
            index=b"",
            init_digest="init",
            units=units,
            duration_ms=1600 * units,
            bytes=1000,
            start_ms=1600 * units * number,
            has_sound=True,
            product_id=product_id,
            role=role,
        )
        for number, role in enumerate(roles)
    ]
    ids = library.store_segments(tx, clip, new, NOW)
    clips.set_state(tx, clip.id, "ready", NOW, duration_ms=1600 * units * len(roles))
    return ids


def add_product(tx: Tx, merchant_id: str, handle: str, brand: str, category: str, left: int) -> str:
    """A product with one variant."""
    return catalog.add_product(
        tx,
        merchant_id,
        handle,
        titles={"de": handle},
        descriptions={"de": "Gut."},
        brand=brand,
        category=category,
        variants=[NewVariant(handle, Money(2490, "EUR"), {}, left)],
        now=NOW - timedelta(days=30),
    )


def open_shopfront(db: Database, products: Mapping[str, tuple[str, str, str, int]] = PRODUCTS) -> Shopfront:
    """Write the shop and one viewer who agreed."""
    with db.writing() as tx:
        sellers = {name: merchants.add_merchant(tx, name, name) for name in ("herd", "wetter")}
        ids = {}
        for handle, (seller, brand, category, left) in products.items():
            ids[handle] = add_product(tx, sellers[seller], handle, brand, category, left)
            add_clip(tx, sellers[seller], ids[handle], ORDER)
    front = Shopfront(db, sellers, ids, "")
    front.viewer = front.add_viewer()
    return front

"""The demo shop: loaded twice it is there once, and forgotten it is as new."""

import pytest
from sqlalchemy import func, select

from shop import catalog, stock
from storage import accounts
from storage.clock import utcnow
from video_assembly.library import segments
from web import demo
from web.services import Services

pytestmark = pytest.mark.slow


def counts(services: Services) -> dict[str, int]:
    tables = (catalog.products, catalog.variants, segments, accounts.people)
    with services.db.reading() as tx:
        return {table.name: tx.scalar(select(func.count()).select_from(table)) for table in tables}


def test_loading_twice_changes_nothing(services: Services) -> None:
    demo.load(services.db, services.media, utcnow())
    first = counts(services)
    demo.load(services.db, services.media, utcnow())
    assert counts(services) == first
    assert (first["products"], first["segments"]) == (6, 30)


def test_forgotten_and_loaded_it_is_as_new(services: Services) -> None:
    demo.load(services.db, services.media, utcnow())
    first = counts(services)
    with services.db.writing() as tx:
        before = demo.people(tx)
        variant = catalog.list_products(tx, "de")[0].variants[0]
        stock.take(tx, variant.id, variant.stock, utcnow())
        demo.running_room(tx, utcnow())
    demo.forget(services.db, utcnow())
    with services.db.reading() as tx:
        assert demo.people(tx) == {}
        assert stock.level(tx, variant.id) == variant.stock
    demo.load(services.db, services.media, utcnow())
    assert counts(services) == first
    with services.db.reading() as tx:
        assert not set(demo.people(tx).values()) & set(before.values())

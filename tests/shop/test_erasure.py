"""The package's export and erase cover every column that names a person."""

from sqlalchemy import Table

import shop as package
from shop import carts, catalog, categories, merchants, orders, shows, stock
from storage import accounts

MODULES = (carts, catalog, categories, merchants, orders, shows, stock)
OWN = {value for module in MODULES for value in vars(module).values() if isinstance(value, Table)} - {accounts.people}


def test_nobody_is_left_after_an_erasure(shop) -> None:
    first, second = shop.variants(shop.filter)
    with shop.db.writing() as tx:
        for person_id in (shop.host, shop.viewer):
            merchants.join_merchant(tx, person_id, shop.herd)
            carts.add(tx, person_id, first, 1, shop.now)
            orders.place(tx, person_id, "k", "d", shop.contact, shop.now, lines={second: 1})
            shows.plan(tx, person_id, "Show", [shop.filter], shop.now)
    with shop.db.writing() as tx:
        out = package.export(tx, shop.host)
        assert (out["merchant"], [len(out[part]) for part in ("cart", "orders", "shows")]) == (
            "Stube & Herd",
            [1, 1, 1],
        )
        package.erase(tx, shop.host)
        assert package.export(tx, shop.host) == {"merchant": None, "cart": [], "orders": [], "shows": []}
        assert [len(package.export(tx, shop.viewer)[part]) for part in ("cart", "orders", "shows")] == [1, 1, 1]
        for table in OWN:
            for name in {"person_id", "viewer_id", "host_id"} & set(table.c.keys()):
                assert tx.all(table.select().where(table.c[name] == shop.host)) == []
        accounts.erase(tx, shop.host)

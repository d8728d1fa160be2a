"""Orders: whole or nothing, once for each key, exactly as many as there were."""

import json
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop import carts, catalog, merchants, orders, sending, stock
from shop.contacts import Contact, checked
from shop.money import Money
from shop.orders import Order
from storage.errors import Conflict, NotFound, UserError
from storage.ids import new_id


def place(shop, person_id: str, key: str = "key", digest: str = "digest", **more) -> Order:
    with shop.db.writing() as tx:
        return orders.place(tx, person_id, key, digest, more.pop("contact", shop.contact), shop.now, **more)


def test_a_cart_becomes_an_order(shop) -> None:
    (jacket,), (first, second) = shop.variants(shop.jacket), shop.variants(shop.filter)
    with shop.db.writing() as tx:
        carts.add(tx, shop.viewer, first, 2, shop.now)
        carts.add(tx, shop.viewer, jacket, 1, shop.now)
        carts.add(tx, shop.viewer, second, 1, shop.now)
    order = place(shop, shop.viewer, locale="en", expected_total=Money(19470, "EUR"), source="room:r")
    assert not order.replayed
    assert (order.goods.amount, order.shipping.amount, order.total.amount) == (19470, 0, 19470)
    herd, wetter = order.groups
    assert [(line.title, line.options, line.quantity, line.price.amount) for line in herd.lines] == [
        ("filter en", "0 l, Chalk", 2, 2490),
        ("filter en", "1 l, Chalk", 1, 2590),
    ]
    assert (herd.merchant, herd.goods.amount) == ("Stube & Herd", 7570)
    assert (wetter.merchant, wetter.goods.amount) == ("Wetterseite", 11900)
    with shop.db.reading() as tx:
        assert carts.cart(tx, shop.viewer, "de").lines == ()
        assert [stock.level(tx, each) for each in (first, second, jacket)] == [3, 2, 3]
        assert stock.moves(tx, jacket)[-1].order_id == order.id
        assert orders.order(tx, shop.viewer, order.id) == order
        assert orders.list_orders(tx, shop.viewer) == [order]
        (mine,) = sending.orders_of_merchant(tx, shop.wetter)
    assert (mine.number, mine.contact, mine.lines) == (order.number, shop.contact, wetter.lines)
    assert mine.goods.amount == 11900


def test_each_merchant_marks_what_it_has_sent_itself(shop) -> None:
    order = place(shop, shop.viewer, lines={shop.variants(shop.kettle)[0]: 1, shop.variants(shop.jacket)[0]: 1})
    with shop.db.writing() as tx:
        sending.mark(tx, shop.wetter, order.id, shop.now)
        assert {each.merchant_id: each.sent_at for each in orders.order(tx, shop.viewer, order.id).groups} == {
            shop.herd: None,
            shop.wetter: shop.now,
        }
        assert [each.id for each in sending.orders_of_merchant(tx, shop.wetter, sent=True)] == [order.id]
        assert sending.orders_of_merchant(tx, shop.wetter, sent=False) == []
        assert [each.id for each in sending.orders_of_merchant(tx, shop.herd, sent=False)] == [order.id]
        sending.mark(tx, shop.wetter, order.id, None)
        assert [each.id for each in sending.orders_of_merchant(tx, shop.wetter, sent=False)] == [order.id]
        with pytest.raises(NotFound):
            sending.mark(tx, shop.wetter, "unknown", shop.now)


def test_a_card_buys_without_touching_the_cart(shop) -> None:
    (kettle,), (first, _) = shop.variants(shop.kettle), shop.variants(shop.filter)
    with shop.db.writing() as tx:
        carts.add(tx, shop.viewer, first, 1, shop.now)
    order = place(shop, shop.viewer, lines={kettle: 1})
    assert (order.goods.amount, order.shipping.amount) == (4290, 490)
    with shop.db.reading() as tx:
        assert [line.variant.id for line in carts.cart(tx, shop.viewer, "de").lines] == [first]


def test_the_price_is_that_of_the_moment(shop) -> None:
    (kettle,) = shop.variants(shop.kettle)
    order = place(shop, shop.viewer, lines={kettle: 1})
    with shop.db.writing() as tx:
        tx.execute(catalog.variants.update().where(catalog.variants.c.id == kettle).values(price=1))
        assert orders.order(tx, shop.viewer, order.id) == order
    with pytest.raises(Conflict) as caught:
        place(shop, shop.viewer, "other", lines={kettle: 1}, expected_total=order.total)
    assert (caught.value.code, caught.value.extra["total"]) == ("total-changed", {"amount": 491, "currency": "EUR"})


def test_one_key_is_one_order(shop) -> None:
    (kettle,) = shop.variants(shop.kettle)
    first = place(shop, shop.viewer, lines={kettle: 1})
    again = place(shop, shop.viewer, lines={kettle: 1})
    assert again == first
    assert again.replayed
    with pytest.raises(Conflict) as caught:
        place(shop, shop.viewer, digest="another", lines={kettle: 1})
    assert caught.value.code == "idempotency-key-reused"
    assert place(shop, shop.guest, lines={kettle: 1}).id != first.id, "a key belongs to a person"
    with shop.db.reading() as tx:
        assert stock.level(tx, kettle) == 0


def test_a_cart_posted_twice_is_one_order(shop) -> None:
    (kettle,) = shop.variants(shop.kettle)
    with shop.db.writing() as tx:
        carts.add(tx, shop.viewer, kettle, 1, shop.now)
    assert place(shop, shop.viewer) == place(shop, shop.viewer)


def test_a_refused_order_leaves_its_key_free(shop) -> None:
    (kettle,) = shop.variants(shop.kettle)
    with pytest.raises(Conflict):
        place(shop, shop.viewer, lines={kettle: 3})
    with shop.db.writing() as tx:
        stock.put(tx, kettle, 1, shop.now)
    assert not place(shop, shop.viewer, lines={kettle: 3}).replayed


def test_all_or_nothing_and_what_is_left(shop) -> None:
    (kettle,), (first, second) = shop.variants(shop.kettle), shop.variants(shop.filter)
    with shop.db.writing() as tx:
        stock.count(tx, second, 0, shop.now)
        for variant_id, quantity in ((first, 5), (second, 1), (kettle, 3)):
            carts.add(tx, shop.viewer, variant_id, quantity, shop.now)
    with pytest.raises(Conflict) as caught:
        place(shop, shop.viewer)
    assert caught.value.code == "too-few"
    assert {line["variant_id"]: (line["wanted"], line["left"]) for line in caught.value.extra["lines"]} == {
        second: (1, 0),
        kettle: (3, 2),
    }
    with shop.db.reading() as tx:
        assert stock.level(tx, first) == 5
        assert orders.list_orders(tx, shop.viewer) == []
        assert carts.cart(tx, shop.viewer, "de").pieces == 9
    with pytest.raises(Conflict) as caught:
        place(shop, shop.viewer, lines={second: 1})
    assert (caught.value.code, caught.value.extra["left"]) == ("sold-out", 0)


def test_nothing_to_order(shop) -> None:
    with pytest.raises(Conflict) as caught:
        place(shop, shop.viewer)
    assert caught.value.code == "cart-empty"
    with pytest.raises(NotFound):
        place(shop, shop.viewer, lines={"nothing": 1})
    with pytest.raises(UserError):
        place(shop, shop.viewer, lines={shop.variants(shop.kettle)[0]: 0})
    for key in ("", "x" * 201, "a\nb"):
        with pytest.raises(UserError):
            place(shop, shop.viewer, key)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("email", "nobody"),
        ("email", "@example.org"),
        ("email", ""),
        ("street", ""),
        ("postcode", "1" * 21),
        ("city", ""),
        ("country", "Germany"),
        ("country", ""),
    ],
)
def test_a_wrong_address_names_its_field(shop, field: str, value: str) -> None:
    with pytest.raises(UserError) as caught:
        place(
            shop,
            shop.viewer,
            lines={shop.variants(shop.kettle)[0]: 1},
            contact=replace(shop.contact, **{field: value}),
        )
    assert caught.value.extra["fields"].keys() == {field}


def test_addresses_lose_stray_white_space() -> None:
    contact = Contact(" Mia\n Muster ", "mia@example.org ", "Hauptstraße  1", "10115", "Berlin", "at")
    assert checked(contact) == Contact("Mia Muster", "mia@example.org", "Hauptstraße 1", "10115", "Berlin", "AT")


@pytest.mark.parametrize(
    ("country", "postcode", "right"),
    [
        ("DE", "22767", True),
        ("DE", "ABC😀", False),
        ("DE", "1234", False),
        ("DE", "١٢٣٤٥", False),
        ("GB", "SW1A 1AA", True),
        ("PL", "00-950", True),
        ("GB", "ABC😀", False),
        ("GB", "1234567890123", False),
        ("GB", "-", False),
    ],
)
def test_a_postcode_is_one(shop, country: str, postcode: str, right: bool) -> None:
    contact = replace(shop.contact, country=country, postcode=postcode)
    if right:
        assert checked(contact) == contact
        return
    with pytest.raises(UserError) as caught:
        checked(contact)
    assert caught.value.extra["fields"].keys() == {"postcode"}


def test_orders_of_somebody_else_are_not_there(shop) -> None:
    order = place(shop, shop.viewer, lines={shop.variants(shop.kettle)[0]: 1})
    with shop.db.reading() as tx:
        with pytest.raises(NotFound):
            orders.order(tx, shop.guest, order.id)
        assert orders.list_orders(tx, shop.guest) == []
        assert sending.orders_of_merchant(tx, shop.wetter) == []


def test_pages_of_orders(shop) -> None:
    first, _ = shop.variants(shop.filter)
    placed = [place(shop, shop.viewer, f"k{n}", lines={first: 1}).id for n in range(3)]
    with shop.db.reading() as tx:
        newest = orders.list_orders(tx, shop.viewer, limit=2)
        assert [each.id for each in newest] == placed[:0:-1]
        assert [each.id for each in orders.list_orders(tx, shop.viewer, after=newest[-1].id)] == placed[:1]
        assert [each.id for each in sending.orders_of_merchant(tx, shop.herd, after=newest[-1].id)] == placed[:1]


def test_a_guest_who_signs_in_keeps_the_orders(shop) -> None:
    first, _ = shop.variants(shop.filter)
    both = {place(shop, person_id, lines={first: 1}).id for person_id in (shop.guest, shop.viewer)}
    with shop.db.writing() as tx:
        orders.adopt_orders(tx, shop.guest, shop.viewer)
        assert {each.id for each in orders.list_orders(tx, shop.viewer)} == both
        assert orders.list_orders(tx, shop.guest) == []


wanted = st.lists(
    st.tuples(st.integers(0, 2), st.dictionaries(st.integers(0, 3), st.integers(1, 6), min_size=1)), max_size=6
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stocks=st.lists(st.integers(0, 8), min_size=4, max_size=4), baskets=wanted)
def test_sold_and_left_are_what_there_was(shop, stocks: list[int], baskets: list[tuple[int, dict[int, int]]]) -> None:
    with shop.db.writing() as tx:
        product_id = shop.add(tx, shop.herd, new_id(), stocks)
        before = {each.id for each in sending.orders_of_merchant(tx, shop.herd, limit=10_000)}
    variants = shop.variants(product_id)
    left = list(stocks)
    keys = [new_id() for _ in range(3)]
    used: dict[str, tuple[str, Order]] = {}
    for key_place, basket in baskets:
        key, digest = keys[key_place], json.dumps(basket)
        lines = {variants[place]: quantity for place, quantity in basket.items()}
        if key in used and used[key][0] == digest:
            assert place(shop, shop.viewer, key, digest, lines=lines) == used[key][1]
        elif key in used or any(left[each] < quantity for each, quantity in basket.items()):
            with pytest.raises(Conflict):
                place(shop, shop.viewer, key, digest, lines=lines)
        else:
            used[key] = digest, place(shop, shop.viewer, key, digest, lines=lines)
            left = [each - basket.get(place, 0) for place, each in enumerate(left)]
    with shop.db.reading() as tx:
        levels = stock.levels(tx, [product_id])[product_id]
        placed = [each for each in sending.orders_of_merchant(tx, shop.herd, limit=10_000) if each.id not in before]
    assert [levels[variant_id] for variant_id in variants] == left
    sold = dict.fromkeys(variants, 0)
    for order in placed:
        for line in order.lines:
            sold[line.variant_id] += line.quantity
    assert [sold[each] + levels[each] for each in variants] == stocks


def test_threads_that_click_twice_buy_the_last_pieces_once(shop) -> None:
    with shop.db.writing() as tx:
        product_id = shop.add(tx, shop.herd, "deal", [15])
    (variant_id,) = shop.variants(product_id)
    placed: list[Order] = []
    refused: list[str] = []
    start = threading.Barrier(12)

    def buy(buyer: int) -> None:
        start.wait()
        for turn in range(3):
            for _click in range(2):
                try:
                    placed.append(place(shop, shop.viewer, f"{buyer % 6}-{turn}", lines={variant_id: 1}))
                except Conflict as conflict:
                    refused.append(conflict.code)

    threads = [threading.Thread(target=buy, args=(buyer,)) for buyer in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # 18 keys, each posted four times from two threads, for 15 pieces
    assert len({order.id for order in placed}) == 15
    assert sum(not order.replayed for order in placed) == 15
    assert len(placed) == 15 * 4
    assert refused == ["sold-out"] * 12
    with shop.db.reading() as tx:
        assert stock.level(tx, variant_id) == 0


BUYER = """
import sys
from datetime import UTC, datetime
import shop
from shop import contacts, orders
from storage.database import Database
from storage.errors import Conflict

url, person, variant, name = sys.argv[1:]
db = Database(url)
contact = contacts.Contact("Mia", "mia@example.org", "Weg 1", "12345", "Ort")
sys.stdin.readline()
for number in range(20):
    try:
        with db.writing() as tx:
            order = orders.place(
                tx, person, f"{name}-{number}", "d", contact, datetime.now(UTC), lines={variant: 1}
            )
        print(order.id)
    except Conflict as conflict:
        assert conflict.code == "sold-out", conflict
"""


def test_processes_buy_exactly_what_there_was(shop) -> None:
    with shop.db.writing() as tx:
        product_id = shop.add(tx, shop.herd, "deal", [30])
    (variant_id,) = shop.variants(product_id)
    buyers = [
        subprocess.Popen(
            [sys.executable, "-c", BUYER, shop.db.url, shop.viewer, variant_id, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    for buyer in buyers:
        assert buyer.stdin is not None
        buyer.stdin.write("go\n")
        buyer.stdin.flush()
    sold = [line for buyer in buyers for line in buyer.communicate()[0].split()]
    assert [buyer.returncode for buyer in buyers] == [0, 0, 0]
    assert len(sold) == len(set(sold)) == 30
    with shop.db.reading() as tx:
        assert stock.level(tx, variant_id) == 0
        assert sum(move.delta for move in stock.moves(tx, variant_id)) == 0


def test_a_merchant_is_told_the_address_until_it_is_erased(shop) -> None:
    with shop.db.writing() as tx:
        merchants.join_merchant(tx, shop.host, shop.herd)
    order = place(shop, shop.viewer, lines={shop.variants(shop.kettle)[0]: 1})
    with shop.db.writing() as tx:
        assert orders.export(tx, shop.viewer)[0]["contact"]["city"] == "Berlin"
        orders.erase(tx, shop.viewer)
        assert orders.export(tx, shop.viewer) == []
        (kept,) = sending.orders_of_merchant(tx, shop.herd)
    assert kept.contact == Contact("", "", "", "", "", "")
    assert kept.lines == order.groups[0].lines

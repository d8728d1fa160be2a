"""A merchant's CSV of customers: who is taken, what it becomes, where it came from, and what is refused."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from personalization import imports, interests, log
from personalization.imports import Imported
from personalization.interests import Change
from storage.accounts import people
from storage.errors import UserError
from storage.ids import new_id
from tests.personalization.conftest import NOW, Scene


@pytest.fixture
def customer(scene: Scene) -> Scene:
    with scene.db.writing() as tx:
        tx.execute(update(people).where(people.c.id == scene.viewer).values(email="ada@example.org", guest=False))
    return scene


def take_in(scene: Scene, text: str, merchant: str | None = None) -> Imported:
    with scene.db.writing() as tx:
        return imports.take_in(tx, merchant or scene.merchant, "shopify", text.encode(), NOW)


def test_orders_and_attributes_come_in_once_with_their_source(customer: Scene) -> None:
    orders = (
        "\ufeffEmail,Paid at,Lineitem sku,Note\n"
        "Ada@example.org,2026-11-01 10:00:00 +0100,lamp,x\n"
        "nobody@example.org,2026-11-01 10:00:00 +0100,lamp,x\n"
        "ada@example.org,2026-11-01 10:00:00 +0100,no-such,x\n"
        "ada@example.org,2030-01-01,lamp,x\n"
        "nobody@example.org,2026-13-40,lamp,x\n"
    )
    first = take_in(customer, orders)
    assert (first.taken, first.known, first.skipped) == (1, 0, 1)
    assert [each.line for each in first.errors] == [4, 5, 6]
    again = take_in(customer, orders)
    assert (again.taken, again.known) == (0, 1)
    attributes = take_in(
        customer, "email,category,brand,weight\nada@example.org,outdoor,,2\nada@example.org,,Lichtfuge,9\n"
    )
    assert (attributes.taken, len(attributes.errors)) == (1, 1)
    with customer.db.reading() as tx:
        happened = log.read(tx, customer.viewer)
        assert all(event.id.startswith("import:shopify:") for event in happened)
        found = {each.key: each for each in interests.view(tx, customer.viewer, NOW).interests}
    assert found[("product", customer.lamp)].weight > 2
    assert (found[("category", "outdoor")].weight, found[("category", "outdoor")].stated) == (2.0, True)


def test_the_viewer_has_the_last_word(customer: Scene) -> None:
    take_in(customer, "email;category;weight\nada@example.org;outdoor;2\n")
    with customer.db.writing() as tx:
        wanted = Change(forget=[("category", "outdoor")])
        interests.change(tx, customer.viewer, wanted, [new_id()], NOW + timedelta(minutes=1))
        assert interests.view(tx, customer.viewer, NOW).interests == ()


def test_without_consent_nothing_is_kept(customer: Scene) -> None:
    customer.consent(False, True)
    found = take_in(customer, "email,category\nada@example.org,outdoor\n")
    assert (found.taken, found.skipped) == (0, 1)


def test_a_merchant_speaks_of_the_own_products_only(customer: Scene) -> None:
    found = take_in(customer, "email,sku,date\nada@example.org,lamp,2026-11-01\n", merchant="another")
    assert (found.taken, len(found.errors)) == (0, 1)


@pytest.mark.parametrize(
    "content", [b"", b"name,city\nAda,Berlin\n", b"\xff\xfe", b"email\n", b'email,a\n"x', b"x" * 2_100_000]
)
def test_what_is_no_such_file_is_refused(customer: Scene, content: bytes) -> None:
    with customer.db.writing() as tx, pytest.raises(UserError):
        imports.take_in(tx, customer.merchant, "shopify", content, NOW)

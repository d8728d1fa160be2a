"""The merchant's products: the form, pictures, stock and publication."""

import io
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from shop import catalog, merchants
from shop.catalog import Product
from web.product_form import price_of, typed_price
from web.product_picture import redraw
from web.services import Services

SignIn = Callable[..., str]
Add = Callable[..., Product]

PRODUCT = {
    "title_de": "Krug Ål & Söhne",
    "title_en": "Jug",
    "description_de": "Ein Krug.",
    "brand": "Hut",
    "category": "Küche",
    "published": "1",
    "choice": ["Klein", "Groß"],
    "price": ["12,90", "1.019,00 €"],
    "stock": ["3", "0"],
    "sku": ["", "KRUG-XL"],
}


def test_a_merchant_puts_a_product_on_sale_and_counts_stock(
    merchant: TestClient, services: Services, shop_id: str
) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (2400, 1800), "teal").save(picture, "PNG")
    answer = merchant.post(
        "/merchant/products/new",
        data=PRODUCT,
        files={"picture": ("jug.png", picture.getvalue(), "image/png")},
        follow_redirects=False,
    )
    assert answer.status_code == 303, answer.text
    with services.db.reading() as tx:
        [product] = catalog.list_products(tx, "de", merchant_id=shop_id)
    assert (product.title, product.category_name, product.handle) == ("Krug Ål & Söhne", "Küche", "krug-al-soehne")
    assert [(each.label, each.price.amount, each.stock, each.sku) for each in product.variants] == [
        ("Klein", 1290, 3, "krug-al-soehne-1"),
        ("Groß", 101900, 0, "KRUG-XL"),
    ]
    assert product.image is not None
    with Image.open(services.media.path(product.image)) as kept:
        assert (kept.format, kept.size) == ("WEBP", (1200, 900))
    assert list(services.media.incoming.iterdir()) == []

    small, large = product.variants
    form = {f"stock-{small.id}": "3", f"shown-{small.id}": "3", f"stock-{large.id}": "7", f"shown-{large.id}": "0"}
    assert merchant.post(f"/merchant/products/{product.id}/stock", data=form).status_code == 200
    page = merchant.get("/merchant/products").text
    assert "Krug Ål &amp; Söhne" in page or "Jug" in page
    with services.db.reading() as tx:
        assert [each.stock for each in catalog.product(tx, product.id, "de").variants] == [3, 7]
    merchant.post(f"/merchant/products/{product.id}/publish", data={"published": "0"})
    assert merchant.get(f"/products/{product.id}").status_code == 404


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"title_de": "", "title_en": ""}, "Give a title of at most"),
        ({"price": ["abc", "1"]}, "Write the price like 12.90."),
        ({"stock": ["-1", "1"]}, "Write the stock as a whole number."),
        ({"choice": ["", "Groß"]}, "With several variants each one needs its own name"),
        ({"brand": ""}, "Give a brand of at most"),
    ],
)
def test_a_mistake_brings_the_form_back_as_it_was_typed(
    merchant: TestClient, change: dict[str, object], sentence: str
) -> None:
    answer = merchant.post("/merchant/products/new?lang=en", data={**PRODUCT, **change})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "Ein Krug." in answer.text


def test_a_picture_that_is_none_or_a_bomb_is_refused(merchant: TestClient, services: Services) -> None:
    bomb = (
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00" + bytes(64)
    )
    for data in (b"<svg xmlns='http://www.w3.org/2000/svg'/>", bomb, b"GIF89a" + bytes(100)):
        answer = merchant.post("/merchant/products/new", data=PRODUCT, files={"picture": ("x.png", data, "image/png")})
        assert answer.status_code == 422
    assert not services.media.path("products/x.webp").parent.exists()
    assert list(services.media.incoming.iterdir()) == []


def test_nobody_counts_the_stock_of_somebody_elses_product(
    client: TestClient, services: Services, sign_in: SignIn, add_product: Add
) -> None:
    product = add_product()
    with services.db.writing() as tx:
        other = merchants.add_merchant(tx, "other", "Other")
    sign_in(client, "merchant", merchant=other)
    variant = product.variants[0]
    answer = client.post(f"/merchant/products/{product.id}/stock", data={f"stock-{variant.id}": "0"})
    assert answer.status_code == 404
    with services.db.reading() as tx:
        assert catalog.product(tx, product.id, "en").variants[0].stock == 5


@pytest.mark.parametrize("price", ["1" * 5000, "9" * 30, "1 e9", "٣" * 4400])
def test_a_price_beyond_all_measure_is_a_mistake_in_the_form(merchant: TestClient, price: str) -> None:
    answer = merchant.post("/merchant/products/new", data=PRODUCT | {"price": [price, "1"]})
    assert answer.status_code == 422


def test_strangers_are_turned_away_before_their_form_is_read(client: TestClient) -> None:
    unread = [b"--x\r\n", b"never asked for"]

    def body() -> Iterator[bytes]:
        while unread:
            yield unread.pop(0)

    kind = {"Content-Type": "multipart/form-data"}  # without a boundary the form could not be read
    assert client.post("/merchant/products/new", content=body(), headers=kind).status_code == 401


def test_pictures_are_drawn_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(file, "PNG")
    at_once, most = 0, 0
    convert = Image.Image.convert

    def slowly(self: Image.Image, *more: Any, **options: Any) -> Image.Image:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.02)
        at_once -= 1
        return convert(self, *more, **options)

    monkeypatch.setattr(Image.Image, "convert", slowly)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda each: redraw(file.getvalue(), tmp_path / f"{each}.webp"), range(4)))
    assert most == 1


def test_a_product_is_edited_with_its_own_form(
    merchant: TestClient, services: Services, shop_id: str, add_product: Add
) -> None:
    product = add_product()
    small, large = product.variants
    path = f"/merchant/products/{product.id}/edit"
    page = merchant.get(f"{path}?lang=de").text
    assert "Becher mug" in page
    assert 'value="19,90"' in page
    assert f'name="variant_id" value="{large.id}"' in page
    assert path in merchant.get("/merchant/products").text
    form = PRODUCT | {
        "variant_id": [small.id, large.id, ""],
        "choice": ["S", "XL", "XXL"],
        "price": ["9,50", "24.90", "30"],
        "stock": ["999", "999", "4"],
        "sku": ["", "mug-xl", ""],
        "published": "",
    }
    picture = io.BytesIO()
    Image.new("RGB", (40, 50), "teal").save(picture, "PNG")
    files = {"picture": ("jug.png", picture.getvalue(), "image/png")}
    assert merchant.post(path, data=form, files=files, follow_redirects=False).status_code == 303
    with services.db.reading() as tx:
        changed = catalog.product(tx, product.id, "de", merchant_id=shop_id)
    assert (changed.title, changed.published, changed.handle) == ("Krug Ål & Söhne", False, "mug")
    assert [(each.label, each.price.amount, each.stock, each.sku) for each in changed.variants] == [
        ("S", 950, 5, "mug-s"),
        ("XL", 2490, 5, "mug-xl"),
        ("XXL", 3000, 4, "krug-al-soehne-1"),
    ]
    assert [each.id for each in changed.variants[:2]] == [small.id, large.id]
    assert changed.image is not None

    assert (
        merchant.post(path, data=form | {"variant_id": [small.id, large.id, changed.variants[2].id]}).status_code == 200
    )
    with services.db.reading() as tx:
        assert catalog.product(tx, product.id, "de", merchant_id=shop_id).image == changed.image
    wrong = merchant.post(path, data=form | {"title_de": "", "title_en": "", "description_de": "So getippt."})
    assert wrong.status_code == 422
    assert "So getippt." in wrong.text
    assert path in wrong.text
    assert services.media.exists(changed.image)


def test_an_ordered_variant_is_not_removed(client: TestClient, sign_in: SignIn, shop_id: str, add_product: Add) -> None:
    product = add_product()
    small, large = product.variants
    contact = {"name": "Ada", "email": "ada@example.org", "street": "Weg 1", "postcode": "20095", "city": "Hamburg"}
    body = {"items": [{"variant_id": large.id}], "contact": contact}
    assert client.post("/v1/orders", json=body, headers={"Idempotency-Key": "k"}).status_code == 201
    client.cookies.clear()
    sign_in(client, "merchant", merchant=shop_id)
    form = PRODUCT | {"variant_id": [small.id], "choice": ["S"], "price": ["1"], "stock": ["5"], "sku": [""]}
    answer = client.post(f"/merchant/products/{product.id}/edit?lang=en", data=form)
    assert answer.status_code == 409
    assert "“L” has been ordered and cannot be removed." in answer.text


def test_nobody_edits_somebody_elses_product(
    client: TestClient, services: Services, sign_in: SignIn, add_product: Add
) -> None:
    product = add_product()
    with services.db.writing() as tx:
        other = merchants.add_merchant(tx, "other", "Other")
    sign_in(client, "merchant", merchant=other)
    path = f"/merchant/products/{product.id}/edit"
    assert client.get(path).status_code == 404
    assert client.post(path, data=PRODUCT).status_code == 404
    assert client.get("/merchant/products/nothing/edit").status_code == 404


@pytest.mark.parametrize(
    ("typed", "cents"),
    [("12", 1200), ("12,9", 1290), ("12.90 €", 1290), ("1.299,00", 129900), ("1,299.00", 129900), ("1 299", 129900)],
)
def test_prices_are_read_as_people_of_both_languages_type_them(typed: str, cents: int) -> None:
    assert price_of(typed) == cents
    assert price_of(typed_price(cents, "de")) == price_of(typed_price(cents, "en")) == cents

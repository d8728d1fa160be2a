"""Importing customers: for merchants only, with errors by row, and its source is shown to the viewer."""

from collections.abc import Callable

from starlette.testclient import TestClient

from shop.catalog import Product

ROWS = "email,sku,date\nada-{n}@example.org,mug-s,2026-01-02\nada-{n}@example.org,none,2026-01-02\n"


def test_a_merchant_imports_and_the_viewer_sees_from_where(
    client: TestClient, sign_in: Callable[..., str], add_product: Callable[..., Product]
) -> None:
    mug = add_product("mug")
    sign_in(client)
    viewer = client.cookies["session"]
    client.put("/v1/me/consent", json={"purposes": {"personalise": True}, "source": "test"})
    address = "/v1/customers:import?source=Shopify&lang=en"
    assert client.post(address, content=ROWS).status_code == 403
    client.cookies.set("session", "")
    sign_in(client, "merchant", name="Bo", merchant=mug.merchant_id)
    assert client.post("/v1/customers:import?source=%3Cb%3E", content=ROWS).status_code == 422
    assert client.post(address, content=b"\xff").status_code == 422
    found = client.post(address, content=ROWS.format(n=0)).json()
    assert (found["taken"], found["rejected"]) == (1, 1)
    assert found["errors"] == [{"line": 3, "detail": "This shop has no product with this SKU."}]
    client.cookies.set("session", viewer)
    evidence = client.get("/v1/me/profile?lang=en").json()["interests"][0]["evidence"][0]
    assert evidence["text"].endswith("We have this from Shopify.")


def test_the_page_says_what_became_of_a_file(
    client: TestClient, sign_in: Callable[..., str], add_product: Callable[..., Product]
) -> None:
    mug = add_product("mug")
    assert client.get("/merchant/customers", follow_redirects=False).status_code == 303
    assert client.post("/merchant/customers", data={"source": "Shopify"}).status_code == 401
    sign_in(client, "merchant", name="Bo", merchant=mug.merchant_id)
    assert "Take in" in client.get("/merchant/customers?lang=en").text

    def send(source: str, content: bytes) -> tuple[int, str]:
        found = client.post("/merchant/customers", data={"source": source}, files={"file": ("a.csv", content)})
        return found.status_code, found.text

    status, text = send("Shopify", b"email,sku,date\nnobody@example.org,mug-s,2026-01-02\nno,mug-s,2026-01-02\n")
    assert status == 200
    assert "0 rows taken, 0 known before, 1 of people" in text
    assert "There is no e-mail address in this row." in text
    status, text = send("Shopify", b"\xff")
    assert (status, "This file is not in UTF-8" in text) == (422, True)
    status, text = send("<b>", b"email\n")
    assert (status, "&lt;b&gt;" in text, "Name the system" in text) == (422, True, True)

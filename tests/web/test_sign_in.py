"""Sign-up, sign-in, roles and what a stranger may not do."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from storage import accounts
from storage.clock import utcnow
from web.app import create_app
from web.services import Services
from web.sign_in import local_path

FORM = {"email": "Ada@Example.org", "name": "Ada", "password": "correct horse battery"}


def test_sign_up_sign_out_sign_in(client: TestClient) -> None:
    done = client.post("/sign-up", data=FORM, follow_redirects=False)
    assert (done.status_code, done.headers["location"]) == (303, "/feed")
    assert "HttpOnly" in done.headers["set-cookie"]
    assert "Ada" in client.get("/account").text
    first = client.cookies["session"]
    client.post("/sign-out")
    wrong = client.post("/sign-in", data={"email": FORM["email"], "password": "not this one"})
    assert wrong.status_code == 422
    assert "gehören nicht zusammen" in wrong.text
    back = client.post("/sign-in", data=FORM | {"next": "/cart"}, follow_redirects=False)
    assert (back.status_code, back.headers["location"]) == (303, "/cart")
    assert client.cookies["session"] != first


def test_a_signed_out_session_is_dead(client: TestClient) -> None:
    client.post("/sign-up", data=FORM)
    stolen = client.cookies["session"]
    client.post("/sign-out")
    client.cookies.clear()
    client.cookies.set("session", stolen)
    assert "ada@example.org" not in client.get("/account").text


def test_a_guest_who_signs_up_keeps_the_cart(client: TestClient, add_product: Callable[..., object]) -> None:
    product = add_product()
    item = {"variant_id": product.variants[0].id, "quantity": 2}  # type: ignore[attr-defined]
    assert client.post("/v1/cart/items", json=item).status_code == 201
    client.post("/sign-up", data=FORM)
    assert client.get("/v1/cart/items").json()["count"] == 2


@pytest.mark.parametrize("form", [FORM | {"email": "nobody"}, FORM | {"password": "short"}, FORM | {"name": ""}, {}])
def test_a_bad_form_says_what_is_wrong(client: TestClient, form: dict[str, str]) -> None:
    answer = client.post("/sign-up", data=form)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_guessing_passwords_is_slowed_down(client: TestClient) -> None:
    answers = [client.post("/sign-in", data={"email": "a@b.de", "password": str(each)}) for each in range(6)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_trying_one_password_on_many_accounts_is_slowed_down(client: TestClient) -> None:
    answers = [client.post("/sign-in", data={"email": f"{each}@b.de", "password": "x"}) for each in range(31)]
    assert [answer.status_code for answer in answers] == [422] * 30 + [429]


def test_an_invitation_makes_a_merchant_once(client: TestClient, services: Services) -> None:
    with services.db.writing() as tx:
        token = accounts.invite(tx, "merchant", "Hut & Co", utcnow())
    assert "Hut &amp; Co" in client.get(f"/welcome/{token}").text
    done = client.post(f"/welcome/{token}", data=FORM, follow_redirects=False)
    assert done.headers["location"] == "/merchant"
    client.post("/sign-out")
    assert client.get(f"/welcome/{token}").status_code == 404
    assert client.post(f"/welcome/{token}", data=FORM | {"email": "b@example.org"}).status_code == 404


@pytest.mark.parametrize("path", ["/studio", "/merchant", "/operator"])
def test_work_pages_ask_to_sign_in_and_refuse_viewers(client: TestClient, path: str) -> None:
    away = client.get(path, follow_redirects=False)
    assert (away.status_code, away.headers["location"]) == (303, f"/sign-in?next={path}")
    client.post("/sign-up", data=FORM)
    assert client.get(path).status_code == 403


def test_no_redirect_leads_away() -> None:
    assert local_path("/cart?x=1") == "/cart?x=1"
    for wish in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "evil"):
        assert local_path(wish) == ""


def test_the_demo_sign_in_is_not_there_without_the_demo(client: TestClient) -> None:
    assert client.post("/demo/sign-in", data={"person_id": "x"}).status_code == 404


@pytest.mark.parametrize(
    ("host", "address", "more", "status"),
    [
        ("127.0.0.1:8000", "127.0.0.1", {}, 303),
        ("localhost:8000", "::1", {}, 303),
        ("[::1]:8000", "::1", {}, 303),
        ("127.0.0.1:8000", "192.0.2.1", {}, 404),
        # a name that leads here, and proxies that say so or keep the name
        ("rebound.example:8000", "127.0.0.1", {}, 404),
        ("shop.example", "127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}, 404),
        ("127.0.0.1:8000", "127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 404),
        ("127.0.0.1:8000", "127.0.0.1", {"Forwarded": "for=192.0.2.1"}, 404),
    ],
)
def test_the_demo_sign_in_is_for_this_very_machine(
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    address: str,
    more: dict[str, str],
    status: int,
) -> None:
    with services.db.writing() as tx:
        ada = accounts.person(tx, accounts.sign_up(tx, "ada@example.org", "Ada", "!", "en", utcnow()))
    services.settings = services.settings.model_copy(update={"demo": True})
    monkeypatch.setattr("web.sign_in._demo_people", lambda parts: [ada])
    own = {"Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    with TestClient(create_app(services), base_url=f"http://{host}", headers=own, client=(address, 5000)) as browser:
        done = browser.post("/demo/sign-in", data={"person_id": ada.id}, headers=more, follow_redirects=False)
    assert done.status_code == status
    if status == 303:
        # In the language of the page, German without a wish, whatever that person speaks
        assert "lang=de" in done.headers["set-cookie"]


def test_language_is_chosen_and_kept(client: TestClient) -> None:
    assert '<html lang="de">' in client.get("/sign-in").text
    assert '<html lang="en">' in client.get("/sign-in", headers={"Accept-Language": "en-GB,en;q=0.9"}).text
    client.post("/language", data={"lang": "en", "next": "/"})
    assert '<html lang="en">' in client.get("/sign-in").text
    assert '<html lang="de">' in client.get("/sign-in?lang=de").text
    assert client.post("/language", data={"lang": "xx"}).status_code == 422

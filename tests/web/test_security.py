"""Headers, origin, problems: what every route has to keep."""

import re
from collections.abc import Iterator

import pytest
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from web.app import ROUTES, create_app
from web.services import Services

pytestmark = pytest.mark.slow

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
# Players of other sites play rooms; no cookie counts there, and no form can send what is taken.
FOR_PLAYERS = ("/live/x/whep", "/live/x/whep/x")


def unsafe_routes() -> Iterator[tuple[str, str]]:
    def walk(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
        for route in routes:
            if isinstance(route, Route):
                path = re.sub(r"\{[^}]+\}", "x", route.path)
                methods = sorted((route.methods or set()) & UNSAFE) if path not in FOR_PLAYERS else []
                yield from ((method, path) for method in methods)
            else:
                assert isinstance(route, Mount | WebSocketRoute)

    yield from walk(list(ROUTES))


@pytest.mark.parametrize(("method", "path"), list(unsafe_routes()))
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": ""},
        {"Origin": "http://testserver", "Sec-Fetch-Site": "same-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_another_site_cannot_make_a_browser_act(
    client: TestClient, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = client.request(method, path, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["type"] == "/problems/foreign-origin"


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded", ""])
def test_no_form_can_play_a_room(client: TestClient, kind: str) -> None:
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Content-Type": kind}
    assert client.post("/live/x/whep", content=b"v=0", headers=foreign).status_code == 415
    asked = client.options("/live/x/whep", headers=foreign | {"Access-Control-Request-Method": "POST"})
    assert "access-control-allow-credentials" not in asked.headers


def test_silence_about_the_origin_is_no_permission(client: TestClient) -> None:
    del client.headers["Origin"], client.headers["Sec-Fetch-Site"]
    assert client.post("/v1/cart/items", json={}).status_code == 403


def test_pages_carry_the_policy_and_a_fresh_nonce(client: TestClient) -> None:
    first, second = client.get("/"), client.get("/")
    for answer in (first, second):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self' 'nonce-")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        nonce = re.search(r"nonce-([^']+)'", policy)
        assert nonce
        assert f'nonce="{nonce[1]}"' in answer.text
    assert first.headers["content-security-policy"] != second.headers["content-security-policy"]


def test_devices_are_for_the_studio_only(client: TestClient) -> None:
    assert "camera=()" in client.get("/").headers["permissions-policy"]
    assert "camera=(self)" in client.get("/studio", follow_redirects=False).headers["permissions-policy"]


def test_a_request_id_comes_back_when_it_is_one(client: TestClient) -> None:
    assert client.get("/livez", headers={"X-Request-ID": "abc-123"}).headers["x-request-id"] == "abc-123"
    assert client.get("/livez", headers={"X-Request-ID": "<script>"}).headers["x-request-id"] != "<script>"


def test_errors_are_problems_for_programs_and_pages_for_people(client: TestClient) -> None:
    program = client.get("/v1/products/nothing")
    assert program.status_code == 404
    assert program.headers["content-type"] == "application/problem+json"
    assert program.json()["type"] == "/problems/product-unknown"
    person = client.get("/products/nothing", headers={"Accept": "text/html"})
    assert person.status_code == 404
    assert "<h1>" in person.text
    assert client.get("/nowhere", headers={"Accept": "text/html"}).status_code == 404
    wrong = client.put("/v1/products")
    assert wrong.status_code == 405


def test_a_body_that_is_too_large_is_refused_before_it_is_read(client: TestClient) -> None:
    for path, kind in (("/v1/orders", "application/json"), ("/sign-in", "application/x-www-form-urlencoded")):
        answer = client.post(path, content=b"&" * 66_000, headers={"Content-Type": kind})
        assert answer.status_code == 413, path


def test_readyz_names_what_is_missing(client: TestClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    checks = answer.json()["checks"]
    assert (checks["database"], checks["broker"]) == ("ok", "ok")
    assert checks["media"] != "ok"
    assert checks["worker"] != "ok"
    assert client.get("/livez").status_code == 200


def test_secrets_in_addresses_stay_out_of_the_log(client: TestClient) -> None:
    with capture_logs() as written:
        client.get("/welcome/one-time-token")
        client.delete("/live/room/whep/session-token")
        client.get("/cart")
    assert [each["path"] for each in written] == ["/welcome/***", "/live/room/whep/***", "/cart"]


def test_only_allowed_hosts_are_answered(services: Services) -> None:
    services.settings = services.settings.model_copy(update={"allowed_hosts": "shop.example, *.shop.example"})
    answers = {}
    with TestClient(create_app(services)) as browser:
        for host in ("shop.example", "www.shop.example:8000", "127.0.0.1:8000", "rebound.example", "testserver"):
            answers[host] = browser.get("/livez", headers={"Host": host}).status_code
    assert list(answers.values()) == [200, 200, 200, 400, 400], answers

"""`vitrine up --https`: everything works over the certificate of its own, and a phone is shown the way."""

import json
import ssl
import stat
import time
import urllib.request
from collections.abc import Iterator
from http.client import HTTPMessage

import pytest

from livestream.addresses import local_addresses
from tests.end_to_end.conftest import Running, start, stop

pytestmark = pytest.mark.slow

PATIENCE = 60.0


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    it = start(tmp_path_factory.mktemp("https"), "--https")
    yield it
    stop(it)


def get(running: Running, path: str, host: str = "127.0.0.1", token: str = "") -> tuple[HTTPMessage, str]:
    trust = ssl.create_default_context(cafile=running.data_dir / "https.crt")
    port = running.url.rpartition(":")[2]
    request = urllib.request.Request(f"https://{host}:{port}{path}")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=10, context=trust) as answer:
        return answer.headers, answer.read().decode()


def test_everything_runs_over_a_certificate_that_names_this_machine(secure: Running) -> None:
    assert secure.url.startswith("https://127.0.0.1:")
    assert json.loads(get(secure, "/readyz")[1])["status"] == "ok"
    assert stat.S_IMODE((secure.data_dir / "https.key").stat().st_mode) == 0o600
    headers, _ = get(secure, "/feed")
    assert headers["Set-Cookie"].startswith("__Host-session=")
    assert "; Secure" in headers["Set-Cookie"]
    assert "Strict-Transport-Security" not in headers
    # The demo's encoder publishes through it.
    deadline = time.monotonic() + PATIENCE
    while json.loads(get(secure, f"/v1/rooms/{secure.demo['room']}")[1])["state"] != "live":
        assert time.monotonic() < deadline, "the demo's room did not go live"
        time.sleep(0.2)


def test_the_demos_sign_in_stays_on_this_machine(secure: Running) -> None:
    assert "/demo/sign-in" in get(secure, "/sign-in")[1]
    addresses = [address for address in local_addresses() if ":" not in address]
    for address in addresses:
        assert "/demo/sign-in" not in get(secure, "/sign-in", address)[1]
        assert "<vitrine-feed" in get(secure, "/feed", address)[1]

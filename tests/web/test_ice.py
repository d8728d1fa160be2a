"""Credentials of TURN servers, and where those are."""

import base64
import hashlib
import hmac
from pathlib import Path

import pytest
from pydantic import ValidationError

from storage.settings import Settings
from web.ice import host_and_port, links, name_of, turn_credentials


def test_credentials_are_what_coturn_computes() -> None:
    """draft-uberti-behave-turn-rest-00: base64(HMAC-SHA1(secret, "expiry:name"))."""
    made = turn_credentials("north", "ada", 1_700_000_000.9)
    assert made.username == "1700000300:ada"
    assert base64.b64decode(made.password) == hmac.digest(b"north", b"1700000300:ada", hashlib.sha1)


def test_the_secret_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "turn.secret"
    file.write_text("north\n")
    settings = Settings(data_dir=tmp_path, turn_urls="turn:localhost", turn_secret_file=file)
    password = turn_credentials("north", "ada", 0).password
    assert password in links(settings, "ada", 0)[0]
    assert links(settings, None, 0) == []
    file.write_text("south")
    assert password not in links(settings, "ada", 0)[0], "a new secret is taken without a restart"


@pytest.mark.parametrize(
    "wrong",
    [
        {"turn_urls": "turn:localhost"},
        {"turn_urls": "turn:localhost", "turn_secret_file": Path("/nowhere/at/all")},
        {"turn_urls": "stun:localhost", "turn_secret": "north"},
        {"turn_urls": 'turn:localhost>; rel="x"', "turn_secret": "north"},
        {"stun_urls": "https://example.org"},
    ],
)
def test_relays_that_cannot_work_are_said_at_the_start(wrong: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        Settings(data_dir=tmp_path, **wrong)  # type: ignore[arg-type]


def test_a_persons_name_is_steady_and_secret(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert name_of(settings, "ada") == name_of(settings, "ada")
    assert name_of(settings, "ada") != name_of(settings, "eve")
    assert "ada" not in name_of(settings, "ada")


def test_where_servers_are() -> None:
    assert host_and_port("turn:turn.example.org") == ("turn.example.org", 3478, "udp")
    assert host_and_port("turns:turn.example.org") == ("turn.example.org", 5349, "tcp")
    assert host_and_port("turn:[2001:db8::1]:443?transport=tcp") == ("2001:db8::1", 443, "tcp")
    assert host_and_port("stun:192.0.2.1:19302") == ("192.0.2.1", 19302, "udp")

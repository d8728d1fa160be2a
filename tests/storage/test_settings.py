"""Settings as an operator writes them."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from storage.settings import Settings, child_environment


def test_announced_addresses_are_addresses(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, media_address=" 203.0.113.7, 2001:DB8::7 ,")
    assert settings.media_addresses == ("203.0.113.7", "2001:db8::7")
    assert Settings(data_dir=tmp_path).media_addresses == ()
    with pytest.raises(ValidationError, match="does not appear to be"):
        Settings(media_address="live.example.org")


def test_children_hear_of_the_port_and_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in child_environment(
        Settings(data_dir=tmp_path, media_address="203.0.113.7", media_port=8189)
    ).items():
        monkeypatch.setenv(name, value)
    assert (Settings().media_addresses, Settings().media_port) == (("203.0.113.7",), 8189)

"""What `vitrine up --https` tells somebody with a phone in hand."""

from pathlib import Path

import pytest

from livestream.addresses import local_addresses, main_address
from storage.settings import Settings
from web import phones


def test_a_phone_is_shown_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(data_dir=tmp_path, https=True, host=phones.EVERYWHERE, port=8443, demo=True)
    phones.make_certificate(settings)
    phones.greet(settings)
    said = capsys.readouterr().out
    address = main_address()
    if address is None:
        assert "no network" in said
        return
    assert address in local_addresses()
    assert f"phones {phones.web_url(settings, address)}" in said
    assert "certificate SHA-256 " in said
    assert "one-click sign-in works on this\nmachine only" in said
    assert "█▀" in said
    phones.greet(settings.model_copy(update={"demo": False, "host": "192.0.2.77"}))
    said = capsys.readouterr().out
    assert "phones https://192.0.2.77:8443" in said
    assert "one-click" not in said

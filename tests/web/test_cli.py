"""The command line: options, settings, and what is said when they are wrong."""

import itertools
from pathlib import Path

import pytest
from click.testing import CliRunner

from storage.settings import Settings
from web import cli


def test_the_media_process_is_started_with_the_port_and_every_address(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, media_address="203.0.113.7,192.0.2.2", media_port=8189)
    command = cli.media_command(settings)
    said = [*itertools.pairwise(command)]
    assert ("--port", "8189") in said
    assert [value for name, value in said if name == "--address"] == ["203.0.113.7", "192.0.2.2"]


@pytest.mark.parametrize("command", ["media", "up"])
def test_a_wrong_setting_is_named(command: str, tmp_path: Path) -> None:
    said = CliRunner().invoke(cli.main, [command, "--data-dir", str(tmp_path), "--media-address", "live.example.org"])
    assert said.exit_code == 1
    assert "VITRINE_MEDIA_ADDRESS" in said.output
    assert "'live.example.org' does not appear to be an IPv4 or IPv6 address" in said.output
    said = CliRunner().invoke(cli.main, [command, "--data-dir", str(tmp_path), "--media-port", "70000"])
    assert said.exit_code == 1
    assert "VITRINE_MEDIA_PORT" in said.output

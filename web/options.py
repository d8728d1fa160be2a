"""Settings as options of commands."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from storage.settings import Settings

# Options that stand for the setting of the same name.
SET_BY_OPTIONS = ("host", "port", "demo", "https", "media_address", "media_port")


def with_settings(command: Callable[..., None], *, prepare: bool = True) -> Callable[..., None]:
    """Give a command the settings: the environment, then the options of the command line.

    Without `prepare` nothing is made on the disk: the command only looks.
    """

    @click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Where everything is kept.")
    @wraps(command)
    def wrapped(*args: Any, data_dir: Path | None, **options: Any) -> None:
        wishes = {name: options.pop(name, None) for name in SET_BY_OPTIONS}
        given = {name: wish for name, wish in wishes.items() if wish is not None}
        if data_dir is not None:
            given["data_dir"] = data_dir.resolve()
        settings = read_settings(given)
        if prepare:
            settings.prepare()
        command(settings, *args, **options)

    return wrapped


def read_settings(given: dict[str, Any]) -> Settings:
    """Read the settings; what is wrong with them is said by the name that the operator wrote."""
    try:
        return Settings(**given)
    except ValidationError as error:
        wrong = ((str((each["loc"] or ("",))[0]), each["msg"]) for each in error.errors())
        lines = [f"{name if name.isupper() else f'VITRINE_{name.upper()}'}: {message}" for name, message in wrong]
        raise click.ClickException("\n".join(lines)) from None


def media_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of the media process's address and port."""
    address = click.option("--media-address", help="Comma separated IP addresses that viewers' browsers can reach.")
    port = click.option("--media-port", type=int, help="The one UDP port of live rooms; 0 takes free ones.")
    return address(port(command))

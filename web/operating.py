"""Commands for whoever runs an installation: `vitrine doctor` and `vitrine config show`."""

import json
import re
import sys
from functools import partial
from typing import Any

import click
from pydantic import SecretStr

from storage.settings import Settings
from web.options import with_settings

PASSWORD_IN_URL = re.compile(r"(://[^:/@\s]*:)[^@\s]+(@)")
COLOURS = {"OK": "green", "WARN": "yellow", "FAIL": "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@partial(with_settings, prepare=False)
def doctor(settings: Settings, as_json: bool) -> None:
    """Look at the machine and at what runs; each line OK, WARN or FAIL with the fix. Ends with 1 at a FAIL."""
    from web.doctor import examine

    findings = examine(settings)
    failed = any(each.state == "FAIL" for each in findings)
    if as_json:
        checks = [{"name": f.name, "state": f.state, "detail": f.detail, "fix": f.fix} for f in findings]
        click.echo(json.dumps({"state": "FAIL" if failed else "OK", "checks": checks}, indent=2))
    else:
        width = max(len(each.name) for each in findings)
        for each in findings:
            click.echo(f"{click.style(f'{each.state:<4}', COLOURS[each.state])}  {each.name:<{width}}  {each.detail}")
            if each.fix:
                click.echo(f"{'':<{width + 6}}  -> {each.fix}")
    sys.exit(1 if failed else 0)


@click.group()
def config() -> None:
    """The settings."""


@config.command()
@partial(with_settings, prepare=False)
def show(settings: Settings) -> None:
    """Print every setting as the environment would say it, what is set first; secrets are masked."""
    for chosen in (True, False):
        click.echo("# set" if chosen else "\n# defaults")
        for name, about in Settings.model_fields.items():
            if (name in settings.model_fields_set) == chosen:
                variable = about.validation_alias or f"VITRINE_{name.upper()}"
                click.echo(f"{variable}={shown(getattr(settings, name))}  # {about.description}")


def shown(value: Any) -> str:
    """Return a setting's value as an environment variable has it, without passwords."""
    if isinstance(value, SecretStr):
        return "***" if value.get_secret_value() else ""
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else PASSWORD_IN_URL.sub(r"\1***\2", str(value))

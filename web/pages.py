"""Jinja2 pages: one environment, one way to render, the same helpers in every template."""

import hashlib
import json
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from web.i18n import LOCALES, catalogue, locale_of, moment, money, translate
from web.static_files import import_map, static_url

environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(request: Request, template: str, *, status_code: int = 200, **context: Any) -> HTMLResponse:
    """Render a page in the language of the request."""
    locale = locale_of(request)
    settings = request.app.state.services.settings
    body = environment.get_template(template).render(
        request=request,
        person=getattr(request.state, "person", None),
        locale=locale,
        locales=LOCALES,
        path=request.url.path,
        nonce=request.state.nonce,
        demo=settings.demo,
        relays=bool(settings.stun_urls or settings.turn_urls),
        importmap=Markup(import_map(messages_url(locale))),  # noqa: S704
        static=static_url,
        _=partial(translate, locale),
        money=partial(money, locale),
        moment=partial(moment, locale),
        icon=icon,
        iso=_iso,
        data=_data,
        **context,
    )
    response = HTMLResponse(body, status_code)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Language"] = locale
    return response


@cache
def messages_url(locale: str) -> str:
    """Return the address of the script with the texts of `locale`, with the hash of its content."""
    return f"/i18n/{locale}.js?v={hashlib.sha256(messages_module(locale).encode()).hexdigest()[:12]}"


def messages_module(locale: str) -> str:
    """Return the ES module with the sentences that scripts show, for the import map's `vitrine/messages`."""
    return f"export const locale = {json.dumps(locale)};\nexport default {json.dumps(dict(catalogue(locale)))};\n"


def icon(name: str, label: str = "") -> Markup:
    """Return the icon `name` of the sprite: an image with a label, or an ornament that screen readers skip."""
    role = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    sprite = static_url("vendor/icons.svg")
    return Markup('<svg class="icon" {}><use href="{}#{}"></use></svg>').format(role, sprite, name)


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _data(value: Any) -> str:
    # For data-* attributes: autoescaping makes it safe there.
    return json.dumps(value, ensure_ascii=False)

"""German and English: English sentences are the message ids, German comes from gettext catalogues."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from babel import Locale
from babel.dates import format_datetime, format_timedelta
from babel.messages.pofile import read_po
from babel.numbers import format_currency
from starlette.requests import HTTPConnection

LOCALES = ("de", "en")
COOKIE = "lang"
CATALOGUES = Path(__file__).parent / "locale"


@cache
def catalogue(locale: str) -> Mapping[str, str]:
    """Return English sentence -> sentence of `locale`; empty for English itself."""
    sentences: dict[str, str] = {}
    for path in sorted((CATALOGUES / locale / "LC_MESSAGES").glob("*.po")):
        with path.open("rb") as file:
            messages = read_po(file, locale=locale)
        sentences |= {str(message.id): str(message.string) for message in messages if message.id and message.string}
    return sentences


def translate(locale: str, message: str, **values: object) -> str:
    """Return `message` in `locale` with its `{placeholders}` filled."""
    text = catalogue(locale).get(message, message)
    return text.format(**values) if values else text


def locale_of(connection: HTTPConnection) -> str:
    """Choose the language: `?lang`, then the cookie, then the account, then what the browser prefers, then German."""
    person = getattr(connection.state, "person", None)
    account = None if person is None or person.guest else person.locale
    for wish in (connection.query_params.get("lang"), connection.cookies.get(COOKIE), account):
        if wish in LOCALES:
            return str(wish)
    accepted = (part.split(";")[0].strip() for part in connection.headers.get("accept-language", "").split(","))
    known = Locale.negotiate([tag for tag in accepted if tag], LOCALES, sep="-")
    return known.language if known else LOCALES[0]


def money(locale: str, amount: int, currency: str) -> str:
    """Write an amount in minor units as people of `locale` read it."""
    # Every currency of the shop has two decimals; Babel takes the sign and the place from the locale.
    return str(format_currency(amount / 100, currency, locale=locale))


def span(locale: str, lasting: timedelta) -> str:
    """Write how long something has lasted, in its largest unit, as people of `locale` read it."""
    return str(format_timedelta(lasting, locale=locale))


def moment(locale: str, at: datetime, style: str = "medium") -> str:
    """Write an instant in UTC as people of `locale` read it; the page's script turns it into local time."""
    return str(format_datetime(at, style, locale=locale))

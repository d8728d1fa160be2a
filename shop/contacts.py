"""Where an order goes: a name and an address, checked field by field."""

import re
from dataclasses import asdict, dataclass, replace

from storage.errors import UserError

# Characters of each field.
LONGEST = {"name": 120, "email": 254, "street": 200, "postcode": 20, "city": 120, "country": 2}
GERMAN_POSTCODE = re.compile(r"[0-9]{5}")
POSTCODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 -]{0,11}")

_MISSING = {
    "name": "Tell us your name.",
    "email": "Tell us an e-mail address.",
    "street": "Tell us street and number.",
    "postcode": "Tell us the postcode.",
    "city": "Tell us the town.",
    "country": "Choose a country.",
}


@dataclass(frozen=True)
class Contact:
    """Whom to send an order to; `country` is an ISO 3166 code of two letters."""

    name: str
    email: str
    street: str
    postcode: str
    city: str
    country: str = "DE"


def checked(contact: Contact) -> Contact:
    """Return a contact without stray white space; raises UserError `contact` with a sentence for each wrong field."""
    trimmed = Contact(**{name: " ".join(value.split()) for name, value in asdict(contact).items()})
    country = trimmed.country.upper()
    wrong = {
        name: sentence for name, sentence in _MISSING.items() if not 1 <= len(getattr(trimmed, name)) <= LONGEST[name]
    }
    if "@" not in trimmed.email[1:-1]:
        wrong["email"] = _MISSING["email"]
    if not (len(country) == 2 and country.isascii() and country.isalpha()):
        wrong["country"] = _MISSING["country"]
    if "postcode" not in wrong:
        wrong |= _wrong_postcode(trimmed.postcode, country)
    if wrong:
        raise UserError("contact", "Complete your address.", fields=wrong)
    return replace(trimmed, country=country)


def _wrong_postcode(postcode: str, country: str) -> dict[str, str]:
    if country == "DE":
        return {} if GERMAN_POSTCODE.fullmatch(postcode) else {"postcode": "A German postcode has five digits."}
    if POSTCODE.fullmatch(postcode):
        return {}
    return {"postcode": "Write the postcode with at most 12 letters, digits, spaces and hyphens."}

"""People, their roles, their sessions and their API tokens.

Tokens are 256 random bits, shown once and kept as SHA-256 only, so a copied database opens nothing.
"""

import hashlib
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import argon2
from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, delete, func, insert, select, update

from storage.database import Instant, Tx, metadata
from storage.errors import Conflict, NotFound, UserError
from storage.ids import new_id

ROLES = ("viewer", "host", "merchant", "operator")
SESSION_IDLE = timedelta(days=14)
SESSION_LIFE = timedelta(days=60)
# Writing `seen_at` at every request would make each page view a write transaction.
SEEN_EVERY = timedelta(hours=1)
INVITE_LIFE = timedelta(days=7)
SHORTEST_PASSWORD = 10

people = Table(
    "people",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("email", String(254), unique=True),
    Column("name", String(80), nullable=False),
    Column("password_hash", String(200)),
    Column("locale", String(5), nullable=False),
    Column("guest", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
)
roles = Table(
    "roles",
    metadata,
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("role", String(10), primary_key=True),
)
sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
)
api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(80), nullable=False),
    Column("scopes", String(500), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("used_at", Instant),
    Index(None, "person_id"),
)
invites = Table(
    "invites",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("role", String(10), nullable=False),
    Column("note", String(80), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("used_at", Instant),
)

# OWASP's smallest Argon2id setting: 19 MiB, two passes, one lane
_hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Verified when the address is unknown, so that both answers take the same time.
_NOBODYS_HASH = _hasher.hash(secrets.token_hex(16))
# Hashing is meant to be slow: more than two at a time would let strangers take the machine's cores.
_hashing = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class Person:
    """Who asks; `scopes` is None for a browser's session and limits what a program's token may do."""

    id: str
    name: str
    email: str | None
    locale: str
    guest: bool
    roles: frozenset[str]
    scopes: frozenset[str] | None = None

    def may(self, role: str, scope: str | None = None) -> bool:
        """Tell whether this person has the role and, when a token asks, the scope."""
        if role not in self.roles and "operator" not in self.roles:
            return False
        return self.scopes is None or (scope is not None and scope in self.scopes) or "operate" in self.scopes


def token_hash(token: str) -> str:
    """Return what the database keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def add_guest(tx: Tx, locale: str, now: datetime) -> str:
    """Write a viewer who has not told a name; a cart and a session need somebody to belong to."""
    return _add(tx, None, "", None, locale, {"viewer"}, now)


def sign_up(
    tx: Tx,
    email: str,
    name: str,
    password_hash: str,
    locale: str,
    now: datetime,
    *,
    guest_id: str | None = None,
    role: str | None = None,
) -> str:
    """Write an account, or turn the guest `guest_id` into one so that cart and consent stay; returns its id.

    Raises Conflict `email-taken`.
    """
    if tx.scalar(select(people.c.id).where(people.c.email == email)) is not None:
        raise Conflict("email-taken", "There is already an account with this e-mail address. Sign in instead.")
    granted = {"viewer"} | ({role} if role else set())
    if guest_id is None:
        return _add(tx, email, name, password_hash, locale, granted, now)
    tx.execute(
        update(people)
        .where(people.c.id == guest_id, people.c.guest.is_(True))
        .values(email=email, name=name, password_hash=password_hash, locale=locale, guest=False)
    )
    for each in granted:
        grant(tx, guest_id, each)
    return guest_id


def hash_password(password: str) -> str:
    """Return the Argon2id hash of a new password; takes tens of milliseconds and raises UserError when too short."""
    if len(password) < SHORTEST_PASSWORD:
        raise UserError("password-short", "Choose a password of at least {least} characters.", least=SHORTEST_PASSWORD)
    with _hashing:
        return _hasher.hash(password)


def password_fits(stored: str | None, password: str) -> bool:
    """Check a password in the same time whether or not there is an account."""
    with _hashing:
        try:
            _hasher.verify(stored or _NOBODYS_HASH, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
    return stored is not None


def by_email(tx: Tx, email: str) -> tuple[str, str | None] | None:
    """Return id and password hash of the account with this address."""
    row = tx.one_or_none(select(people.c.id, people.c.password_hash).where(people.c.email == email))
    return None if row is None else (row.id, row.password_hash)


def person(tx: Tx, person_id: str, scopes: frozenset[str] | None = None) -> Person:
    """Return a person by id; raises NotFound."""
    row = tx.one_or_none(select(people).where(people.c.id == person_id))
    if row is None:
        raise NotFound("person-unknown", "There is no such person.")
    held = frozenset(tx.execute(select(roles.c.role).where(roles.c.person_id == person_id)).scalars())
    return Person(row.id, row.name, row.email, row.locale, row.guest, held, scopes)


def name_of(tx: Tx, person_id: str) -> str:
    """Return what a person is called here; nothing for one who is gone."""
    return str(tx.scalar(select(people.c.name).where(people.c.id == person_id)) or "")


def grant(tx: Tx, person_id: str, role: str) -> None:
    """Give a role; having it already is fine."""
    assert role in ROLES, f"{role!r} is no role"
    held = select(roles.c.role).where(roles.c.person_id == person_id, roles.c.role == role)
    if tx.scalar(held) is None:
        tx.execute(insert(roles).values(person_id=person_id, role=role))


def set_locale(tx: Tx, person_id: str, locale: str) -> None:
    """Remember the language a person chose."""
    tx.execute(update(people).where(people.c.id == person_id).values(locale=locale))


def everybody(tx: Tx) -> list[Person]:
    """Return all accounts that are not guests, the newest first."""
    ids = tx.execute(select(people.c.id).where(people.c.guest.is_(False)).order_by(people.c.id.desc())).scalars()
    return [person(tx, person_id) for person_id in ids]


def open_session(tx: Tx, person_id: str, now: datetime) -> str:
    """Start a session and return its token; old ones of everybody are cleared on the way."""
    tx.execute(delete(sessions).where(sessions.c.seen_at < now - SESSION_IDLE))
    token = secrets.token_urlsafe(32)
    tx.execute(insert(sessions).values(token_hash=token_hash(token), person_id=person_id, created_at=now, seen_at=now))
    return token


def session_person(tx: Tx, token: str, now: datetime) -> tuple[Person, bool] | None:
    """Return whose session this is and whether `touch_session` is due; None when it is unknown or too old."""
    row = tx.one_or_none(select(sessions).where(sessions.c.token_hash == token_hash(token)))
    if row is None or row.seen_at < now - SESSION_IDLE or row.created_at < now - SESSION_LIFE:
        return None
    return person(tx, row.person_id), row.seen_at < now - SEEN_EVERY


def touch_session(tx: Tx, token: str, now: datetime) -> None:
    """Note that a session is in use."""
    tx.execute(update(sessions).where(sessions.c.token_hash == token_hash(token)).values(seen_at=now))


def close_session(tx: Tx, token: str) -> None:
    """End a session; an unknown one is fine. What it still holds open elsewhere hears of it by the topic `login`."""
    tx.tell(f"login:{token_hash(token)}", {"type": "ended"})
    tx.execute(delete(sessions).where(sessions.c.token_hash == token_hash(token)))


def add_token(tx: Tx, person_id: str, name: str, scopes: frozenset[str], now: datetime) -> str:
    """Make an API token with scopes and return it, the only time that it can be seen."""
    token = "vit_" + secrets.token_urlsafe(32)
    tx.execute(
        insert(api_tokens).values(
            id=new_id(),
            token_hash=token_hash(token),
            person_id=person_id,
            name=name,
            scopes=" ".join(sorted(scopes)),
            created_at=now,
        )
    )
    return token


def token_person(tx: Tx, token: str) -> Person | None:
    """Return whose API token this is, with its scopes."""
    row = tx.one_or_none(select(api_tokens).where(api_tokens.c.token_hash == token_hash(token)))
    return None if row is None else person(tx, row.person_id, frozenset(row.scopes.split()))


def drop_tokens(tx: Tx, person_id: str, name: str) -> None:
    """Revoke a person's tokens of one name."""
    tx.execute(delete(api_tokens).where(api_tokens.c.person_id == person_id, api_tokens.c.name == name))


def has_operator(tx: Tx) -> bool:
    """Tell whether anybody runs this installation yet."""
    return bool(tx.scalar(select(func.count()).select_from(roles).where(roles.c.role == "operator")))


def invite(tx: Tx, role: str, note: str, now: datetime) -> str:
    """Make a one-time link's token that gives `role`; `note` is the merchant's name for merchants."""
    assert role in ROLES, f"{role!r} is no role"
    token = secrets.token_urlsafe(32)
    tx.execute(insert(invites).values(token_hash=token_hash(token), role=role, note=note, created_at=now))
    return token


def open_invite(tx: Tx, token: str, now: datetime) -> tuple[str, str]:
    """Return role and note of an unused invitation; raises NotFound when used, too old or unknown."""
    row = tx.one_or_none(select(invites).where(invites.c.token_hash == token_hash(token)))
    if row is None or row.used_at is not None or row.created_at < now - INVITE_LIFE:
        raise NotFound("invite-unknown", "This invitation has been used or is too old. Ask for a new one.")
    return row.role, row.note


def use_invite(tx: Tx, token: str, now: datetime) -> tuple[str, str]:
    """Use up an invitation and return its role and note; of two at the same moment one gets NotFound."""
    found = open_invite(tx, token, now)
    tx.execute(update(invites).where(invites.c.token_hash == token_hash(token)).values(used_at=now))
    return found


def gone_guests(tx: Tx, now: datetime, limit: int = 200) -> list[str]:
    """Return guests whose last session has ended: nobody can come back as one of them."""
    alive = select(sessions.c.person_id).where(sessions.c.seen_at >= now - SESSION_IDLE)
    gone = (people.c.guest.is_(True), people.c.created_at < now - SESSION_IDLE, people.c.id.not_in(alive))
    return list(tx.execute(select(people.c.id).where(*gone).order_by(people.c.id).limit(limit)).scalars())


def export(tx: Tx, person_id: str) -> dict[str, Any]:
    """Return what accounts hold of a person, without the secrets."""
    who = person(tx, person_id)
    opened = tx.all(select(sessions.c.created_at, sessions.c.seen_at).where(sessions.c.person_id == person_id))
    tokens = tx.all(
        select(api_tokens.c.name, api_tokens.c.scopes, api_tokens.c.created_at, api_tokens.c.used_at).where(
            api_tokens.c.person_id == person_id
        )
    )
    return {
        "person": {"id": who.id, "name": who.name, "email": who.email, "locale": who.locale},
        "roles": sorted(who.roles),
        "sessions": [dict(row._mapping) for row in opened],
        "api_tokens": [dict(row._mapping) for row in tokens],
    }


def erase(tx: Tx, person_id: str) -> None:
    """Remove a person; roles, sessions and tokens go with the row."""
    for login in tx.execute(select(sessions.c.token_hash).where(sessions.c.person_id == person_id)).scalars():
        tx.tell(f"login:{login}", {"type": "ended"})
    for table in (roles, sessions, api_tokens):
        tx.execute(delete(table).where(table.c.person_id == person_id))
    tx.execute(delete(people).where(people.c.id == person_id))


def _add(
    tx: Tx, email: str | None, name: str, password_hash: str | None, locale: str, granted: set[str], now: datetime
) -> str:
    person_id = new_id()
    tx.execute(
        insert(people).values(
            id=person_id,
            email=email,
            name=name,
            password_hash=password_hash,
            locale=locale,
            guest=email is None,
            created_at=now,
        )
    )
    for role in granted:
        grant(tx, person_id, role)
    return person_id

"""Accounts: passwords, sessions, tokens, invitations."""

from datetime import UTC, datetime, timedelta

import pytest

from storage import accounts
from storage.database import Database
from storage.errors import Conflict, NotFound, UserError

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def add(db: Database, email: str = "ada@example.org") -> str:
    with db.writing() as tx:
        return accounts.sign_up(tx, email, "Ada", accounts.hash_password("correct horse"), "de", NOW)


def test_a_password_fits_only_itself_and_nobody_else(db: Database) -> None:
    add(db)
    with db.reading() as tx:
        found = accounts.by_email(tx, "ada@example.org")
    assert found is not None
    assert accounts.password_fits(found[1], "correct horse")
    assert not accounts.password_fits(found[1], "wrong horse!")
    assert not accounts.password_fits(None, "correct horse")
    assert not accounts.password_fits("!", "!")


def test_short_passwords_are_refused() -> None:
    with pytest.raises(UserError, match="at least 10"):
        accounts.hash_password("short")


def test_an_address_has_one_account(db: Database) -> None:
    add(db)
    with pytest.raises(Conflict):
        add(db)


def test_a_guest_becomes_an_account_with_the_same_id(db: Database) -> None:
    with db.writing() as tx:
        guest = accounts.add_guest(tx, "en", NOW)
        kept = accounts.sign_up(tx, "b@example.org", "Bo", "!", "en", NOW, guest_id=guest, role="host")
        person = accounts.person(tx, guest)
    assert kept == guest
    assert not person.guest
    assert person.roles == {"viewer", "host"}


def test_a_session_ends_when_idle_or_closed(db: Database) -> None:
    person_id = add(db)
    with db.writing() as tx:
        token = accounts.open_session(tx, person_id, NOW)
        found = accounts.session_person(tx, token, NOW)
        assert found is not None
        assert found[0].id == person_id
        assert accounts.session_person(tx, "guessed", NOW) is None
        assert accounts.session_person(tx, token, NOW + accounts.SESSION_IDLE + timedelta(seconds=1)) is None
        accounts.close_session(tx, token)
        assert accounts.session_person(tx, token, NOW) is None


def test_a_session_in_use_lives_on_up_to_its_end(db: Database) -> None:
    person_id = add(db)
    with db.writing() as tx:
        token = accounts.open_session(tx, person_id, NOW)
        now = NOW
        for _ in range(5):
            now += timedelta(days=10)
            assert accounts.session_person(tx, token, now) is not None
            accounts.touch_session(tx, token, now)
        assert accounts.session_person(tx, token, NOW + accounts.SESSION_LIFE + timedelta(days=1)) is None


def test_the_database_holds_no_token(db: Database) -> None:
    person_id = add(db)
    with db.writing() as tx:
        secrets = [
            accounts.open_session(tx, person_id, NOW),
            accounts.add_token(tx, person_id, "obs", frozenset({"live:publish:x"}), NOW),
            accounts.invite(tx, "host", "", NOW),
        ]
    assert db.engine.url.database
    with open(db.engine.url.database, "rb") as file, open(db.engine.url.database + "-wal", "rb") as log:
        content = file.read() + log.read()
    assert b"ada@example.org" in content
    assert not any(secret.encode() in content for secret in secrets)


def test_a_token_carries_its_scopes_until_it_is_dropped(db: Database) -> None:
    person_id = add(db)
    with db.writing() as tx:
        accounts.grant(tx, person_id, "host")
        token = accounts.add_token(tx, person_id, "obs", frozenset({"live:publish:a"}), NOW)
        person = accounts.token_person(tx, token)
        assert person is not None
        assert person.may("host", "live:publish:a")
        assert not person.may("host", "live:publish:b")
        assert not person.may("host")
        assert not person.may("merchant", "live:publish:a")
        accounts.drop_tokens(tx, person_id, "obs")
        assert accounts.token_person(tx, token) is None


def test_an_invitation_opens_once_and_not_for_ever(db: Database) -> None:
    with db.writing() as tx:
        token = accounts.invite(tx, "merchant", "Hut & Co", NOW)
        assert accounts.open_invite(tx, token, NOW) == ("merchant", "Hut & Co")
        with pytest.raises(NotFound):
            accounts.open_invite(tx, token, NOW + accounts.INVITE_LIFE + timedelta(seconds=1))
        assert accounts.use_invite(tx, token, NOW) == ("merchant", "Hut & Co")
        with pytest.raises(NotFound):
            accounts.use_invite(tx, token, NOW)


def test_export_has_no_secret_and_erase_leaves_nothing(db: Database) -> None:
    person_id = add(db)
    with db.writing() as tx:
        accounts.open_session(tx, person_id, NOW)
        accounts.add_token(tx, person_id, "obs", frozenset({"viewer"}), NOW)
        exported = accounts.export(tx, person_id)
        assert exported["person"]["email"] == "ada@example.org"
        assert len(exported["sessions"]) == len(exported["api_tokens"]) == 1
        assert "hash" not in str(exported)
        accounts.erase(tx, person_id)
        with pytest.raises(NotFound):
            accounts.person(tx, person_id)

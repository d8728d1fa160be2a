"""Guests who cannot come back leave nothing behind."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from personalization import consent
from storage import accounts
from storage.clock import utcnow
from storage.errors import NotFound
from tests.workers.conftest import Floor
from workers.tasks import tidy

pytestmark = pytest.mark.slow


def test_only_guests_whose_sessions_are_over_are_erased(floor: Floor) -> None:
    now = utcnow()
    long_ago = now - accounts.SESSION_IDLE - timedelta(days=1)
    with floor.db.writing() as tx:
        gone, here, new = (accounts.add_guest(tx, "de", at) for at in (long_ago, long_ago, now))
        account = accounts.sign_up(tx, "ada@example.org", "Ada", "!", "de", long_ago)
        accounts.open_session(tx, gone, long_ago)
        accounts.open_session(tx, here, long_ago)
        tx.execute(update(accounts.sessions).where(accounts.sessions.c.person_id == here).values(seen_at=now))
        consent.put(tx, gone, personalise=True, measure=True, text_version="1", source="test", now=long_ago)

    tidy(floor.workshop)

    with floor.db.reading() as tx:
        left = set(tx.execute(select(accounts.people.c.id)).scalars())
        assert {here, new, account} <= left
        assert gone not in left
        assert not consent.current(tx, gone).asked
        with pytest.raises(NotFound):
            accounts.person(tx, gone)

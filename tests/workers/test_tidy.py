"""Guests who cannot come back leave nothing behind, and bandits share out their viewers anew."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from personalization import consent, experiments
from personalization.experiments import BANDIT, Variant
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


def test_only_bandits_are_shared_out_anew(floor: Floor) -> None:
    now = utcnow()
    two = (Variant("usual", 0.5, {}), Variant("more", 0.5, {"exploration": 0.2}))
    with floor.db.writing() as tx:
        plain, bandit = (experiments.add(tx, "Test", two, now, layer=kind, kind=kind) for kind in ("ab", BANDIT))
        for each in (plain, bandit):
            experiments.start(tx, each, 1.0, now)
        viewer = accounts.add_guest(tx, "de", now)
        seen = {"experiment_id": bandit, "viewer_id": viewer, "variant": "usual", "at": now}
        tx.execute(experiments.exposures.insert().values(seen))

    tidy(floor.workshop)

    with floor.db.reading() as tx:
        shares = [each.share for each in experiments.get(tx, bandit).variants]
        assert sum(shares) == pytest.approx(1)
        # One viewer who bought nothing speaks, a little, for the other.
        assert 0.05 <= shares[0] < 0.5 < shares[1]
        assert [each.share for each in experiments.get(tx, plain).variants] == [0.5, 0.5]

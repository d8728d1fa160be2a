"""What a viewer did before signing in, taken along into the account only when they say so."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select

from personalization import consent, log, memory
from storage.database import Tx

COLUMNS = [column for column in log.events.c if column.name not in ("seq", "viewer_id", "measure")]


def learnt(tx: Tx, guest_id: str) -> int:
    """Return how many things a guest's profile rests on: none is nothing to ask about."""
    return len(log.read(tx, guest_id))


def adopt(tx: Tx, guest_id: str, person_id: str, now: datetime) -> int:
    """Add what the guest did to the person's profile; returns how many entries came along.

    Nothing does unless both agreed to a profile. What both have is kept once, so doing it twice changes nothing. The
    guest's own log stays until the guest is erased; in what all viewers share it counts once, as the guest's.
    """
    if not (consent.current(tx, guest_id).personalise and consent.current(tx, person_id).personalise):
        return 0
    memory.hold(tx, person_id)
    mine = (log.events.c.viewer_id == guest_id) & log.events.c.personalise
    rows = tx.all(select(*COLUMNS).where(mine).order_by(log.events.c.seq))
    known = _known(tx, person_id, [row.message_id for row in rows])
    fresh = [{**row._mapping, "viewer_id": person_id, "measure": False} for row in rows if row.message_id not in known]
    if fresh:
        tx.execute(insert(log.events), fresh)
        memory.relearn(tx, person_id, log.read(tx, person_id), now)
    return len(fresh)


def _known(tx: Tx, person_id: str, message_ids: Sequence[str]) -> set[str]:
    return log.known(tx, person_id, message_ids) if message_ids else set()

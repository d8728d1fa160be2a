"""What a viewer agreed to: an append-only ledger of answers, one line a purpose.

`personalise`: the profile and a feed made from it. `measure`: counting in what all viewers share. Before an answer
both are off.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, bindparam, delete, insert, select

from personalization import crowd, experiments, log, memory, rates, watchtime
from storage.database import Instant, Tx, metadata
from storage.prepared import Prepared

PURPOSES = ("personalise", "measure")

consents = Table(
    "consents",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("viewer_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("purpose", String(20), nullable=False),
    Column("given", Boolean, nullable=False),
    # Which wording of the question was answered, and where.
    Column("text_version", String(20), nullable=False),
    Column("source", String(40), nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "viewer_id", "seq"),
)


@dataclass(frozen=True)
class Consent:
    """A viewer's last answers; `asked` is False until there is one."""

    asked: bool = False
    personalise: bool = False
    measure: bool = False


def current(tx: Tx, viewer_id: str) -> Consent:
    """Return what the viewer agrees to now."""
    answers = {row.purpose: row.given for row in _ANSWERS.all(tx, viewer=viewer_id)}
    return Consent(bool(answers), answers.get("personalise", False), answers.get("measure", False))


def put(
    tx: Tx, viewer_id: str, *, personalise: bool, measure: bool, text_version: str, source: str, now: datetime
) -> Consent:
    """Add the viewer's answers to the ledger and act on them at once; returns what is agreed to now.

    Taking back `personalise` forgets the profile and the events kept for it; taking back `measure` takes the viewer
    out of the shared counts and of all experiments.
    """
    before = current(tx, viewer_id)
    given = Consent(True, personalise, measure)
    tx.execute(
        insert(consents),
        [
            {
                "viewer_id": viewer_id,
                "purpose": purpose,
                "given": getattr(given, purpose),
                "text_version": text_version,
                "source": source,
                "at": now,
            }
            for purpose in PURPOSES
        ],
    )
    if before.measure and not measure:
        rates.count(tx, log.measured(tx, viewer_id), sign=-1)
        watchtime.take_out(tx, viewer_id)
        crowd.forget(tx)
        log.stop_purpose(tx, viewer_id, "measure")
        experiments.erase(tx, viewer_id)
    if before.personalise and not personalise:
        log.stop_purpose(tx, viewer_id, "personalise")
    if before.personalise != personalise:
        memory.relearn(tx, viewer_id, log.read(tx, viewer_id), now)
    return given


def erase(tx: Tx, viewer_id: str) -> None:
    """Delete a viewer's answers."""
    tx.execute(delete(consents).where(consents.c.viewer_id == viewer_id))


def export(tx: Tx, viewer_id: str) -> list[dict[str, Any]]:
    """Return every answer, the oldest first."""
    rows = tx.all(select(consents).where(consents.c.viewer_id == viewer_id).order_by(consents.c.seq))
    return [dict(row._mapping) for row in rows]


# Made once: composing a statement takes longer than running it.
_ANSWERS = Prepared(
    select(consents.c.purpose, consents.c.given)
    .where(consents.c.viewer_id == bindparam("viewer"))
    .order_by(consents.c.seq)
)

"""How a viewer wants to be served: with the profile or without, learning or paused, and how much surprise."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Column, Float, ForeignKey, Table, bindparam, delete, insert, select, update

from storage.database import AnyRow, Instant, Tx, metadata
from storage.prepared import Prepared

# The slider's middle is the share of surprises that did best in replays; its ends are none and six times as much.
USUAL = 0.25
MOST_EXPLORATION = 0.3

viewer_choices = Table(
    "viewer_choices",
    metadata,
    Column("viewer_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("profiled", Boolean, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("surprise", Float, nullable=False),
    Column("promoted", Boolean, nullable=False),
    Column("changed_at", Instant, nullable=False),
)


@dataclass(frozen=True)
class Choices:
    """`profiled`: the order follows the profile; `paused`: nothing is learnt; `surprise` from 0, none, to 1, a lot.

    `promoted`: what shops pay for may come up more often.
    """

    profiled: bool = True
    paused: bool = False
    surprise: float = USUAL
    promoted: bool = True

    @property
    def learns(self) -> bool:
        """Whether what the viewer does is kept for the profile."""
        return self.profiled and not self.paused

    def exploration(self, usual: float) -> float:
        """Return the share of places that go against the score, where `usual` is that of the slider's usual place."""
        if self.surprise <= USUAL:
            return usual * self.surprise / USUAL
        return usual + (MOST_EXPLORATION - usual) * (self.surprise - USUAL) / (1.0 - USUAL)


def current(tx: Tx, viewer_id: str) -> Choices:
    """Return a viewer's choices."""
    row = _CHOICES.one_or_none(tx, viewer=viewer_id)
    return Choices() if row is None else of(row)


def of(row: AnyRow) -> Choices:
    """Return the choices in a row that has their columns."""
    return Choices(row.profiled, row.paused, row.surprise, row.promoted)


def put(tx: Tx, viewer_id: str, chosen: Choices, now: datetime) -> None:
    """Write a viewer's choices; whoever calls it relearns the profile, so that the feed changes."""
    values = {**asdict(chosen), "changed_at": now}
    changed = tx.execute(update(viewer_choices).where(viewer_choices.c.viewer_id == viewer_id).values(**values))
    if changed.rowcount == 0:
        tx.execute(insert(viewer_choices).values(viewer_id=viewer_id, **values))


def erase(tx: Tx, viewer_id: str) -> None:
    """Delete a viewer's choices."""
    tx.execute(delete(viewer_choices).where(viewer_choices.c.viewer_id == viewer_id))


def export(tx: Tx, viewer_id: str) -> dict[str, Any] | None:
    """Return a viewer's choices; None when none was made."""
    row = tx.one_or_none(select(viewer_choices).where(viewer_choices.c.viewer_id == viewer_id))
    return None if row is None else dict(row._mapping)


# Made once: composing a statement takes longer than running it.
_CHOICES = Prepared(select(viewer_choices).where(viewer_choices.c.viewer_id == bindparam("viewer")))

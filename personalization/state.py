"""What a viewer's next feed is made from: the profile where there is consent, else the same nothing for everybody."""

from dataclasses import dataclass
from datetime import datetime

from personalization import choices, consent, memory
from personalization.profile import DAY, NOTHING, Profile, milliseconds
from personalization.ranking import EXPLORATION
from storage.database import Tx


@dataclass(frozen=True)
class State:
    """A profile, the version under which its feed is kept, and the seed of its choices.

    Without consent, or with personalisation off, the profile is empty, the version is minus the days since 1970 and
    the seed is the day's: all viewers who are not profiled get the same feed. `exploration` is the share of places
    that go against the score.
    """

    profile: Profile
    version: int
    profiled: bool
    seed: str
    exploration: float = EXPLORATION


def current(tx: Tx, viewer_id: str, now: datetime) -> State:
    """Return what the viewer's next feed is made from."""
    chosen = choices.current(tx, viewer_id)
    if not (chosen.profiled and consent.current(tx, viewer_id).personalise):
        return State(NOTHING, _day(now), False, f"day:{_day(now)}")
    profile, version = memory.load(tx, viewer_id)
    return State(profile, version, True, f"{viewer_id}:{version}", chosen.exploration(EXPLORATION))


def version(tx: Tx, viewer_id: str, now: datetime) -> int:
    """Return the version of `current` alone, without reading the weights."""
    profiled = choices.current(tx, viewer_id).profiled and consent.current(tx, viewer_id).personalise
    return memory.version(tx, viewer_id) if profiled else _day(now)


def _day(now: datetime) -> int:
    return -(milliseconds(now) // DAY)

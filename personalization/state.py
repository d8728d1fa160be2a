"""What a viewer's next feed is made from: the profile where there is consent, else the same nothing for everybody."""

from dataclasses import dataclass
from datetime import datetime

from personalization import consent, memory
from personalization.profile import DAY, NOTHING, Profile, milliseconds
from storage.database import Tx


@dataclass(frozen=True)
class State:
    """A profile, the version under which its feed is kept, and the seed of its choices.

    Without consent the profile is empty, the version is minus the days since 1970 and the seed is the day's: all
    viewers who are not profiled get the same feed.
    """

    profile: Profile
    version: int
    profiled: bool
    seed: str


def current(tx: Tx, viewer_id: str, now: datetime) -> State:
    """Return what the viewer's next feed is made from."""
    if not consent.current(tx, viewer_id).personalise:
        return State(NOTHING, _day(now), False, f"day:{_day(now)}")
    profile, version = memory.load(tx, viewer_id)
    return State(profile, version, True, f"{viewer_id}:{version}")


def version(tx: Tx, viewer_id: str, now: datetime) -> int:
    """Return the version of `current` alone, without reading the weights."""
    profiled = consent.current(tx, viewer_id).personalise
    return memory.version(tx, viewer_id) if profiled else _day(now)


def _day(now: datetime) -> int:
    return -(milliseconds(now) // DAY)

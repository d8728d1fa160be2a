"""What a viewer's next feed is made from: the profile where there is consent, else the same nothing for everybody."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from personalization import choices, consent, experiments, memory
from personalization.choices import Choices
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
    chosen, profiled, changed = _way(tx, viewer_id)
    if not profiled:
        return State(NOTHING, _day(now), False, f"day:{_day(now)}")
    profile, version = memory.load(tx, viewer_id)
    usual = float(changed.get("exploration", EXPLORATION))
    return State(profile, version, True, f"{viewer_id}:{version}", chosen.exploration(usual))


def version(tx: Tx, viewer_id: str, now: datetime) -> int:
    """Return the version of `current` alone, without reading the weights."""
    return memory.version(tx, viewer_id) if _way(tx, viewer_id)[1] else _day(now)


def _way(tx: Tx, viewer_id: str) -> tuple[Choices, bool, dict[str, Any]]:
    """Return what the viewer chose, whether the order follows the profile, and what experiments change."""
    chosen, agreed = choices.current(tx, viewer_id), consent.current(tx, viewer_id)
    changed = experiments.parameters(tx, viewer_id) if agreed.measure else {}
    return chosen, chosen.profiled and agreed.personalise and bool(changed.get("personal", True)), changed


def _day(now: datetime) -> int:
    return -(milliseconds(now) // DAY)

"""What a viewer's next feed is made from: the profile where there is consent, else the same nothing for everybody."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ScalarSelect, bindparam, func, select

from personalization import choices, experiments, memory
from personalization.choices import Choices, viewer_choices
from personalization.consent import consents
from personalization.experiments import RUNNING, Experiment
from personalization.memory import profiles
from personalization.profile import DAY, NOTHING, Profile, milliseconds
from personalization.ranking import EXPLORATION
from storage.accounts import people
from storage.database import Tx
from storage.prepared import Prepared


@dataclass(frozen=True)
class Side:
    """One of two rankings that share a feed; `name` is what its places are logged under."""

    name: str
    profile: Profile
    personal: bool
    exploration: float


@dataclass(frozen=True)
class State:
    """A profile, the version under which its feed is kept, and the seed of its choices.

    Without consent, or with personalisation off, the profile is empty, the version is minus the days since 1970 and
    the seed is the day's: all viewers who are not profiled get the same feed. `exploration` is the share of places
    that go against the score. `beside` is where others keep in memory what they computed from the same log, `locale`
    the viewer's language. `sides` are two rankings that are to be compared in one feed;
    `promoted` tells that what shops pay for may come up more often.
    """

    profile: Profile
    version: int
    profiled: bool
    seed: str
    exploration: float = EXPLORATION
    locale: str | None = None
    beside: dict[str, Any] = field(default_factory=dict, compare=False)
    sides: tuple[Side, ...] = ()
    promoted: bool = True


@dataclass(frozen=True)
class _Way:
    """Whether the order follows the profile, with what share of surprises, and where the profile is."""

    profiled: bool = False
    exploration: float = EXPLORATION
    locale: str | None = None
    version: int = 0
    stamp: str | None = None
    chosen: Choices = field(default_factory=Choices)
    both: Experiment | None = None


def current(tx: Tx, viewer_id: str, now: datetime) -> State:
    """Return what the viewer's next feed is made from."""
    way = _way(tx, viewer_id)
    if not way.profiled:
        return State(NOTHING, _day(now), False, f"day:{_day(now)}", locale=way.locale, promoted=way.chosen.promoted)
    kept = None if way.stamp is None else memory.kept(tx, viewer_id, way.stamp)
    profile, beside = (NOTHING, {}) if kept is None else (kept.profile, kept.beside)
    seed, sides = f"{viewer_id}:{way.version}", _sides(way, profile)
    ads = way.chosen.promoted
    return State(profile, way.version, True, seed, way.exploration, way.locale, beside, sides, ads)


def version(tx: Tx, viewer_id: str, now: datetime) -> int:
    """Return the version of `current` alone, without reading the weights."""
    way = _way(tx, viewer_id)
    return way.version if way.profiled else _day(now)


def _way(tx: Tx, viewer_id: str) -> _Way:
    row = _VIEWER.one_or_none(tx, viewer=viewer_id)
    if row is None:
        return _Way()
    changed, both = experiments.changes(tx, viewer_id) if row.measure and row.running else ({}, None)
    chosen = Choices() if row.profiled is None else choices.of(row)
    return _Way(
        chosen.profiled and bool(row.personalise) and bool(changed.get("personal", True)),
        chosen.exploration(float(changed.get("exploration", EXPLORATION))),
        row.locale,
        row.version or 0,
        row.stamp,
        chosen,
        both,
    )


def _sides(way: _Way, profile: Profile) -> tuple[Side, ...]:
    """Return both rankings of an interleaving; without the profile what the viewer ruled out is still a rule."""
    if way.both is None:
        return ()
    plain = Profile(blocks=profile.blocks, last=profile.last)
    found = []
    for each in way.both.variants:
        personal = bool(each.parameters.get("personal", True))
        share = float(each.parameters.get("exploration", EXPLORATION))
        name = experiments.side_name(way.both.id, each.name)
        found.append(Side(name, profile if personal else plain, personal, way.chosen.exploration(share)))
    return tuple(found)


def _day(now: datetime) -> int:
    return -(milliseconds(now) // DAY)


def _answer(purpose: str) -> ScalarSelect[Any]:
    last = select(consents.c.given).where(consents.c.viewer_id == bindparam("viewer"), consents.c.purpose == purpose)
    return last.order_by(consents.c.seq.desc()).limit(1).scalar_subquery()


# All that a feed asks of its viewer in one statement, made once: to ask one by one took longer than to rank.
_VIEWER = Prepared(
    select(
        people.c.locale,
        viewer_choices.c.profiled,
        viewer_choices.c.paused,
        viewer_choices.c.surprise,
        viewer_choices.c.promoted,
        profiles.c.version,
        profiles.c.stamp,
        _answer("personalise").label("personalise"),
        _answer("measure").label("measure"),
        select(func.count()).where(experiments.experiments.c.state == RUNNING).scalar_subquery().label("running"),
    )
    .join_from(people, viewer_choices, viewer_choices.c.viewer_id == people.c.id, isouter=True)
    .join(profiles, profiles.c.viewer_id == people.c.id, isouter=True)
    .where(people.c.id == bindparam("viewer"))
)

"""What a viewer says about the own profile: entries of the event log like all others, so that the profile stays a
function of the log and every correction can be taken back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from personalization.log import Event
from personalization.profile import SCOPES, STATED, Key

FORGOTTEN = "Interest Forgotten"
EVENT_FORGOTTEN = "Event Forgotten"
UNDONE = "Correction Undone"
# What a viewer says of a guess; `target` is its trait.
CONFIRMED, REJECTED = "Guess Confirmed", "Guess Rejected"
NAMES = frozenset({STATED, FORGOTTEN, EVENT_FORGOTTEN, UNDONE, CONFIRMED, REJECTED})
# A weight that a viewer may state: from "never mind" to as much as an order of everything there is.
LEAST, MOST = -2.0, 3.0

FIELDS = {
    "product": "product_id",
    "brand": "brand",
    "category": "category",
    "merchant": "merchant_id",
    "host": "host_id",
    # A trait of products that the viewer values; nothing that happens is about one, so only corrections name it.
    "value": "target",
}


@dataclass(frozen=True)
class Correction:
    """A correction that stands: `name` of it, the interest or the message it is about, and when it was made."""

    id: str
    name: str
    at: datetime
    key: Key | None
    amount: float | None
    target: str | None


def stated(event_id: str, key: Key, amount: float, now: datetime) -> Event:
    """Say how much a viewer cares for something, whatever was learnt of it before."""
    return _about(event_id, STATED, key, now, min(max(amount, LEAST), MOST))


def forgotten(event_id: str, key: Key, now: datetime) -> Event:
    """Say that what was learnt of something until now counts no more."""
    return _about(event_id, FORGOTTEN, key, now, None)


def event_forgotten(event_id: str, message_id: str, now: datetime) -> Event:
    """Say that one thing that the viewer did counts no more."""
    return Event(event_id, EVENT_FORGOTTEN, now, target=message_id)


def answered(event_id: str, trait: str, true: bool, now: datetime) -> Event:
    """Say that a guess is true or not; the last word counts."""
    return Event(event_id, CONFIRMED if true else REJECTED, now, target=trait)


def undone(event_id: str, correction_id: str, now: datetime) -> Event:
    """Take a correction back."""
    return Event(event_id, UNDONE, now, target=correction_id)


def key_of(event: Event) -> Key | None:
    """Return the (kind, value) that a correction is about."""
    kind = SCOPES.get(event.scope or "")
    value = getattr(event, FIELDS[kind]) if kind else None
    return (kind, value) if kind and value else None


def standing(events: Iterable[Event]) -> list[Correction]:
    """Return the corrections that were not taken back, the oldest first."""
    found = [event for event in events if event.name in NAMES]
    taken_back = {event.target for event in found if event.name == UNDONE}
    return [
        Correction(event.id, event.name, event.at, key_of(event), event.amount, event.target)
        for event in sorted(found, key=lambda each: (each.at, each.id))
        if event.name != UNDONE and event.id not in taken_back
    ]


def corrected(events: Iterable[Event]) -> list[Event]:
    """Return what a profile is to be computed from: the log as if what was forgotten had not been.

    Of what a viewer stated only the last word counts. It is in the order in which things happened, so that the order of
    arrival makes no difference, not even in the last bit of a sum.
    """
    ordered = sorted(events, key=lambda each: (each.at, each.id))
    corrections = standing(ordered)
    never = {each.target for each in corrections if each.name == EVENT_FORGOTTEN}
    last = {each.key: each for each in corrections if each.key is not None}
    kept = []
    for event in ordered:
        if event.id in never:
            continue
        if event.name not in NAMES:
            found = _without(event, last)
            if found is not None:
                kept.append(found)
        elif event.name == STATED and (key := key_of(event)) in last and last[key].id == event.id:
            kept.append(event)
    return kept


def _without(event: Event, last: Mapping[Key, Correction]) -> Event | None:
    gone = {
        name: None
        for kind, name in FIELDS.items()
        if (value := getattr(event, name))
        and (word := last.get((kind, value))) is not None
        and (event.at, event.id) <= (word.at, word.id)
    }
    if not gone:
        return event
    if event.scope is not None and FIELDS[SCOPES[event.scope]] in gone:
        return None
    return replace(event, **gone)  # type: ignore[arg-type]


def _about(event_id: str, name: str, key: Key, now: datetime, amount: float | None) -> Event:
    kind, value = key
    scope = next(scope for scope, of in SCOPES.items() if of == kind)
    return replace(Event(event_id, name, now, scope=scope, amount=amount), **{FIELDS[kind]: value})  # type: ignore[arg-type]

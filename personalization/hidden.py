"""What a viewer asked never to see again: the list of it, and taking back one of its entries."""

from datetime import datetime

from personalization import consent, log, memory
from personalization.log import Event
from personalization.profile import SCOPES, Key, Profile
from storage.database import Tx


def hidden(profile: Profile) -> list[Key]:
    """Return the (kind, value) pairs that are blocked, the last word first; kinds as in the profile."""
    blocked = [(block.at, key) for key, block in profile.blocks.items() if block.blocked]
    return [key for _, key in sorted(blocked, reverse=True)]


def show_again(tx: Tx, viewer_id: str, key: Key, event_id: str, now: datetime) -> bool:
    """Say "Interested" for something hidden, as the feed's undo does; False when it was not hidden."""
    profile, _ = memory.load(tx, viewer_id)
    if key not in hidden(profile):
        return False
    kind, value = key
    event = Event(
        id=event_id,
        name="Interested",
        at=now,
        product_id=value if kind == "product" else None,
        brand=value if kind == "brand" else None,
        category=value if kind == "category" else None,
        merchant_id=value if kind == "merchant" else None,
        host_id=value if kind == "host" else None,
        scope=next(scope for scope, name in SCOPES.items() if name == kind),
    )
    agreed = consent.current(tx, viewer_id)
    log.append(tx, viewer_id, [event], now, personalise=agreed.personalise, measure=agreed.measure)
    memory.learn(tx, viewer_id, [event], now)
    return True

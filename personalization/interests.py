"""The profile as its viewer may see and change it: interests with their evidence, and what was corrected."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select

from personalization import choices, consent, corrections, experiments, hypotheses, log, memory
from personalization.choices import Choices
from personalization.consent import Consent
from personalization.corrections import Correction
from personalization.explain import standing
from personalization.hypotheses import Guess
from personalization.log import Event
from personalization.profile import STATED, Evidence, Key, against, milliseconds
from personalization.traits import TRAITS
from shop.catalog import products
from shop.categories import categories
from shop.shows import shows
from storage.database import Tx
from storage.errors import Conflict, NotFound, UserError

MOST_SHOWN = 40
# Weaker than this nobody would call it an interest.
FAINT = 0.05
MOST_AGAINST = 5
# What one press of "more" or "less" does to a weight.
STEP = 1.0


@dataclass(frozen=True)
class Interest:
    """How much a viewer cares for something: `weight` as of now, `strength` the same between -1 and 1.

    `stated` when the viewer said so, `evidence` are the strongest events behind it, the strongest first: of what the
    viewer cares less for, those that spoke against it.
    """

    key: Key
    weight: float
    stated: bool
    evidence: tuple[Evidence, ...]

    @property
    def strength(self) -> float:
        """The weight as it enters the score, between -1 and 1."""
        return self.weight / (1.0 + abs(self.weight))


@dataclass(frozen=True)
class View:
    """Everything that the page of the profile shows; `corrections` that stand, the newest first."""

    agreed: Consent
    choices: Choices
    version: int
    interests: tuple[Interest, ...]
    corrections: tuple[Correction, ...]
    guesses: tuple[Guess, ...]
    events: int
    # By chance one of those whose feed is the same for all, so that others' can be compared with it.
    compared: bool = False


@dataclass(frozen=True)
class Change:
    """What a viewer changes at once; what is left out stays."""

    profiled: bool | None = None
    paused: bool | None = None
    surprise: float | None = None
    promoted: bool | None = None
    state: Sequence[tuple[Key, float]] = ()
    forget: Collection[Key] = ()
    forget_events: Collection[str] = ()
    undo: Collection[str] = ()
    confirm: Collection[str] = ()
    reject: Collection[str] = ()


def view(tx: Tx, viewer_id: str, now: datetime) -> View:
    """Return a viewer's profile as of now, the strongest interests first."""
    profile, version = memory.load(tx, viewer_id)
    happened = log.read(tx, viewer_id)
    at = milliseconds(now)
    found = []
    no = against(corrections.corrected(happened))
    for key, taste in profile.tastes.items():
        weight = taste.at_time(at)[0]
        if abs(weight) < FAINT or ((block := profile.blocks.get(key)) is not None and block.blocked):
            continue
        if weight < 0:
            behind = no.get(key, [])[:MOST_AGAINST]
        else:
            behind = sorted(standing(taste), key=lambda each: (abs(each.weight), each.at), reverse=True)
        said = any(each.name == STATED for each in taste.evidence)
        found.append(Interest(key, weight, said, tuple(behind)))
    found.sort(key=lambda each: (-abs(each.weight), each.key))
    stand = list(reversed(corrections.standing(happened)))
    agreed = consent.current(tx, viewer_id)
    return View(
        agreed,
        choices.current(tx, viewer_id),
        version,
        tuple(found[:MOST_SHOWN]),
        tuple(stand),
        tuple(hypotheses.current(tx, viewer_id, now)),
        sum(event.name not in corrections.NAMES for event in happened),
        agreed.measure and not experiments.parameters(tx, viewer_id).get("personal", True),
    )


def change(tx: Tx, viewer_id: str, wanted: Change, event_ids: Sequence[str], now: datetime) -> int:
    """Make a change and return the profile's new version; `event_ids` are fresh, one for each thing that is said.

    Raises Conflict `no-consent` when there is no profile to change, NotFound for what the viewer does not have.
    """
    memory.hold(tx, viewer_id)
    before = choices.current(tx, viewer_id)
    picked = {name: getattr(wanted, name) for name in ("profiled", "paused", "surprise", "promoted")}
    after = replace(before, **{name: value for name, value in picked.items() if value is not None})
    said = _said(tx, viewer_id, wanted, list(event_ids), now)
    if said and not consent.current(tx, viewer_id).personalise:
        raise Conflict("no-consent", "There is no profile yet. Agree to a personal feed first.")
    if after != before:
        choices.put(tx, viewer_id, after, now)
    log.append(tx, viewer_id, said, now, personalise=True, measure=False)
    if not said and after == before:
        return memory.version(tx, viewer_id)
    return memory.relearn(tx, viewer_id, log.read(tx, viewer_id), now)


def names_something(tx: Tx, key: Key) -> bool:
    """Tell whether the shop has such a product, brand, category, merchant or host."""
    kind, value = key
    if kind == "value":
        return value in TRAITS
    columns = {
        "product": products.c.id,
        "brand": products.c.brand,
        "merchant": products.c.merchant_id,
        "category": products.c.category,
        "host": shows.c.host_id,
    }
    if kind not in columns:
        return False
    if tx.scalar(select(columns[kind]).where(columns[kind] == value).limit(1)) is not None:
        return True
    return kind == "category" and tx.scalar(select(categories.c.handle).where(categories.c.handle == value)) is not None


def _said(tx: Tx, viewer_id: str, wanted: Change, event_ids: list[str], now: datetime) -> list[Event]:
    said = []
    for key, amount in wanted.state:
        if not names_something(tx, key):
            raise UserError("interest-unknown", "There is nothing like this in the shop.", field="set")
        said.append(corrections.stated(event_ids.pop(), key, amount, now))
    said += [corrections.forgotten(event_ids.pop(), key, now) for key in wanted.forget]
    if not TRAITS.keys() >= {*wanted.confirm, *wanted.reject}:
        raise NotFound("guess-unknown", "There is no such guess.")
    for traits, true in ((wanted.confirm, True), (wanted.reject, False)):
        said += [corrections.answered(event_ids.pop(), each, true, now) for each in traits]
    mine = {event.id for event in log.read(tx, viewer_id)} if wanted.forget_events or wanted.undo else set()
    if not mine.issuperset({*wanted.forget_events, *wanted.undo}):
        raise NotFound("event-unknown", "This is not in your profile any more.")
    said += [corrections.event_forgotten(event_ids.pop(), each, now) for each in wanted.forget_events]
    said += [corrections.undone(event_ids.pop(), each, now) for each in wanted.undo]
    return said

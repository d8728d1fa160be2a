"""Events from browsers and programs: one vocabulary (Segment's envelope and names), checked, deduplicated, absorbed."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlalchemy import select

from personalization import choices, consent, experiments, log, memory, quarantine, rates, watchtime
from personalization.log import Event
from personalization.profile import BOUGHT, WEIGHTS
from personalization.quarantine import Found
from personalization.vocabulary import EVENTS, unknown
from shop import catalog
from shop.catalog import products
from shop.orders import bought
from shop.shows import shows
from storage.database import Tx
from storage.errors import UserError
from storage.prepared import Among

MOST_EVENTS = 100
MOST_BYTES = 64 * 1024
OLDEST = timedelta(days=30)

NAMES = frozenset(EVENTS)
WITH_SUBJECT = (frozenset(WEIGHTS) & NAMES) | {"Video Content Started", "Video Content Playing", watchtime.EXITED}
WITH_SCOPE = frozenset({"Not Interested", "Interested"})

UNKNOWN_SUBJECT = ("subject-unknown", "There is no such video, segment or product.")
UNKNOWN_ORDER = ("order-unknown", "There is no such order of yours.")
THEMES = {"theme": "category"}
SEARCHED = "Products Searched"
# A search is about a category or a brand when so many of what it finds first are.
LOOKED_AT, AGREE = 5, 0.6

# Given video ids and segment ids, returns the product each is about; unknown ones are left out.
Subjects = Callable[[Tx, Collection[str], Collection[str]], Mapping[str, str | None]]

# No control characters: PostgreSQL keeps no NUL in a text.
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")]
Id = Annotated[str, StringConstraints(min_length=1, max_length=36, pattern=r"^[^\x00-\x1f]+$")]


class Line(BaseModel):
    """One product of an order."""

    product_id: Id


class Properties(BaseModel):
    """What we read of an event's properties; `position` in seconds, as Segment has it."""

    model_config = ConfigDict(frozen=True)

    video_id: Id | None = None
    segment_id: Id | None = None
    product_id: Id | None = None
    order_id: Id | None = None
    products: Annotated[list[Line], Field(max_length=100)] = []
    room_id: Id | None = None
    query: Name | None = None
    scope: Literal["item", "brand", "category", "theme", "merchant", "host"] | None = None
    watched_ms: Annotated[int, Field(ge=0, le=86_400_000)] | None = None
    position: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] | None = None
    total_length: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] | None = None


class Envelope(BaseModel):
    """One message as Segment's HTTP API shapes it; who sent it is the session's matter, not the message's."""

    model_config = ConfigDict(frozen=True)

    messageId: Name
    event: Name
    properties: Properties = Properties()
    timestamp: AwareDatetime | None = None


@dataclass(frozen=True)
class Rejection:
    """Why the event at `index` of the batch was not taken; `message` is an English msgid."""

    index: int
    message_id: str | None
    code: str
    message: str


@dataclass(frozen=True)
class Batch:
    """A checked batch: messages with their index, what was wrong with the others, and counts of unknown names.

    `quarantined` counts fields that no schema has; what they hold is not read.
    """

    messages: tuple[tuple[int, Envelope], ...]
    rejections: tuple[Rejection, ...]
    unknown: Mapping[str, int]
    quarantined: Mapping[Found, int]


@dataclass(frozen=True)
class Counts:
    """What became of a batch: accepted = valid; of these some are duplicates, and without consent none is stored.

    `unknown` counts events by names outside the vocabulary; `version` is the profile's, None when nothing was learnt.
    """

    accepted: int
    duplicate: int
    rejected: int
    stored: int
    rejections: tuple[Rejection, ...]
    unknown: Mapping[str, int]
    quarantined: int
    version: int | None


def read_batch(body: bytes) -> Batch:
    """Check a request's body, `{"batch": [...]}`; raises UserError when it is no batch, or too large (413)."""
    if len(body) > MOST_BYTES:
        raise UserError("batch-too-large", "Send at most {most} bytes at once.", status=413, most=MOST_BYTES)
    try:
        found = json.loads(body)
        messages = found["batch"]
    except (ValueError, RecursionError, TypeError, KeyError):
        messages = None
    if not isinstance(messages, list):
        raise UserError("batch-malformed", "Send a JSON object with a list named batch.")
    if len(messages) > MOST_EVENTS:
        raise UserError("batch-too-large", "Send at most {most} events at once.", status=413, most=MOST_EVENTS)
    return check(messages)


def check(messages: Sequence[Any]) -> Batch:
    """Check each message of a batch for itself."""
    good: list[tuple[int, Envelope]] = []
    bad: list[Rejection] = []
    unheard: Counter[str] = Counter()
    odd: Counter[Found] = Counter()
    for index, message in enumerate(messages):
        try:
            envelope = Envelope.model_validate(message)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "event"
            bad.append(Rejection(index, _id_of(message), "event-malformed", f"{where}: {first['msg']}"))
            continue
        if envelope.event not in NAMES:
            unheard[envelope.event] += 1
        wrong = _wrong(envelope)
        if wrong is None:
            good.append((index, envelope))
            given = message.get("properties") or {}
            odd.update(quarantine.label(envelope.event, name, given[name]) for name in unknown(envelope.event, given))
        else:
            bad.append(Rejection(index, envelope.messageId, *wrong))
    return Batch(tuple(good), tuple(bad), dict(unheard), odd)


def ingest(tx: Tx, viewer_id: str, batch: Batch, now: datetime, subjects: Subjects) -> Counts:
    """Store a batch and absorb it into the viewer's profile, all in this transaction; a repeated message does nothing.

    Times are clamped to the last 30 days. Without consent for any purpose nothing is stored; while
    learning is paused or personalisation off, nothing for the profile. An order counts when the shop's books have it
    for this viewer, with the products that they have.
    """
    rejections = list(batch.rejections)
    agreed = consent.current(tx, viewer_id)
    if agreed.personalise and not choices.current(tx, viewer_id).learns:
        agreed = replace(agreed, personalise=False)
    if not (agreed.personalise or agreed.measure):
        return _counts(batch, len(batch.messages), 0, 0, rejections, None)
    seen = log.known(tx, viewer_id, [_message_id(envelope) for _, envelope in batch.messages])
    fresh: list[tuple[int, Envelope]] = []
    for index, envelope in batch.messages:
        if _message_id(envelope) not in seen:
            seen.add(_message_id(envelope))
            fresh.append((index, envelope))
    duplicate = len(batch.messages) - len(fresh)
    quarantine.count(tx, batch.quarantined, now)
    about = _Subjects(tx, viewer_id, [envelope for _, envelope in fresh], subjects, now)
    happened: list[Event] = []
    stored = 0
    for index, envelope in fresh:
        found = about.events(envelope, now)
        if found:
            happened += found
            stored += 1
        else:
            unknown_to_us = UNKNOWN_ORDER if envelope.event == BOUGHT else UNKNOWN_SUBJECT
            rejections.append(Rejection(index, envelope.messageId, *unknown_to_us))
    log.append(tx, viewer_id, happened, now, personalise=agreed.personalise, measure=agreed.measure)
    if agreed.measure:
        rates.count(tx, happened)
        watchtime.count(tx, happened, watchtime.day_of(now))
        if any(event.name == log.STARTED for event in happened):
            experiments.expose(tx, viewer_id, min(event.at for event in happened if event.name == log.STARTED))
    version = memory.learn(tx, viewer_id, happened, now) if agreed.personalise and happened else None
    return _counts(batch, stored + duplicate, duplicate, stored, rejections, version)


class _Subjects:
    """What the messages of one batch are about, looked up in a few queries."""

    def __init__(self, tx: Tx, viewer_id: str, messages: Sequence[Envelope], subjects: Subjects, now: datetime) -> None:
        given = [message.properties for message in messages]
        orders = {each.properties.order_id for each in messages if each.event == BOUGHT}
        # A purchase says most of all, so it is read from the books and not believed.
        self._bought = bought(tx, viewer_id, {each for each in orders if each}) if orders else {}
        videos = {each.video_id for each in given if each.video_id}
        segments = {each.segment_id for each in given if each.segment_id}
        self._products = dict(subjects(tx, videos, segments)) if videos or segments else {}
        wanted = {product_id for product_id in self._products.values() if product_id}
        wanted |= {each.product_id for each in given if each.product_id}
        wanted |= {line.product_id for each in given for line in each.products}
        wanted |= {product_id for each in self._bought.values() for product_id in each}
        self._rows: dict[str, Any] = {row.id: row for row in _PRODUCTS.all(tx, wanted)}
        rooms = {each.room_id for each in given if each.room_id}
        found = tx.all(select(shows.c.id, shows.c.host_id).where(shows.c.id.in_(rooms))) if rooms else []
        self._hosts: dict[str, str] = {row.id: row.host_id for row in found}
        self._meant = {
            each.query: _meant(tx, each.query)
            for message, each in zip(messages, given, strict=True)
            if message.event == SEARCHED and each.query
        }
        exits = any(message.event == watchtime.EXITED for message in messages)
        self._watched = watchtime.reference(tx, watchtime.day_of(now)) if exits else {}

    def events(self, message: Envelope, now: datetime) -> list[Event]:
        """Return the message's events; none when it should be about something and that is unknown."""
        given = message.properties
        if given.products or message.event == BOUGHT:
            named = [line.product_id for line in given.products]
            ids = dict.fromkeys(self._bought.get(given.order_id or "", ()) if message.event == BOUGHT else named)
            return [self._event(message, now, row) for each in ids if (row := self._rows.get(each)) is not None]
        if message.event == SEARCHED and given.query:
            brand, category = self._meant[given.query]
            return [replace(self._event(message, now, None), brand=brand, category=category)]
        row = self._row(given)
        if row is None and given.scope == "host" and given.room_id in self._hosts:
            return [self._event(message, now, None)]
        if row is None and message.event in WITH_SUBJECT:
            return []
        return [self._event(message, now, row)]

    def _row(self, given: Properties) -> Any:
        for subject in (given.video_id, given.segment_id):
            product_id = self._products.get(subject) if subject else None
            if product_id is not None:
                return self._rows.get(product_id)
        return self._rows.get(given.product_id) if given.product_id else None

    def _event(self, message: Envelope, now: datetime, row: Any) -> Event:
        given = message.properties
        watched = given.watched_ms
        if watched is None and given.position is not None:
            watched = int(given.position * 1000)
        duration = int(given.total_length * 1000) if given.total_length else None
        left = message.event == watchtime.EXITED and watched is not None and duration is not None
        return Event(
            id=_message_id(message),
            name=message.event,
            at=min(max(message.timestamp or now, now - OLDEST), now),
            product_id=None if row is None else row.id,
            category=None if row is None else row.category,
            brand=None if row is None else row.brand,
            merchant_id=None if row is None else row.merchant_id,
            video_id=given.video_id if given.video_id in self._products else None,
            segment_id=given.segment_id if given.segment_id in self._products else None,
            watched_ms=watched,
            scope=THEMES.get(given.scope or "item", given.scope or "item") if message.event in WITH_SCOPE else None,
            host_id=self._hosts.get(given.room_id or ""),
            duration_ms=duration,
            quantile=watchtime.quantile(self._watched, watched or 0, duration or 0) if left else None,
            words=given.query if message.event == SEARCHED else None,
        )


# Made once: composing a statement takes longer than running it.
_PRODUCTS = Among(
    lambda ids: select(products.c.id, products.c.category, products.c.brand, products.c.merchant_id).where(
        products.c.id.in_(ids)
    )
)


def _meant(tx: Tx, query: str) -> tuple[str | None, str | None]:
    """Return the brand and the category that a search is about, as far as what it finds agrees."""
    found = catalog.list_products(tx, "de", q=query, limit=LOOKED_AT)
    words = query.casefold()
    brands = Counter(each.brand for each in found if each.brand and each.brand.casefold() in words)
    names = Counter(each.category for each in found)
    brand = brands.most_common(1)[0][0] if brands else None
    category, times = names.most_common(1)[0] if names else (None, 0)
    return brand, category if times >= AGREE * len(found) else None


def _message_id(message: Envelope) -> str:
    # Both the checkout and the browser may tell of an order; it counts once.
    if message.event == BOUGHT and message.properties.order_id:
        return f"order:{message.properties.order_id}"
    return message.messageId


def _wrong(message: Envelope) -> tuple[str, str] | None:
    if message.event not in NAMES:
        return "event-unknown", "There is no event of this name in the vocabulary."
    given = message.properties
    named = bool(given.video_id or given.segment_id or given.product_id or given.products)
    if given.scope == "host":
        named = given.room_id is not None
    if message.event == SEARCHED:
        named = given.query is not None
    if message.event == BOUGHT:
        return None if given.order_id else ("order-missing", "Name the order_id in the properties.")
    if message.event in WITH_SUBJECT and not named:
        return "subject-missing", "Name a video_id, segment_id or product_id in the properties."
    if message.event in WITH_SCOPE and given.scope is None:
        return "scope-missing", "Give the scope: item, brand, category, theme, merchant or host."
    return None


def _id_of(message: Any) -> str | None:
    found = message.get("messageId") if isinstance(message, dict) else None
    return found[:100] if isinstance(found, str) else None


def _counts(
    batch: Batch, accepted: int, duplicate: int, stored: int, rejections: Sequence[Rejection], version: int | None
) -> Counts:
    ordered = tuple(sorted(rejections, key=lambda each: each.index))
    quarantined = sum(batch.quarantined.values())
    return Counts(accepted, duplicate, len(ordered), stored, ordered, batch.unknown, quarantined, version)

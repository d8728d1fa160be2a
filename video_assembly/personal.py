"""Segments made for one moment or one viewer: which there are, and whether they still hold.

A price segment holds while the price in it is the live one, a countdown while its show is as far away as it says, a
greeting while its viewer agrees to a personal feed.
What holds no longer is in no new feed at once; its file goes later, because a video with it may be playing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from personalization import consent
from shop import catalog
from shop.catalog import products, variants
from shop.stock import stock
from storage import jobs
from storage.accounts import people
from storage.database import EPOCH, AnyRow, Instant, Tx, metadata
from storage.ids import new_id
from video_assembly import countdowns
from video_assembly.countdowns import COUNTDOWN
from video_assembly.library import media_key, poster_key, segments, thumb_key
from video_assembly.overlay import Content

JOB = "personal"
PRICE, NAME = "price", "name"
KINDS = (PRICE, NAME, COUNTDOWN)
# Who plays a video with the old price may go on as long as after a sell-out; nobody is given it any more.
GRACE = timedelta(hours=1)
UNUSED = timedelta(days=30)
# Written at most once in this time, or every assembly would write each row that it uses.
USED_EVERY = timedelta(days=1)
MOST_SHOWN = 60

personal_segments = Table(
    "personal_segments",
    metadata,
    Column("id", String(36), primary_key=True),
    # Of the content, and of the viewer where it is for one: what is drawn once is used again.
    Column("content_digest", String(64), nullable=False, unique=True),
    Column("kind", String(10), nullable=False),
    Column("viewer_id", ForeignKey("people.id", ondelete="SET NULL"), index=True),
    Column("product_id", ForeignKey("products.id", ondelete="SET NULL"), index=True),
    Column("merchant_id", ForeignKey("merchants.id", ondelete="CASCADE")),
    Column("content", JSON, nullable=False),
    Column("amount", Integer),
    Column("currency", String(3)),
    Column("state", String(10), nullable=False),
    Column("digest", String(64), index=True),
    Column("sample_index", LargeBinary),
    Column("init_digest", String(64)),
    Column("small_digest", String(64)),
    Column("small_sample_index", LargeBinary),
    Column("small_init_digest", String(64)),
    Column("units", Integer),
    Column("duration_ms", Integer),
    Column("bytes", Integer),
    Column("created_at", Instant, nullable=False),
    Column("used_at", Instant, nullable=False),
    Column("retired_at", Instant),
    Index(None, "state", "retired_at"),
)
switches = Table(
    "personal_switches",
    metadata,
    Column("merchant_id", ForeignKey("merchants.id", ondelete="CASCADE"), primary_key=True),
    Column("prices", Boolean, nullable=False),
    Column("names", Boolean, nullable=False),
    Column("countdowns", Boolean, nullable=False),
)


@dataclass(frozen=True)
class Switches:
    """What a merchant allows in the videos of the shop; nothing until somebody has switched it on."""

    prices: bool = False
    names: bool = False
    countdowns: bool = False


@dataclass(frozen=True)
class Drawn:
    """A drawn segment in the common form, its files already under their keys, in both sizes."""

    digest: str
    index: bytes
    init_digest: str
    small_digest: str
    small_index: bytes
    small_init_digest: str
    units: int
    duration_ms: int
    bytes: int


@dataclass(frozen=True)
class Wish:
    """A segment that somebody could use: its content and what it holds for."""

    kind: str
    content: Content
    viewer_id: str | None = None
    product_id: str | None = None
    merchant_id: str | None = None
    amount: int | None = None
    currency: str | None = None

    @property
    def digest(self) -> str:
        """The name of its row; a greeting is its viewer's own even where another has the same name."""
        return self.content.digest if self.viewer_id is None else f"{self.content.digest[:27]}:{self.viewer_id}"


def allowed(tx: Tx, merchant_ids: Collection[str]) -> dict[str, Switches]:
    """Return what each of the merchants allows."""
    rows = tx.all(select(switches).where(switches.c.merchant_id.in_(set(merchant_ids))))
    found = {row.merchant_id: Switches(row.prices, row.names, row.countdowns) for row in rows}
    return {each: found.get(each, Switches()) for each in merchant_ids}


def allow(tx: Tx, merchant_id: str, wanted: Switches) -> None:
    """Write what a merchant allows; what is switched off is in no new feed from now on."""
    upsert = postgresql.insert if tx.connection.dialect.name == "postgresql" else sqlite.insert
    statement = upsert(switches).values(merchant_id=merchant_id, **asdict(wanted))
    tx.execute(statement.on_conflict_do_update(index_elements=["merchant_id"], set_=asdict(wanted)))


def find(tx: Tx, wishes: Sequence[Wish], now: datetime) -> dict[str, AnyRow]:
    """Return the rows that are drawn, by the wish's digest; the others are queued, for next time."""
    wanted = {wish.digest: wish for wish in wishes}
    rows = {row.content_digest: row for row in tx.all(_every.where(personal_segments.c.content_digest.in_(wanted)))}
    for digest, wish in wanted.items():
        if digest not in rows:
            _queue(tx, wish, now)
    old = [row.id for row in rows.values() if row.used_at < now - USED_EVERY]
    back = [row.id for row in rows.values() if row.retired_at is not None]
    if old or back:
        # A price that comes back finds its segment again, as long as the file is there.
        again = personal_segments.c.id.in_([*old, *back])
        tx.execute(update(personal_segments).where(again).values(used_at=now, retired_at=None))
    return {digest: row for digest, row in rows.items() if row.state == "ready"}


def holding(tx: Tx, segment_ids: Collection[str], now: datetime) -> dict[str, tuple[str, str | None]]:
    """Return kind and product of those of the segments that may be shown now."""
    if not segment_ids:
        return {}
    rows = tx.all(_every.where(personal_segments.c.id.in_(set(segment_ids)), personal_segments.c.state == "ready"))
    rows = [row for row in rows if row.retired_at is None]
    stale = _stale(tx, rows, now)
    return {row.id: (row.kind, row.product_id) for row in rows if row.id not in stale}


def ids_of_viewers(tx: Tx, segment_ids: Collection[str]) -> set[str]:
    """Return those of the segments that are made for one viewer: nobody else is to see them."""
    mine = personal_segments.c.id.in_(set(segment_ids)) & (personal_segments.c.kind == NAME)
    return set(tx.execute(select(personal_segments.c.id).where(mine)).scalars())


def for_drawing(tx: Tx, segment_id: str) -> Content | None:
    """Return what is to be drawn; None when it is drawn already or is not wanted any more."""
    row = tx.one_or_none(_every.where(personal_segments.c.id == segment_id, personal_segments.c.state == "queued"))
    return None if row is None or row.retired_at is not None else Content(**row.content)


def done(tx: Tx, segment_id: str, drawn: Drawn) -> bool:
    """Note that a segment is drawn; False when nobody wants it any more."""
    values = asdict(drawn)
    for prefix in ("", "small_"):
        values[f"{prefix}sample_index"] = values.pop(f"{prefix}index")
    queued = (personal_segments.c.id == segment_id) & (personal_segments.c.state == "queued")
    return tx.execute(update(personal_segments).where(queued).values(state="ready", **values)).rowcount == 1


def give_up(tx: Tx, segment_id: str) -> None:
    """Do without this one: it cannot be drawn."""
    tx.execute(update(personal_segments).where(personal_segments.c.id == segment_id).values(state="failed"))


def retire(tx: Tx, now: datetime) -> list[str]:
    """Retire what holds no longer, forget what retired long ago, and return the media keys to delete."""
    rows = tx.all(_every.where(personal_segments.c.retired_at.is_(None)))
    stale = _stale(tx, rows, now) | {row.id for row in rows if row.used_at < now - UNUSED}
    # Nobody is watching a name that its viewer has taken back.
    names = {row.id for row in rows if row.kind == NAME} & stale
    for ids, at in ((stale - names, now), (names, EPOCH)):
        if ids:
            tx.execute(update(personal_segments).where(personal_segments.c.id.in_(ids)).values(retired_at=at))
    gone = tx.all(_every.where(personal_segments.c.retired_at < now - GRACE))
    tx.execute(delete(personal_segments).where(personal_segments.c.id.in_([row.id for row in gone])))
    digests = {each for row in gone for each in (row.digest, row.small_digest) if each}
    return [key for digest in sorted(digests - _used(tx, digests)) for key in keys_of(digest)]


def keys_of(digest: str) -> tuple[str, ...]:
    """Return the media keys that the files of a segment may be under."""
    return media_key(digest), thumb_key(digest), poster_key(digest)


def of_merchant(tx: Tx, merchant_id: str) -> list[AnyRow]:
    """Return a merchant's newest price segments that hold or are on their way: state, content, digest, duration."""
    mine = (personal_segments.c.merchant_id == merchant_id) & personal_segments.c.retired_at.is_(None)
    return list(tx.all(_every.where(mine).order_by(personal_segments.c.id.desc()).limit(MOST_SHOWN)))


def export(tx: Tx, viewer_id: str) -> list[dict[str, Any]]:
    """Return what was drawn for the viewer."""
    rows = tx.all(_every.where(personal_segments.c.viewer_id == viewer_id))
    return [{"kind": row.kind, "content": row.content, "created_at": row.created_at} for row in rows]


def erase(tx: Tx, viewer_id: str) -> None:
    """Take the name out at once; the sweep deletes the files within seconds."""
    values: dict[str, Any] = {"viewer_id": None, "content": {}, "state": "failed", "retired_at": EPOCH}
    tx.execute(update(personal_segments).where(personal_segments.c.viewer_id == viewer_id).values(**values))


def _queue(tx: Tx, wish: Wish, now: datetime) -> None:
    segment_id = new_id()
    upsert = postgresql.insert if tx.connection.dialect.name == "postgresql" else sqlite.insert
    statement = upsert(personal_segments).values(
        id=segment_id,
        content_digest=wish.digest,
        kind=wish.kind,
        viewer_id=wish.viewer_id,
        product_id=wish.product_id,
        merchant_id=wish.merchant_id,
        content=asdict(wish.content),
        amount=wish.amount,
        currency=wish.currency,
        state="queued",
        created_at=now,
        used_at=now,
    )
    if tx.execute(statement.on_conflict_do_nothing(index_elements=["content_digest"])).rowcount:
        jobs.enqueue(tx, JOB, segment_id, segment_id, now)


def _stale(tx: Tx, rows: Sequence[AnyRow], now: datetime) -> set[str]:
    """Return the ids of those that do not say what is true now, or that somebody does not want any more."""
    prices = _live_prices(tx, {row.product_id for row in rows if row.product_id})
    granted = allowed(tx, {row.merchant_id for row in rows if row.merchant_id})
    agreed = _agreed(tx, {row.viewer_id for row in rows if row.viewer_id})
    counting = _counting(tx, [row for row in rows if row.kind == COUNTDOWN], now)
    stale = set()
    for row in rows:
        if row.kind == PRICE:
            holds = (
                prices.get(row.product_id) == (row.amount, row.currency)
                and granted.get(row.merchant_id, Switches()).prices
            )
        elif row.kind == COUNTDOWN:
            holds = row.content_digest in counting and granted.get(row.merchant_id, Switches()).countdowns
        else:
            holds = row.viewer_id in agreed
        if not holds:
            stale.add(row.id)
    return stale


def _counting(tx: Tx, rows: Sequence[AnyRow], now: datetime) -> set[str]:
    """Return the digests of what countdowns about the products of these rows say now."""
    shown = countdowns.coming(tx, {row.product_id for row in rows if row.product_id}, now) if rows else {}
    found: set[str] = set()
    for locale in {row.content.get("locale") for row in rows} & countdowns.WORDS.keys() if shown else ():
        products = catalog.by_id(tx, shown, locale)
        found |= {each.digest for each in countdowns.contents(products, shown, locale, now).values()}
    return found


def _live_prices(tx: Tx, product_ids: Collection[str]) -> Mapping[str | None, tuple[int, str]]:
    """Return the price that the shop shows now, `Product.price`: the lowest of what is left, else of all."""
    if not product_ids:
        return {}
    query = (
        select(
            variants.c.product_id,
            func.coalesce(func.min(variants.c.price).filter(stock.c.quantity > 0), func.min(variants.c.price)).label(
                "amount"
            ),
            func.min(variants.c.currency).label("currency"),
        )
        .join_from(variants, stock, stock.c.variant_id == variants.c.id)
        .join(products, products.c.id == variants.c.product_id)
        .where(variants.c.product_id.in_(product_ids), products.c.published)
        .group_by(variants.c.product_id)
    )
    return {row.product_id: (row.amount, row.currency) for row in tx.all(query)}


def _agreed(tx: Tx, viewer_ids: Collection[str]) -> set[str]:
    """Return the viewers with an account who agree to a personal feed."""
    if not viewer_ids:
        return set()
    query = select(people.c.id).where(people.c.id.in_(viewer_ids), people.c.guest.is_(False))
    return {viewer_id for viewer_id in tx.execute(query).scalars() if consent.current(tx, viewer_id).personalise}


def _used(tx: Tx, digests: Collection[str]) -> set[str]:
    """Return those of the files that another row is about."""
    found: set[str] = set()
    for table in (personal_segments, segments):
        for column in (table.c.digest, table.c.small_digest):
            found |= set(tx.execute(select(column).where(column.in_(digests))).scalars())
    return found


_every = select(*[column for column in personal_segments.c if not column.name.endswith("sample_index")])

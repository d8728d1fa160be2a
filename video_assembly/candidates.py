"""The segments that a video may use: all of the library, those of some ids, or those that changed."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, func, or_, select

from shop.catalog import products
from storage.database import AnyRow, Instant, Tx
from storage.prepared import Among
from video_assembly.captions import captioned
from video_assembly.library import segments


@dataclass(frozen=True)
class SegmentCandidate:
    """A segment that a storyboard may use now; `category` is the segment's own, else its product's.

    `start_ms` is its place in its clip. `colour` (0xRRGGBB, the dominant one) and `pace` (0 still to 1 quick) are None
    where the footage was not looked at.
    """

    id: str
    clip_id: str
    merchant_id: str
    product_id: str | None
    category: str
    role: str
    units: int
    duration_ms: int
    digest: str
    init_digest: str
    media_key: str
    poster_key: str
    language: str | None
    tags: tuple[str, ...]
    created_at: datetime
    start_ms: int = 0
    colour: int | None = None
    pace: float | None = None


@dataclass(frozen=True)
class Standing:
    """A segment whatever the time is: None as `candidate` may never be used, others from `opens` until `closes`."""

    id: str
    candidate: SegmentCandidate | None
    opens: datetime | None
    closes: datetime | None

    def at(self, now: datetime) -> SegmentCandidate | None:
        """Return the candidate if it may be used now."""
        early = self.opens is not None and now < self.opens
        late = self.closes is not None and now >= self.closes
        return None if early or late else self.candidate


def candidates(tx: Tx, now: datetime, *, among: Collection[str] | None = None) -> list[SegmentCandidate]:
    """Return every segment that a video may use now (with `among`, those of these ids), the oldest first.

    Whether its product is published and in stock is for `shop.catalog.facts` to say.
    """
    if among is None:
        found = standing(tx, usable(now))
    else:
        found = sorted(map(_standing, _AMONG.all(tx, among, now=now)), key=lambda each: each.id)
    return [each.candidate for each in found if each.candidate is not None]


def roles(tx: Tx, now: datetime, among: Collection[str]) -> dict[str, tuple[str, str | None]]:
    """Return role and product of those of these segments that a video may use now."""
    return {row.id: (row.role, row.product_id) for row in _ROLES.all(tx, among, now=now)}


def standing(tx: Tx, where: ColumnElement[bool] | None = None) -> list[Standing]:
    """Return how segments stand, the oldest first: those that a condition picks, else all that may ever be used."""
    # Sorted here: a database that sorts by id reads all rows in that order, where an index would find a few.
    return sorted(map(_standing, tx.all(_asked(_FIT if where is None else where))), key=lambda each: each.id)


def _asked(where: ColumnElement[bool]) -> Select[Any]:
    return select(*_CANDIDATE, *_TIMES, _FIT.label("fit")).select_from(_WITH_PRODUCTS).where(where)


def usable(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Return the condition under which a segment may be used now.

    It is neither archived nor replaced, has a role, is about a product or a category, is valid now, its rights have
    not ended, and speech in it has captions or the merchant's word that it needs none.
    """
    return and_(
        _USABLE,
        or_(segments.c.valid_from.is_(None), segments.c.valid_from <= now),
        or_(segments.c.valid_until.is_(None), segments.c.valid_until > now),
        or_(segments.c.rights_until.is_(None), segments.c.rights_until > now),
    )


def _standing(row: AnyRow) -> Standing:
    *values, opens, ends, rights_end, fit = row
    closes = min((end for end in (ends, rights_end) if end is not None), default=None)
    if not fit:
        return Standing(row.id, None, opens, closes)
    values[_TAGS] = tuple(values[_TAGS])
    return Standing(row.id, SegmentCandidate(*values), opens, closes)


_CATEGORY = func.coalesce(segments.c.category, products.c.category)
_FIELDS = [field.name for field in fields(SegmentCandidate)]
_CANDIDATE = [_CATEGORY.label(name) if name == "category" else segments.c[name] for name in _FIELDS]
_TAGS = _FIELDS.index("tags")
_TIMES = [segments.c[name] for name in ("valid_from", "valid_until", "rights_until")]
_USABLE = and_(
    segments.c.archived_at.is_(None),
    segments.c.replaced_at.is_(None),
    segments.c.role.is_not(None),
    or_(segments.c.product_id.is_not(None), segments.c.category.is_not(None)),
    or_(segments.c.speech.is_not(True), segments.c.uncaptioned_at.is_not(None), captioned(segments.c.id)),
)
_FIT = and_(_USABLE, _CATEGORY.is_not(None))
_WITH_PRODUCTS = segments.join(products, products.c.id == segments.c.product_id, isouter=True)
# Made once: composing a statement takes longer than running it.
_NOW = usable(bindparam("now", type_=Instant()))
_AMONG = Among(lambda ids: _asked(and_(_NOW, segments.c.id.in_(ids))))
_ROLES = Among(
    lambda ids: (
        select(segments.c.id, segments.c.role, segments.c.product_id)
        .select_from(_WITH_PRODUCTS)
        .where(_NOW, _FIT, segments.c.id.in_(ids))
    )
)

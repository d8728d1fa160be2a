"""The segments that a video may use: all of the library, those of some ids, or those that changed."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select

from shop.catalog import products
from storage.database import AnyRow, Tx
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
    where = usable(now) if among is None else and_(usable(now), segments.c.id.in_(among))
    return [each.candidate for each in standing(tx, where) if each.candidate is not None]


def standing(tx: Tx, where: ColumnElement[bool] | None = None) -> list[Standing]:
    """Return how segments stand, the oldest first: those that a condition picks, else all that may ever be used."""
    query = (
        select(*_CANDIDATE, *_TIMES, _FIT.label("fit"))
        .select_from(segments.join(products, products.c.id == segments.c.product_id, isouter=True))
        .where(_FIT if where is None else where)
    )
    # Sorted here: a database that sorts by id reads all rows in that order, where an index would find a few.
    return sorted(map(_standing, tx.all(query)), key=lambda each: each.id)


def usable(now: datetime) -> ColumnElement[bool]:
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

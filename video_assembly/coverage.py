"""What a library has and lacks: how many segments there are for each product, language and role."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Integer, and_, case, cast, func, select

from storage.database import Tx
from video_assembly.library import segments, usable
from video_assembly.search import expiring, uncaptioned


@dataclass(frozen=True)
class Cell:
    """Segments about one product (or, without one, a category) in one language and role, that are not archived.

    `usable` of them are in videos now, the longest of these lasts `longest_ms`; `uncaptioned` speak without captions,
    the rights or the validity of `expiring` end within 30 days. A `language` of None goes with every language.
    """

    product_id: str | None
    category: str | None
    language: str | None
    role: str
    count: int
    usable: int
    uncaptioned: int
    expiring: int
    longest_ms: int


def cells(tx: Tx, merchant_id: str, now: datetime) -> list[Cell]:
    """Return what a merchant's library holds; segments without a role are left out."""
    about = (segments.c.product_id, segments.c.category, segments.c.language, segments.c.role)
    usable_now = usable(now)

    def counted(condition: ColumnElement[bool], name: str) -> ColumnElement[int]:
        return cast(func.sum(case((condition, 1), else_=0)), Integer).label(name)

    query = (
        select(
            *about,
            func.count().label("count"),
            counted(usable_now, "usable"),
            counted(uncaptioned(), "uncaptioned"),
            counted(expiring(now), "expiring"),
            func.max(case((usable_now, segments.c.duration_ms), else_=0)).label("longest_ms"),
        )
        .where(
            and_(
                segments.c.merchant_id == merchant_id,
                segments.c.archived_at.is_(None),
                segments.c.replaced_at.is_(None),
                segments.c.role.is_not(None),
            )
        )
        .group_by(*about)
        .order_by(*about)
    )
    return [Cell(**row._mapping) for row in tx.all(query)]

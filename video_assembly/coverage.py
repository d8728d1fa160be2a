"""What a library has and lacks: how many segments there are for each product, language and role."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Integer, and_, case, cast, func, select

from storage.database import Tx
from video_assembly.candidates import usable
from video_assembly.clips import ROLES
from video_assembly.library import segments
from video_assembly.search import expiring, uncaptioned, unheard
from video_assembly.templates import NEEDED


@dataclass(frozen=True)
class Cell:
    """Segments about one product (or, without one, a category) in one language and role, that are not archived.

    `usable` of them are in videos now, the longest of these lasts `longest_ms`; `uncaptioned` speak without captions,
    the sound of `unheard` resembles speech and nobody has said so, the rights or the validity of `expiring` end within
    30 days. A `language` of None goes with every language.
    """

    product_id: str | None
    category: str | None
    language: str | None
    role: str
    count: int
    usable: int
    uncaptioned: int
    unheard: int
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
            counted(unheard(), "unheard"),
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


@dataclass(frozen=True)
class Gap:
    """Something to be done: `kind` is one of `KINDS`, the worst ones first.

    `needed`: without a segment in this role there is no video in this language; `nothing`: there is none in any role.
    """

    kind: str
    product_id: str
    language: str
    role: str | None
    count: int


KINDS = ("needed", "nothing", "uncaptioned", "unheard", "expiring", "missing")


def held(cells: Iterable[Cell], product_id: str, category: str, language: str, role: str) -> list[Cell]:
    """Return the cells whose segments may be in a video about a product in a language in this role."""
    return [
        cell
        for cell in cells
        if cell.role == role
        and (cell.product_id == product_id or (cell.product_id is None and cell.category == category))
        and cell.language in (language, None)
    ]


def gaps(cells: Sequence[Cell], products: Mapping[str, str], languages: Sequence[str]) -> list[Gap]:
    """Return what is lacking for products, given with their categories, in each language that a shop speaks."""
    found = []
    for product_id, category in products.items():
        for language in languages:
            by_role = {role: held(cells, product_id, category, language, role) for role in ROLES}
            usable = {role: sum(cell.usable for cell in own) for role, own in by_role.items()}
            if not any(usable.values()):
                found.append(Gap("nothing", product_id, language, None, 0))
            else:
                for role in ROLES:
                    if not usable[role]:
                        kind = "needed" if role in NEEDED else "missing"
                        found.append(Gap(kind, product_id, language, role, 0))
            for kind in ("uncaptioned", "unheard", "expiring"):
                count = sum(getattr(cell, kind) for own in by_role.values() for cell in own)
                if count:
                    found.append(Gap(kind, product_id, language, None, count))
    return sorted(found, key=lambda gap: KINDS.index(gap.kind))

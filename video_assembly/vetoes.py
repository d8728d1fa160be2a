"""Videos that a merchant does not want: these segments in this order are never put together again."""

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import JSON, Column, ColumnElement, ForeignKey, String, Table, UniqueConstraint, delete, insert, select

from storage.database import Instant, Tx, metadata
from storage.errors import UserError
from storage.ids import new_id
from storage.prepared import Among
from video_assembly.clips import check_products

MOST_OF_A_PRODUCT = 100
MOST_SEGMENTS = 20

vetoes = Table(
    "vetoes",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("merchant_id", ForeignKey("merchants.id", ondelete="CASCADE"), nullable=False),
    Column("product_id", ForeignKey("products.id", ondelete="CASCADE"), nullable=False),
    Column("segment_ids", JSON, nullable=False),
    # Of the ids: JSON cannot be compared everywhere.
    Column("digest", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("product_id", "digest"),
)

Vetoed = frozenset[tuple[str, ...]]


def veto(tx: Tx, merchant_id: str, product_id: str, segment_ids: Sequence[str], now: datetime) -> None:
    """Never make this video of a merchant's own product again; twice is once.

    Raises UserError for a product of somebody else, and for too many.
    """
    if not 0 < len(segment_ids) <= MOST_SEGMENTS:
        raise UserError("veto-segments", "Name the segments of the video.", field="segment_ids")
    check_products(tx, [product_id], merchant_id, field="product_id")
    known = set(tx.execute(select(vetoes.c.digest).where(_of(merchant_id, product_id))).scalars())
    if _digest(segment_ids) in known:
        return
    if len(known) >= MOST_OF_A_PRODUCT:
        raise UserError(
            "vetoes", "Archive segments instead of ruling out more than {most} videos.", most=MOST_OF_A_PRODUCT
        )
    tx.execute(
        insert(vetoes).values(
            id=new_id(),
            merchant_id=merchant_id,
            product_id=product_id,
            segment_ids=list(segment_ids),
            digest=_digest(segment_ids),
            created_at=now,
        )
    )


def allow(tx: Tx, merchant_id: str, product_id: str, segment_ids: Sequence[str]) -> None:
    """Take a veto back."""
    tx.execute(delete(vetoes).where(_of(merchant_id, product_id), vetoes.c.digest == _digest(segment_ids)))


def vetoed(tx: Tx, product_ids: Collection[str] | None = None) -> dict[tuple[str, str], Vetoed]:
    """Return the unwanted videos of each (merchant, product), of these products or of all."""
    found: dict[tuple[str, str], set[tuple[str, ...]]] = {}
    for row in tx.all(_EVERY) if product_ids is None else _VETOED.all(tx, product_ids):
        found.setdefault((row.merchant_id, row.product_id), set()).add(tuple(row.segment_ids))
    return {key: frozenset(each) for key, each in found.items()}


# Made once: composing a statement takes longer than running it.
_EVERY = select(vetoes.c.merchant_id, vetoes.c.product_id, vetoes.c.segment_ids)
_VETOED = Among(lambda ids: _EVERY.where(vetoes.c.product_id.in_(ids)))


def _of(merchant_id: str, product_id: str) -> ColumnElement[bool]:
    return (vetoes.c.merchant_id == merchant_id) & (vetoes.c.product_id == product_id)


def _digest(segment_ids: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(segment_ids).encode()).hexdigest()

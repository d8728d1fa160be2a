"""Paid boosts: a product's videos come up more often for some days, by a bounded amount and marked as advertising."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Float, ForeignKey, Index, String, Table, func, insert, select, update

from shop.catalog import products
from storage.database import AnyRow, Instant, Tx, metadata
from storage.errors import Conflict, NotFound, UserError
from storage.ids import new_id

# Of a merchant at the same time, so that no feed is made of advertising.
MOST_RUNNING = 3
LONGEST_DAYS = 30
STRENGTHS = (0.25, 0.5, 1.0)

boosts = Table(
    "boosts",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("product_id", ForeignKey("products.id", ondelete="CASCADE"), nullable=False),
    Column("merchant_id", ForeignKey("merchants.id", ondelete="CASCADE"), nullable=False),
    # A share of the most that a boost may add to a score.
    Column("strength", Float, nullable=False),
    Column("begins_at", Instant, nullable=False),
    # When it ends by itself or was stopped.
    Column("ends_at", Instant, nullable=False),
    Index(None, "merchant_id", "ends_at"),
    Index(None, "ends_at"),
)


@dataclass(frozen=True)
class Boost:
    """A boost of a product; `strength` is a share of the most that one may add, up to 1."""

    id: str
    product_id: str
    merchant_id: str
    strength: float
    begins_at: datetime
    ends_at: datetime


def add(tx: Tx, product_id: str, strength: float, days: int, now: datetime, merchant_id: str | None = None) -> str:
    """Boost a product from now on and return the boost's id; with `merchant_id` only a product of this merchant.

    Raises NotFound, UserError for a wrong strength or time, Conflict `boosted` and `boosts-full`.
    """
    owner = tx.scalar(select(products.c.merchant_id).where(products.c.id == product_id))
    if owner is None or merchant_id not in (None, owner):
        raise NotFound("product-unknown", "There is no such product.")
    if strength not in STRENGTHS:
        raise UserError("strength", "Choose one of the strengths.", field="strength")
    if not 1 <= days <= LONGEST_DAYS:
        raise UserError("days", "Advertise for 1 to {most} days.", field="days", most=LONGEST_DAYS)
    held = tx.all(select(boosts.c.product_id).where(boosts.c.merchant_id == owner, boosts.c.ends_at > now))
    if any(row.product_id == product_id for row in held):
        raise Conflict("boosted", "This product is advertised already.")
    if len(held) >= MOST_RUNNING:
        raise Conflict("boosts-full", "{most} products are advertised already. Stop one of them.", most=MOST_RUNNING)
    boost_id = new_id()
    tx.execute(
        insert(boosts).values(
            id=boost_id,
            product_id=product_id,
            merchant_id=owner,
            strength=strength,
            begins_at=now,
            ends_at=now + timedelta(days=days),
        )
    )
    return boost_id


def stop(tx: Tx, boost_id: str, now: datetime, merchant_id: str | None = None) -> None:
    """End a boost; with `merchant_id` only one of this merchant. Stopping twice is fine. Raises NotFound."""
    mine = boosts.c.id == boost_id
    if merchant_id is not None:
        mine &= boosts.c.merchant_id == merchant_id
    if tx.scalar(select(func.count()).where(mine)) == 0:
        raise NotFound("boost-unknown", "There is no such advertisement.")
    tx.execute(update(boosts).where(mine, boosts.c.ends_at > now).values(ends_at=now))


def running(tx: Tx, now: datetime) -> Mapping[str, float]:
    """Return the strength of each product's boost as of now."""
    found = select(boosts.c.product_id, boosts.c.strength).where(boosts.c.ends_at > now)
    return {row.product_id: row.strength for row in tx.all(found)}


def everything(tx: Tx, merchant_id: str | None = None, limit: int = 50) -> list[Boost]:
    """Return the boosts of a merchant, or of all, the newest first."""
    query = select(boosts).order_by(boosts.c.id.desc()).limit(limit)
    if merchant_id is not None:
        query = query.where(boosts.c.merchant_id == merchant_id)
    return [_boost(row) for row in tx.all(query)]


def _boost(row: AnyRow) -> Boost:
    return Boost(**row._mapping)

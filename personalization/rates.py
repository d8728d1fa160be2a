"""How well each product's videos do with everybody: whole numbers, so that a viewer can be taken out.

Only events of viewers who agreed to measurement are counted.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Column, Integer, String, Table, delete, insert, select, update

from personalization.log import STARTED, Event
from storage.database import Tx, metadata

WELCOMED = frozenset(
    {"Video Content Completed", "Video Liked", "Product Clicked", "Product Added", "Product Shared", "Order Completed"}
)
# A new product counts as if it had been shown this often at everybody's rate: no luck of the first viewer.
PRIOR_SHOWN = 20
# Fewer welcomes than this are no "many people".
MANY = 10
# Everybody's rate before anything is known.
PRIOR_RATE = 0.3

product_counts = Table(
    "product_counts",
    metadata,
    # Without foreign key: counts are kept apart from the catalogue's life.
    Column("product_id", String(36), primary_key=True),
    Column("shown", Integer, nullable=False),
    Column("welcomed", Integer, nullable=False),
)


@dataclass(frozen=True)
class Rates:
    """Welcomes per showing: each product's, shrunk towards everybody's."""

    by_product: Mapping[str, float]
    overall: float
    # Welcomed by many, and no less often than everything together.
    popular: frozenset[str] = frozenset()
    # How often each was shown.
    shown: Mapping[str, int] = field(default_factory=dict)

    def of(self, product_id: str) -> float:
        """Return a product's rate, 0 to 1; everybody's when it was never shown."""
        return self.by_product.get(product_id, self.overall)


def count(tx: Tx, happened: Iterable[Event], sign: int = 1) -> None:
    """Add events to the counts, or with `sign` -1 take them out again."""
    shown: Counter[str] = Counter()
    welcomed: Counter[str] = Counter()
    for event in happened:
        if event.product_id is not None and event.name == STARTED:
            shown[event.product_id] += sign
        elif event.product_id is not None and event.name in WELCOMED:
            welcomed[event.product_id] += sign
    for product_id in sorted({*shown, *welcomed}):
        changed = tx.execute(
            update(product_counts)
            .where(product_counts.c.product_id == product_id)
            .values(
                shown=product_counts.c.shown + shown[product_id],
                welcomed=product_counts.c.welcomed + welcomed[product_id],
            )
        )
        if changed.rowcount == 0:
            tx.execute(
                insert(product_counts).values(
                    product_id=product_id, shown=shown[product_id], welcomed=welcomed[product_id]
                )
            )
    if sign < 0:
        # as if they had never been there
        tx.execute(delete(product_counts).where(product_counts.c.shown == 0, product_counts.c.welcomed == 0))


def current(tx: Tx) -> Rates:
    """Return the rates as of now."""
    rows = tx.all(select(product_counts))
    shown = sum(max(row.shown, row.welcomed) for row in rows)
    overall = (sum(row.welcomed for row in rows) + PRIOR_SHOWN * PRIOR_RATE) / (shown + PRIOR_SHOWN)
    by_product = {
        row.product_id: (row.welcomed + PRIOR_SHOWN * overall) / (max(row.shown, row.welcomed) + PRIOR_SHOWN)
        for row in rows
    }
    times = {row.product_id: row.shown for row in rows}
    known = {row.product_id for row in rows if row.welcomed >= MANY}
    return Rates(by_product, overall, frozenset(each for each in known if by_product[each] >= overall), times)

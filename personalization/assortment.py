"""Everything on sale as ranking needs it, kept in memory between requests: reading thousands of rows takes tens of ms.

What is kept may be some seconds old, so who chooses from it checks the chosen few.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select

from personalization import expectation, features, rates
from personalization.candidates import Candidate, Columns
from personalization.expectation import Belief
from personalization.rates import Rates, product_counts
from shop import catalog
from shop.catalog import ProductFacts, products
from shop.stock import stock_moves
from storage.database import Tx

Floats = NDArray[np.float64]

# Stock, new products and welcomes are seen at once; other edits and showings so much later.
KEPT_FOR = timedelta(seconds=2)
# One process serves one database; tests open many.
MOST_KEPT = 4
# Texts that are remembered: 64 numbers each.
MOST_TEXTS = 100_000
BELIEF = Belief()


@dataclass(frozen=True)
class Assortment:
    """What is on sale: facts and candidates by product id, and what each is like by its words."""

    facts: Mapping[str, ProductFacts]
    candidates: Mapping[str, Candidate]
    vectors: Mapping[str, Floats]
    _columns: dict[Any, Columns] = field(default_factory=dict)

    def columns(self, name: object, wanted: Callable[[ProductFacts], bool]) -> Columns:
        """Return those in stock that are wanted, side by side; `name` tells one wish from another."""
        found = self._columns.get(name)
        if found is None:
            some = [each for each in self.candidates.values() if each.stock > 0 and wanted(self.facts[each.product_id])]
            found = self._columns[name] = Columns(some, self.vectors)
        return found


_kept: dict[str, tuple[Any, datetime, Assortment]] = {}
_texts: dict[str, Floats] = {}


def current(tx: Tx, now: datetime) -> Assortment:
    """Return what is on sale now, at most some seconds old."""
    key = tx.connection.engine.url.render_as_string()
    stamp = _stamp(tx)
    found = _kept.get(key)
    if found is not None and found[0] == stamp and timedelta(0) <= now - found[1] < KEPT_FOR:
        return found[2]
    facts = catalog.facts(tx)
    with_everybody = rates.current(tx)
    candidates = {each.id: _candidate(each, with_everybody) for each in facts.values()}
    made = Assortment(facts, candidates, _vectors(tx))
    while len(_kept) >= MOST_KEPT:
        _kept.pop(next(iter(_kept)), None)
    _kept[key] = (stamp, now, made)
    return made


def forget(tx: Tx) -> None:
    """Have the next one read anew."""
    _kept.pop(tx.connection.engine.url.render_as_string(), None)


def _candidate(each: ProductFacts, with_everybody: Rates) -> Candidate:
    shown = np.array([float(with_everybody.shown.get(each.id, 0))])
    return Candidate(
        each.id,
        each.merchant_id,
        each.category,
        each.brand,
        each.created_at,
        each.stock,
        with_everybody.of(each.id),
        each.id in with_everybody.popular,
        float(expectation.promise(rates.PRIOR_RATE, shown, BELIEF)[0]),
    )


def _vectors(tx: Tx) -> dict[str, Floats]:
    """Return what products are like by their words; each text is read once."""
    words = {row.id: row.words for row in tx.all(select(products.c.id, products.c.words))}
    if len(_texts) > MOST_TEXTS:
        _texts.clear()
    unread = sorted(set(words.values()) - _texts.keys())
    _texts.update(zip(unread, features.hashed(unread), strict=True))
    return {product_id: _texts[text] for product_id, text in words.items()}


def _stamp(tx: Tx) -> tuple[Any, ...]:
    return tuple(tx.execute(_STAMP).one())


# Made once: composing a statement takes longer than running it.
_STAMP = select(
    select(func.max(stock_moves.c.id)).scalar_subquery().label("sold"),
    select(func.sum(product_counts.c.welcomed)).scalar_subquery().label("welcomed"),
    select(func.count(products.c.id)).scalar_subquery().label("products"),
    select(func.max(products.c.id)).scalar_subquery().label("newest"),
)

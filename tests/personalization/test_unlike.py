"""Diversity as a part of the score: against a plain determinant, and nothing where there is little to choose from."""

import numpy as np
import pytest

from personalization import unlike
from personalization.candidates import Candidate, Columns
from personalization.profile import NOTHING
from personalization.ranking import rank
from tests.personalization.conftest import NOW


def shop(categories: int) -> Columns:
    return Columns(
        Candidate(f"{category:02}-{number}", "herd", f"c{category}", f"b{number}", NOW, 5)
        for category in range(categories)
        for number in range(4)
    )


def test_it_is_what_the_determinant_says() -> None:
    columns = shop(12)
    before = ["00-0", "00-1", "03-2"]
    placed = [columns.at[each] for each in before]
    kinds = np.array([[a.category == b.category, a.brand == b.brand, a is b] for a in columns.all for b in columns.all])
    whole = (kinds @ [unlike.CATEGORY, unlike.BRAND, unlike.PRODUCT]).reshape(len(columns), -1)
    noisy = whole[np.ix_(placed, placed)] + unlike.NOISE * np.eye(3)
    found = unlike.costs(columns, before)
    assert found is not None
    for at in (columns.at["00-2"], columns.at["05-3"]):
        among = [*placed, at]
        more = whole[np.ix_(among, among)].copy()
        more[:3, :3] = noisy
        left = np.linalg.det(more) / np.linalg.det(noisy)
        assert found[at] == pytest.approx(np.log(left) * columns.breadth / unlike.THETA)
    assert found.max() <= 0
    assert found[columns.at["00-0"]] < found[columns.at["00-2"]] < found[columns.at["07-3"]]


def test_few_categories_are_repeated_anyway() -> None:
    assert unlike.costs(shop(3), ["00-0"]) is None
    assert unlike.costs(shop(12), ["gone"]) is None


def test_it_is_a_part_of_the_score() -> None:
    choices = rank(NOTHING, shop(12), range(1, 11), NOW, "seed", exploration=0.0)
    assert len({each.product_id[:2] for each in choices}) == 10
    for each in choices:
        assert sum(each.parts.values()) == pytest.approx(each.score, abs=1e-9)

"""Team drafts: fair to both rankings, and a sign test over viewers."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from personalization.interleaving import draft, preference

rankings = st.permutations(range(8))


@given(rankings, rankings, st.integers(0, 8), st.text(max_size=5))
def test_a_draft_is_fair_and_replays(first: list[int], second: list[int], places: int, seed: str) -> None:
    mixed = draft(first, second, places, seed)
    items = [item for item, _ in mixed]
    assert len(items) == len(set(items)) == places
    picks = [team for _, team in mixed]
    assert abs(picks.count(0) - picks.count(1)) <= 1
    assert mixed == draft(first, second, places, seed)
    for place, (item, team) in enumerate(mixed):
        ranking = (first, second)[team]
        # each team took its best that was left
        assert all(other in items[:place] for other in ranking[: ranking.index(item)])


def test_each_ranking_begins_as_often() -> None:
    begins = [draft("abc", "bca", 3, str(seed))[0][1] for seed in range(1_000)]
    assert 400 < sum(begins) < 600


def test_one_ranking_may_be_short() -> None:
    assert sorted(item for item, _ in draft("a", "bc", 9, "1")) == ["a", "b", "c"]
    assert draft("", "", 3, "1") == []


def test_preferences() -> None:
    found = preference([(1, 0)] * 9 + [(0, 1)] + [(2, 2)] * 5)
    assert (found.first, found.second, found.equal) == (9, 1, 5)
    assert found.chance == pytest.approx(2 * (1 + 10) / 1024)
    assert preference([]).chance == 1.0
    assert preference([(1, 0), (0, 1)]).chance == 1.0

"""The index of sessions: what others went on to, and forgetting without a trace."""

from hypothesis import given
from hypothesis import strategies as st

from personalization.neighbours import Nearness, Sessions

items = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=6)
logs = st.dictionaries(st.sampled_from([f"s{n}" for n in range(12)]), st.tuples(st.integers(0, 50), items), max_size=12)


def index_of(found: dict[str, tuple[int, list[str]]], nearness: Nearness | None = None) -> Sessions:
    index = Sessions(nearness)
    for key, (at, visit) in found.items():
        index.add(key, at, visit)
    return index


@given(logs, st.data())
def test_who_is_taken_out_was_never_there(found: dict[str, tuple[int, list[str]]], data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.sampled_from(sorted(found)))) if found else set()
    aging = Nearness(half_life=20.0, waning_life=9.0)
    index = index_of(found, aging)
    for key in gone:
        index.remove(key)
    left = index_of({key: each for key, each in reversed(found.items()) if key not in gone}, aging)
    assert index == left
    assert index.scores(["a", "b"]) == left.scores(["a", "b"])


@given(logs, items)
def test_a_session_that_grows_replaces_itself(found: dict[str, tuple[int, list[str]]], longer: list[str]) -> None:
    index = index_of({**found, "s0": (1, ["a"])})
    index.add("s0", 60, longer)
    assert index == index_of({**found, "s0": (60, longer)})


@given(logs, items, st.one_of(st.none(), st.integers(50, 90)))
def test_scores_are_shares_of_the_best(
    found: dict[str, tuple[int, list[str]]], visit: list[str], now: int | None
) -> None:
    index = index_of(found, Nearness(nearest=4, half_life=20.0, waning_life=9.0))
    scores = index.scores(visit, now)
    assert scores == index.scores(visit, now)
    assert all(0 <= each <= 1 for each in scores.values())
    assert bool(scores) == any(set(visit) & set(items) for _, items in found.values())
    assert not scores or max(scores.values()) == 1


def test_what_comes_after_the_shared_item_comes_first() -> None:
    index = index_of({f"s{n}": (n, ["before", "lamp", "after", "later"]) for n in range(3)})
    ranked = index.scores(["lamp"])
    assert ranked["after"] > ranked["later"]
    assert ranked["after"] > ranked["before"]
    assert max(ranked.values()) == 1
    assert index.scores(["unknown"]) == {}
    assert index.scores([]) == {}


def test_the_newest_click_says_the_most() -> None:
    index = index_of({"one": (1, ["a", "x"]), "two": (2, ["b", "y"])}, Nearness(rules=0.0))
    assert index.scores(["a", "b"])["y"] > index.scores(["a", "b"])["x"]
    assert index.scores(["b", "a"])["x"] > index.scores(["b", "a"])["y"]


def test_what_was_looked_at_before_is_likely_to_be_returned_to() -> None:
    found = {f"s{n}": (n, ["a", "b", "c"] if n % 2 else ["a", "b", "d"]) for n in range(6)}
    ranked = index_of(found, Nearness(rules=0.0, seeds=0)).scores(["c", "b"])
    assert ranked["c"] > ranked["d"]


def test_what_nobody_looks_at_any_more_wanes() -> None:
    seen = {"one": (1, ["a", "old"]), "two": (1, ["a", "new"]), "three": (1, ["old", "else"])}
    found = {**seen, "four": (90, ["new", "else"])}
    ranked = index_of(found, Nearness(waning_life=9.0)).scores(["a"], 90)
    assert ranked["new"] > ranked["old"]

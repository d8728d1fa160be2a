"""One score in two ways: for all at once, and in parts that say who gave what."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personalization import features
from personalization.candidates import Candidate, Columns
from personalization.log import Event
from personalization.profile import NOTHING, milliseconds, rebuild
from personalization.ranking import rank
from personalization.scoring import ALIKE, BOOST, LONG, SIMILAR, Scorer
from tests.personalization.conftest import NOW

WORDS = {
    "lamp": "reading lamp brass",
    "lantern": "brass lamp for the garden",
    "blanket": "blanket of wool",
    "jacket": "rain jacket",
}
ABOUT = {
    "lamp": ("living", "Lichtfuge"),
    "lantern": ("outdoor", "Tarnholm"),
    "blanket": ("living", "Norrbruk"),
    "jacket": ("outdoor", "Regnweg"),
}
VECTORS = dict(zip(WORDS, features.hashed(list(WORDS.values())), strict=True))
SHOP = Columns(
    [
        Candidate(name, "herd", *ABOUT[name], NOW - timedelta(days=40 * n), 3 + 4 * n, 0.2 * n, promise=0.1 * n)
        for n, name in enumerate(WORDS)
    ],
    VECTORS,
)


def did(name: str, product: str, minutes: int, event_id: str, scope: str | None = None) -> Event:
    category, brand = ABOUT[product]
    at = NOW - timedelta(minutes=minutes)
    return Event(event_id, name, at, product, category, brand, "herd", scope=scope)


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    names = ["Video Liked", "Video Skipped", "Order Completed", "Product Added", "Video Content Started"]
    return [
        did(draw(st.sampled_from(names)), draw(st.sampled_from(sorted(WORDS))), draw(st.integers(0, 200_000)), f"e{n}")
        for n in range(draw(st.integers(0, 12)))
    ]


@settings(max_examples=100, deadline=None)
@given(logs(), st.floats(0, 1))
def test_the_parts_sum_to_the_score_that_chose(happened: list[Event], along: float) -> None:
    scorer = Scorer(rebuild(happened), SHOP, NOW, {"lamp": along}, {"lamp": along})
    for place, candidate in enumerate(SHOP.all):
        parts, _ = scorer.explained(candidate)
        assert abs(sum(parts.values()) - scorer.scores[place]) < 1e-9
        if scorer.likeness is not None:
            shares = scorer.likeness.shares(VECTORS[candidate.product_id])
            assert abs(ALIKE * shares.sum() - parts["alike"]) < 1e-9


@settings(max_examples=100, deadline=None)
@given(logs())
def test_deleting_the_named_event_changes_the_score_by_the_named_amount(happened: list[Event]) -> None:
    for choice in rank(rebuild(happened), SHOP, range(1, 4), NOW, "s"):
        candidate = SHOP.all[SHOP.at[choice.product_id]]
        before, _ = Scorer(rebuild(happened), SHOP, NOW).explained(candidate)
        for event_id, amount in choice.amounts.items():
            left = [event for event in happened if event.id != event_id]
            after, _ = Scorer(rebuild(left), SHOP, NOW).explained(candidate)
            assert sum(before.values()) - sum(after.values()) == pytest.approx(amount, abs=1e-9)


def test_what_is_paid_adds_a_bounded_part_of_its_own() -> None:
    liked = rebuild([did("Video Liked", "lamp", 60, "like")])
    plain, paid = Scorer(liked, SHOP, NOW), Scorer(liked, SHOP, NOW, boosts={"jacket": 5.0})
    at = SHOP.at["jacket"]
    assert paid.scores[at] - plain.scores[at] == pytest.approx(BOOST)
    assert paid.explained(SHOP.all[at])[0]["boost"] == BOOST
    assert LONG["category"] / 2 >= BOOST
    choice = rank(liked, SHOP, [1], NOW, "s", boosts={"jacket": 1.0}, exploration=0.0)[0]
    assert choice.product_id == "lamp" or choice.parts["boost"] == BOOST


def test_a_product_that_nobody_has_seen_is_known_by_its_words() -> None:
    profile = rebuild([did("Video Liked", "lamp", 60, "like")])
    scorer = Scorer(profile, SHOP, NOW)
    parts = {each.product_id: scorer.explained(each)[0]["alike"] for each in SHOP.all}
    assert parts["lantern"] > parts["jacket"]
    lantern = Columns([SHOP.all[SHOP.at["lantern"]]], VECTORS)
    (choice,) = rank(profile, lantern, [1], NOW, "s", exploration=0)
    assert choice.reasons[0].params["about"] == "likeness"
    assert choice.amounts["like"] > 0


def test_what_others_went_on_to_and_what_is_hoped_count() -> None:
    plain, along = Scorer(NOTHING, SHOP, NOW), Scorer(NOTHING, SHOP, NOW, {"lamp": 1.0, "gone": 1.0})
    assert (along.scores - plain.scores)[SHOP.at["lamp"]] == pytest.approx(0.3)
    hoped = Columns(
        [Candidate("a", "m", "c", "b", NOW, 5, 0.3, promise=0.2), Candidate("b", "m", "c", "b", NOW, 5, 0.3)]
    )
    assert rank(NOTHING, hoped, [1], NOW, "s", exploration=0)[0].product_id == "a"


def test_likeness_decays_with_the_taste() -> None:
    profile = rebuild([did("Video Liked", "lamp", 0, "like")])
    year = NOW + timedelta(days=365)
    fresh, old = Scorer(profile, SHOP, NOW), Scorer(profile, SHOP, year)
    lantern = SHOP.all[SHOP.at["lantern"]]
    assert old.explained(lantern)[0]["alike"] < fresh.explained(lantern)[0]["alike"] / 4
    assert milliseconds(year) > milliseconds(NOW)
    assert np.isfinite(old.scores).all()


def test_only_what_is_similar_is_called_so() -> None:
    profile = rebuild([did("Video Liked", "lamp", 10, "e1")])
    scorer = Scorer(profile, SHOP, NOW)
    for candidate in SHOP.all:
        near = float(VECTORS["lamp"] @ VECTORS[candidate.product_id])
        told = [product for _, product, _ in scorer.likened(candidate)]
        assert told == (["lamp"] if candidate.product_id != "lamp" and near >= SIMILAR else [])

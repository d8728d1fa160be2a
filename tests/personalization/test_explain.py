"""Reasons name events that really counted, the strongest first."""

from datetime import timedelta

import pytest

from personalization.log import Event
from personalization.profile import NOTHING, rebuild
from personalization.ranking import Candidate, rank
from tests.personalization.conftest import NOW

LAMP = Candidate("lamp", "herd", "living", "Lichtfuge", NOW - timedelta(days=200), 20, 0.3)


def event(name: str, product: str, brand: str, minutes: float) -> Event:
    return Event(f"{name} {product}", name, NOW - timedelta(minutes=minutes), product, "living", brand, "herd")


def codes(*happened: Event, candidate: Candidate = LAMP) -> list[str]:
    (choice,) = rank(rebuild(happened), [candidate], [1], NOW, "s", exploration=0)
    return [reason.code for reason in choice.reasons]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Order Completed", "because-bought"),
        ("Product Added", "because-cart"),
        ("Product Clicked", "because-clicked"),
        ("Product Viewed", "because-viewed"),
        ("Product Shared", "because-shared"),
        ("Video Liked", "because-liked"),
        ("Video Content Completed", "because-completed"),
    ],
)
def test_each_kind_of_event_has_its_code(name: str, code: str) -> None:
    assert codes(event(name, "lamp", "Lichtfuge", 3)) == [code]


def test_a_reason_names_its_event_and_what_is_shared() -> None:
    liked = event("Video Liked", "blanket", "Norrbruk", 3)
    (choice,) = rank(rebuild([liked]), [LAMP], [1], NOW, "s", exploration=0)
    assert choice.reasons[0].to_json() == {
        "code": "because-liked",
        "event_id": "Video Liked blanket",
        "product_id": "blanket",
        "at": "2026-11-22T11:57:00.000Z",
        "about": "category",
        "value": "living",
    }


def test_what_was_done_just_now_comes_before_an_old_order() -> None:
    old = event("Order Completed", "blanket", "Norrbruk", 60 * 24 * 10)
    assert codes(old, event("Video Content Completed", "blanket", "Norrbruk", 1))[0] == "because-completed"


def test_dislikes_are_no_reason() -> None:
    assert codes(event("Video Skipped", "lamp", "Lichtfuge", 3)) == ["popular"]


def test_without_events_the_strongest_part_speaks() -> None:
    def one(days: float, stock: int, rate: float) -> str:
        candidate = Candidate("lamp", "herd", "living", "b", NOW - timedelta(days=days), stock, rate)
        (choice,) = rank(NOTHING, [candidate], [1], NOW, "s")
        return choice.reasons[0].code

    assert one(0, 20, 0.3) == "new-here"
    assert one(100, 20, 0.9) == "popular"
    assert one(100, 20, 0.05) == "in-stock"


def test_an_exploration_says_so() -> None:
    others = [LAMP, Candidate("jacket", "herd", "outdoor", "Regnweg", NOW - timedelta(days=200), 20, 0.3)]
    profile = rebuild([event("Order Completed", "lamp", "Lichtfuge", 3)])
    kinds = {
        (choice.kind, choice.reasons[0].code)
        for seed in range(300)
        for choice in rank(profile, others, [1], NOW, str(seed), exploration=0.5)
    }
    assert kinds == {("exploit", "because-bought"), ("explore", "surprise")}

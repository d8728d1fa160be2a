"""Reasons name events that really counted, the strongest first."""

from datetime import timedelta

import pytest

from personalization.log import Event
from personalization.profile import NOTHING, from_json, rebuild, to_json
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
    assert codes(event("Video Skipped", "lamp", "Lichtfuge", 3)) == ["in-the-mix"]


def test_an_event_about_the_shown_product_is_told_as_such() -> None:
    (choice,) = rank(rebuild([event("Product Added", "lamp", "Lichtfuge", 3)]), [LAMP], [1], NOW, "s", exploration=0)
    (reason,) = choice.reasons
    assert (reason.params["about"], reason.params["value"]) == ("product", "lamp")


def test_a_finished_order_replaces_what_led_to_it() -> None:
    happened = [event("Product Added", "lamp", "Lichtfuge", 2), event("Product Clicked", "lamp", "Lichtfuge", 4)]
    assert codes(*happened) == ["because-cart"], "one reason a product"
    bought = event("Order Completed", "lamp", "Lichtfuge", 1)
    assert codes(*happened, bought) == ["because-bought"]
    long_ago = Event("o", "Order Completed", NOW - timedelta(days=200), "lamp", "living", "Lichtfuge", "herd")
    before = Event("a", "Product Added", NOW - timedelta(days=200, minutes=1), "lamp", "living", "Lichtfuge", "herd")
    assert codes(before, long_ago) == ["because-bought"]


@pytest.mark.parametrize("scope", ["item", "brand"])
def test_what_was_ruled_out_is_not_cited(scope: str) -> None:
    watched = event("Video Content Completed", "blanket", "Norrbruk", 3)
    no = Event("no", "Not Interested", NOW, "blanket", "living", "Norrbruk", "herd", scope=scope)
    assert codes(watched) == ["because-completed"]
    assert codes(watched, no) == ["in-the-mix"]
    liked = event("Video Liked", "stool", "Lehne", 60)
    profile = from_json(to_json(rebuild([watched, no, liked])))
    (choice,) = rank(profile, [LAMP], [1], NOW, "s", exploration=0)
    assert [each.params["product_id"] for each in choice.reasons] == ["stool"]
    assert choice.score == pytest.approx(sum(choice.parts.values()))
    assert codes(watched, no, Event("yes", "Interested", NOW, "jacket", "outdoor", "Regnweg", "w")) == ["in-the-mix"]


def test_without_events_the_strongest_part_speaks() -> None:
    def one(days: float, stock: int, rate: float, popular: bool = False) -> str:
        candidate = Candidate("lamp", "herd", "living", "b", NOW - timedelta(days=days), stock, rate, popular)
        (choice,) = rank(NOTHING, [candidate], [1], NOW, "s")
        return choice.reasons[0].code

    assert one(0, 20, 0.3) == "new-here"
    assert one(100, 20, 0.9, popular=True) == "popular"
    assert one(100, 20, 0.3) == "in-the-mix", "what is assumed of every product is nobody's welcome"
    assert one(100, 20, 0.05) == "in-stock"


def test_an_exploration_says_so() -> None:
    others = [LAMP, Candidate("jacket", "herd", "outdoor", "Regnweg", NOW - timedelta(days=200), 20, 0.3)]
    profile = rebuild([event("Product Added", "lamp", "Lichtfuge", 3)])
    kinds = {
        (choice.kind, choice.reasons[0].code)
        for seed in range(300)
        for choice in rank(profile, others, [1], NOW, str(seed), exploration=0.5)
    }
    assert kinds == {("exploit", "because-cart"), ("explore", "surprise")}

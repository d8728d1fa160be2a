"""The profile is a function of the log: order, batches and JSON make no difference."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from personalization.events import NAMES
from personalization.log import Event
from personalization.profile import (
    LONG_HALF_LIFE,
    NOTHING,
    SHORT_HALF_LIFE,
    Profile,
    absorb,
    from_json,
    milliseconds,
    rebuild,
    to_json,
    worth,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def event(name: str, minutes: float = 0, *, scope: str | None = None, watched_ms: int | None = None) -> Event:
    return Event(
        f"{name}-{minutes}",
        name,
        NOW - timedelta(minutes=minutes),
        "lamp",
        "living",
        "Lichtfuge",
        "herd",
        scope=scope,
        watched_ms=watched_ms,
    )


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    length = draw(st.integers(0, 25))
    happened = []
    for number in range(length):
        name = draw(st.sampled_from(sorted(NAMES)))
        product = draw(st.sampled_from(["lamp", "blanket", "jacket", None]))
        happened.append(
            Event(
                f"e{number:02}",
                name,
                NOW - timedelta(minutes=draw(st.integers(0, 60 * 24 * 30))),
                product,
                {"lamp": "living", "blanket": "living", "jacket": "outdoor", None: None}[product],
                {"lamp": "Lichtfuge", "blanket": "Norrbruk", "jacket": "Regnweg", None: None}[product],
                "herd" if product else None,
                watched_ms=draw(st.none() | st.integers(0, 30_000)),
                scope=draw(st.sampled_from(["item", "brand", "category", "merchant"]))
                if name in ("Not Interested", "Interested")
                else None,
            )
        )
    return happened


def alike(one: Profile, two: Profile) -> bool:
    return (
        one.blocks == two.blocks
        and one.last == two.last
        and one.tastes.keys() == two.tastes.keys()
        and one.seen.keys() == two.seen.keys()
        and all(math.isclose(each.times, two.seen[key].times, rel_tol=1e-9) for key, each in one.seen.items())
        and all(
            taste.evidence == two.tastes[key].evidence
            and math.isclose(taste.long, two.tastes[key].long, rel_tol=1e-9, abs_tol=1e-9)
            and math.isclose(taste.short, two.tastes[key].short, rel_tol=1e-9, abs_tol=1e-9)
            for key, taste in one.tastes.items()
        )
    )


@given(logs(), st.data())
def test_absorbing_one_by_one_is_rebuilding(happened: Sequence[Event], data: st.DataObject) -> None:
    profile = NOTHING
    for each in happened:
        profile = absorb(profile, [each])
    assert profile == rebuild(happened)
    cut = data.draw(st.integers(0, len(happened)))
    kept = from_json(json.loads(json.dumps(to_json(rebuild(happened[:cut])))))
    assert absorb(kept, happened[cut:]) == profile


@given(logs(), st.randoms(use_true_random=False))
def test_late_and_early_events_make_no_difference(happened: list[Event], dice: object) -> None:
    shuffled = list(happened)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert alike(rebuild(shuffled), rebuild(happened))


def test_tastes_halve_in_their_half_lives() -> None:
    taste = rebuild([event("Product Added")]).tastes[("brand", "Lichtfuge")]
    at = milliseconds(NOW)
    assert taste.at_time(at) == (1.0, 1.0)
    assert taste.at_time(at + SHORT_HALF_LIFE)[1] == 0.5
    assert taste.at_time(at + LONG_HALF_LIFE)[0] == 0.5


def test_an_event_counts_for_product_brand_and_category() -> None:
    profile = rebuild([event("Order Completed")])
    assert set(profile.tastes) == {("product", "lamp"), ("brand", "Lichtfuge"), ("category", "living")}


def test_negative_signals_weigh_against() -> None:
    assert worth(event("Video Skipped", watched_ms=900)) == -0.4
    assert worth(event("Video Skipped", watched_ms=9000)) == -0.1
    assert worth(event("Video Content Playing", watched_ms=9000)) == 0
    assert worth(event("Video Content Playing", watched_ms=10_000)) == 0.05
    assert worth(event("Video Reason Viewed")) == 0
    assert rebuild([event("Video Skipped")]).tastes[("category", "living")].long < 0


def test_not_interested_is_about_its_scope_alone() -> None:
    profile = rebuild([event("Not Interested", scope="brand")])
    assert set(profile.tastes) == {("brand", "Lichtfuge")}
    assert profile.blocks_any("other", "Lichtfuge", "kitchen", "m")
    assert not profile.blocks_any("lamp", "Norrbruk", "living", "herd")


def test_the_last_word_counts_whichever_arrives_first() -> None:
    no, yes = event("Not Interested", 10, scope="category"), event("Interested", 5, scope="category")
    for happened in ([no, yes], [yes, no]):
        assert not rebuild(happened).blocks_any("lamp", "", "living", "")
    again = event("Not Interested", 1, scope="category")
    assert rebuild([again, no, yes]).blocks_any("lamp", "", "living", "")


def test_evidence_keeps_the_strongest_and_the_newest() -> None:
    happened = [event("Order Completed", 60 * 24 * 20)] + [event("Video Content Completed", n) for n in range(50)]
    evidence = rebuild(happened).tastes[("category", "living")].evidence
    assert evidence[0].event_id == "Video Content Completed-0"
    assert "Order Completed-28800" in [each.event_id for each in evidence]
    assert len(evidence) <= 6

"""Rules that no feed breaks, whatever the profile, the products and the guesses; and every feed replays."""

import random
from datetime import timedelta

import pytest

from personalization.log import STARTED, Event
from personalization.profile import WEIGHTS, rebuild
from personalization.ranking import Candidate, rank
from tests.personalization.conftest import NOW

SLATES, PLACES = 40, 10


def violations(seed: int) -> list[str]:
    """Make a feed for an invented viewer and shop; returns which rules it breaks."""
    dice = random.Random(seed)
    candidates = [
        Candidate(
            f"p{n}",
            f"m{dice.randrange(3)}",
            f"c{dice.randrange(5)}",
            f"b{dice.randrange(6)}",
            NOW - timedelta(days=dice.randrange(100)),
            dice.choice((0, 1, 50)),
            dice.random(),
        )
        for n in range(dice.randrange(1, 40))
    ]
    events = []
    for n in range(dice.randrange(60)):
        about = dice.choice(candidates)
        name = dice.choice([*WEIGHTS, STARTED])
        scope = (
            dice.choice(("item", "brand", "category", "merchant")) if name in ("Not Interested", "Interested") else None
        )
        at = NOW - timedelta(minutes=dice.randrange(50_000))
        events.append(
            Event(f"e{n}", name, at, about.product_id, about.category, about.brand, about.merchant_id, scope=scope)
        )
    profile = rebuild(sorted(events, key=lambda each: (each.at, each.id)))
    by_id = {each.product_id: each for each in candidates}
    share = dice.choice((0.0, 0.05, 0.3))
    chosen = rank(profile, candidates, range(1, PLACES + 1), NOW, str(seed), exploration=share)
    allowed = {
        each.product_id
        for each in candidates
        if each.stock > 0 and not profile.blocks_any(each.product_id, each.brand, each.category, each.merchant_id)
    }
    broken = []
    if chosen != rank(profile, reversed(candidates), range(1, PLACES + 1), NOW, str(seed), exploration=share):
        broken.append("does not replay")
    if [each.place for each in chosen] != (list(range(1, PLACES + 1)) if allowed else []):
        broken.append("places are missing")
    for before, each in zip([None, *chosen], chosen, strict=False):
        if by_id[each.product_id].stock == 0:
            broken.append("sold out")
        if each.product_id not in allowed:
            broken.append("ruled out by the viewer")
        if before is not None and before.product_id == each.product_id and len(allowed) > 1:
            broken.append("twice in a row")
        if not 0 < each.propensity <= 1:
            broken.append("no chance")
        if abs(sum(each.parts.values()) - each.score) > 1e-9:
            broken.append("parts do not sum to the score")
    return broken


def test_no_rule_is_broken() -> None:
    assert {seed: found for seed in range(SLATES) if (found := violations(seed))} == {}


@pytest.mark.soak
def test_no_rule_is_broken_in_ten_thousand_feeds() -> None:
    assert {seed: found for seed in range(10_000) if (found := violations(seed))} == {}

"""The storyboard: its grammar, its rules under random libraries, its exact chances."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from video_assembly.library import SegmentCandidate
from video_assembly.storyboard import Rules, Shelf, Storyboard, Subject, plan
from video_assembly.templates import LONGEST_MS, ORDER, SHORTEST_MS

LAMP = Subject("lamp", "m1", "living")


def segment(
    name: str,
    role: str,
    units: int = 3,
    *,
    product: str | None = "lamp",
    category: str = "living",
    merchant: str = "m1",
    init: str = "i1",
    language: str | None = None,
) -> SegmentCandidate:
    return SegmentCandidate(
        id=name,
        clip_id=f"clip-{name}",
        merchant_id=merchant,
        product_id=product,
        category=category,
        role=role,
        units=units,
        duration_ms=units * 1600,
        digest=f"digest-{name}",
        init_digest=init,
        media_key=f"segments/{name}.mp4",
        poster_key=f"posters/{name}.jpg",
        language=language,
        tags=(),
        created_at=datetime(2026, 3, 1, tzinfo=UTC),
    )


FIVE = [segment(f"lamp-{role}", role) for role in ORDER]


def made(candidates: list[SegmentCandidate], **options: object) -> Storyboard | None:
    rules = Rules(language="de", exploration=0.0)
    return plan(Shelf(candidates), LAMP, rules, "seed", **options)  # type: ignore[arg-type]


def test_all_five_roles_in_their_order() -> None:
    board = made(list(reversed(FIVE)))
    assert board is not None
    assert board.segment_ids == tuple(f"lamp-{role}" for role in ORDER)
    assert board.duration_ms == 24_000
    assert [part.propensity for part in board.parts] == [1.0] * 5
    assert [part.reason for part in board.parts] == ["only-one"] * 5


@pytest.mark.parametrize("missing", ["offer", "cta"])
def test_no_video_without_an_offer_and_a_call_to_action(missing: str) -> None:
    left = [each for each in FIVE if each.role != missing]
    assert made(left) is None
    assert not Shelf(left).tellable(LAMP, Rules())


def test_other_roles_may_be_missing_while_the_length_holds() -> None:
    board = made([each for each in FIVE if each.role not in ("demo", "proof")])
    assert board is not None
    assert board.duration_ms == 14_400
    assert made([each for each in FIVE if each.role in ("offer", "cta")]) is None


def test_a_part_is_left_out_when_all_are_too_long_together() -> None:
    board = made([segment(f"s-{role}", role, 5) for role in ORDER])
    assert board is not None
    assert board.duration_ms == 24_000
    assert {"offer", "cta"} < {part.segment.role for part in board.parts}


def test_other_merchants_and_unequal_inits_never_meet() -> None:
    foreign = [segment(f"x-{role}", role, merchant="m2") for role in ORDER]
    old = [segment("old-offer", "offer", init="i0"), segment("old-hook", "hook", init="i0")]
    board = made([*(each for each in FIVE if each.role != "offer"), *foreign, *old])
    assert board is None


def test_the_hook_may_be_about_the_category() -> None:
    own = [each for each in FIVE if each.role != "hook"]
    about = segment("living", "hook", product=None)
    other = segment("blanket-hook", "hook", product="blanket")
    elsewhere = segment("kitchen", "hook", product=None, category="kitchen")
    board = made([*own, about, elsewhere])
    assert board is not None
    assert board.segment_ids[0] == "living"
    assert board.parts[0].reason == "about-category"
    kept_out, lent = made([*own, other]), made([*own, other], lend={"blanket"})
    assert kept_out is not None
    assert lent is not None
    assert "blanket-hook" not in kept_out.segment_ids
    assert lent.segment_ids[0] == "blanket-hook"


def test_language_fits_when_there_is_a_choice() -> None:
    english = [segment(f"en-{role}", role, language="en") for role in ORDER]
    german = [segment(f"de-{role}", role, language="de") for role in ORDER]
    board = made([*english, *german])
    assert board is not None
    assert board.segment_ids == tuple(f"de-{role}" for role in ORDER)
    assert board.parts[0].reason == "own-language"
    foreign = made(english)
    assert foreign is not None
    assert len(foreign.parts) == 5, "where there is no choice, nothing is left out for it"


def test_videos_vary_against_what_was_seen_lately() -> None:
    twice = [*FIVE, *(segment(f"new-{role}", role) for role in ORDER)]
    used: Counter[str] = Counter()
    boards = []
    for _ in range(4):
        board = made(twice, used=used)
        assert board is not None
        boards.append(board.segment_ids)
        used.update(board.segment_ids)
    assert not set(boards[0]) & set(boards[1])
    one_each = []
    used = Counter()
    for _ in range(6):
        board = made(FIVE, used=used)
        assert board is not None
        one_each.append([part.segment.role for part in board.parts])
        used.update(board.segment_ids)
    assert len({tuple(roles) for roles in one_each}) == 3
    assert all(roles[0] == "hook" and len(roles) >= 4 for roles in one_each)


def test_the_same_whole_video_does_not_come_again_while_there_is_another() -> None:
    twice = [*FIVE, *(segment(f"new-{role}", role) for role in ORDER)]
    for library, different in ((twice, 6), (FIVE, 3)):
        used: Counter[str] = Counter()
        told: Counter[tuple[str, ...]] = Counter()
        for _ in range(different):
            board = made(library, used=used, told=told)
            assert board is not None
            used.update(board.segment_ids)
            told[board.segment_ids] += 1
        assert set(told.values()) == {1}, told


def test_chances_are_exact_and_never_touch_offer_or_call_to_action() -> None:
    candidates = [*FIVE, *(segment(f"b-{role}", role, 2 + n % 2) for n, role in enumerate(ORDER))]
    shelf, rules, trials = Shelf(candidates), Rules(exploration=0.4), 8000
    boards = [plan(shelf, LAMP, rules, str(seed)) for seed in range(trials)]
    seen: Counter[str] = Counter()
    chances: dict[str, list[float]] = {}
    for board in boards:
        assert board is not None
        for part in board.parts:
            seen[part.segment.id] += 1
            chances.setdefault(part.segment.id, []).append(part.propensity)
            if part.segment.role in ("offer", "cta"):
                assert part.propensity == 1.0
    for role in ("hook", "demo", "proof"):
        a, b = f"lamp-{role}", f"b-{role}"
        assert chances[a][0] + chances[b][0] == pytest.approx(1)
        assert abs(seen[a] / trials - chances[a][0]) < 0.025


roles = st.sampled_from([*ORDER, *ORDER, "other"])
libraries = st.lists(
    st.builds(
        lambda n, role, units, product, merchant, init, language: segment(
            f"s{n:05}", role, units, product=product, merchant=merchant, init=init, language=language
        ),
        st.integers(0, 99_999),
        roles,
        st.integers(1, 9),
        st.sampled_from(["lamp", "lamp", "lamp", "blanket", None]),
        st.sampled_from(["m1", "m1", "m1", "m2"]),
        st.sampled_from(["i1", "i1", "i2"]),
        st.sampled_from([None, "de", "en"]),
    ),
    max_size=40,
    unique_by=lambda each: each.id,
)


@settings(max_examples=400, deadline=None)
@given(libraries, st.integers(), st.floats(0, 1), st.dictionaries(st.integers(0, 99_999), st.integers(0, 5)))
def test_every_plan_keeps_every_rule(
    candidates: list[SegmentCandidate], seed: int, exploration: float, seen: dict[int, int]
) -> None:
    used = {f"s{n:05}": times for n, times in seen.items()}
    rules = Rules(language="de", exploration=exploration)
    shelf = Shelf(candidates)
    board = plan(shelf, LAMP, rules, str(seed), used=used)
    assert (board is not None) == shelf.tellable(LAMP, rules)
    if board is None:
        return
    parts = [part.segment for part in board.parts]
    assert SHORTEST_MS <= board.duration_ms <= LONGEST_MS
    assert [each.role for each in parts] == [role for role in ORDER if role in {each.role for each in parts}]
    assert {"offer", "cta"} <= {each.role for each in parts}
    assert len(set(board.segment_ids)) == len(parts)
    assert {each.merchant_id for each in parts} == {"m1"}
    assert len({each.init_digest for each in parts}) == 1
    assert all(each.product_id == "lamp" or (each.role == "hook" and each.product_id is None) for each in parts)
    assert all(0 < part.propensity <= 1 for part in board.parts)
    assert board == plan(Shelf(reversed(candidates)), LAMP, rules, str(seed), used=used)

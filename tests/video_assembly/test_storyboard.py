"""The storyboard: its grammar, its rules under random libraries, its exact chances."""

from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from video_assembly.candidates import SegmentCandidate
from video_assembly.lots import Lot
from video_assembly.storyboard import Rules, Shelf, Storyboard, Subject, campaign, plan
from video_assembly.templates import LONGEST_MS, ORDER, SHORTEST_MS, Template

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
    tags: tuple[str, ...] = (),
    clip: str | None = None,
    start: int = 0,
    colour: int | None = None,
    pace: float | None = None,
) -> SegmentCandidate:
    return SegmentCandidate(
        id=name,
        clip_id=clip or f"clip-{name}",
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
        tags=tags,
        created_at=datetime(2026, 3, 1, tzinfo=UTC),
        start_ms=start,
        colour=colour,
        pace=pace,
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
    assert not Shelf(left).tellable(LAMP)


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


def test_another_products_hook_comes_only_when_the_other_ways_to_vary_are_told() -> None:
    other = segment("blanket-hook", "hook", product="blanket")
    used: Counter[str] = Counter()
    told: Counter[tuple[str, ...]] = Counter()
    lent = []
    for _ in range(6):
        board = made([*FIVE, other], used=used, told=told, lend={"blanket"})
        assert board is not None
        lent.append(board.parts[0].segment.id == "blanket-hook")
        used.update(board.segment_ids)
        told[board.segment_ids] += 1
    assert lent[:3] == [False, False, False]
    assert any(lent), "a small library borrows rather than telling the same again"


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
    shelf, rules, trials = Shelf(candidates), Rules(exploration=0.4), 2000
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
        assert abs(seen[a] / trials - chances[a][0]) < 0.045


def test_a_video_speaks_one_language() -> None:
    german = [segment(f"de-{role}", role, language="de") for role in ("hook", "demo", "offer", "cta")]
    english = [segment("en-proof", "proof", language="en"), segment("en-hook", "hook", language="en")]
    silent = segment("x-proof", "proof")
    board = made([*german, *english])
    assert board is not None
    assert board.segment_ids == tuple(f"de-{role}" for role in ("hook", "demo", "offer", "cta"))
    board = made([*german, *english, silent])
    assert board is not None
    assert board.segment_ids[2] == "x-proof"
    abroad = Shelf([*german, *english])
    other = plan(abroad, LAMP, Rules("en-GB", 0.0), "seed")
    assert other is not None, "no offer speaks English, so the whole video is in German"
    assert all(part.segment.language == "de" for part in other.parts)
    strict = Template(own_language=True)
    assert plan(abroad, LAMP, Rules("en"), "seed", template=strict) is None
    assert not Shelf([*german, *english], {("m1", None): strict}).tellable(LAMP, "en")


def test_a_template_s_order_length_and_tags_hold() -> None:
    doubled = [*FIVE, *(segment(f"b-{role}", role, 2, tags=("new",)) for role in ORDER)]
    order = ("offer", "hook", "cta")
    board = made(doubled, template=Template(order, frozenset({"hook", "cta"}), 3_000, 7_000))
    assert board is not None
    assert (board.segment_ids, board.duration_ms) == (("b-hook", "b-cta"), 6_400)
    board = made(doubled, template=Template(order, frozenset(order)))
    assert board is not None
    assert [part.segment.role for part in board.parts] == list(order)
    board = made(doubled, template=Template(never_tags=("new",)))
    assert board is not None
    assert board.segment_ids == tuple(f"lamp-{role}" for role in ORDER)
    used = {f"b-{role}": 9 for role in ORDER}
    board = made(doubled, template=Template(must_tags=("new",)), used=used)
    assert board is not None
    assert sum("new" in part.segment.tags for part in board.parts) == 1, "as few as must be, when all were seen often"
    assert made(FIVE, template=Template(must_tags=("new",))) is None


def test_a_category_s_template_holds_for_its_products() -> None:
    short = Template(("hook", "cta"), frozenset({"cta"}), 1_600, 12_000)
    for key, parts in ((("m1", "living"), 2), (("m1", None), 2), (("m1", "kitchen"), 5), (("m2", "living"), 5)):
        board = plan(Shelf(FIVE, {key: short}), LAMP, Rules(), "seed")
        assert board is not None
        assert len(board.parts) == parts


def test_a_tone_chooses_the_pace() -> None:
    paces = [segment(f"{n}-{role}", role, pace=n / 4) for role in ORDER for n in range(5)]
    for tone, wanted in (("calm", "0"), ("lively", "4")):
        board = made(paces, template=Template(tone=tone))
        assert board is not None
        assert {part.segment.id[0] for part in board.parts} == {wanted}


def test_neighbours_go_together() -> None:
    red, blue = 0xC02020, 0x2020C0
    looks = [
        segment(f"{name}-{role}", role, colour=colour) for role in ORDER for name, colour in (("a", red), ("b", blue))
    ]
    board = made([*looks], used={"b-hook": 3, "a-cta": 0.1})
    assert board is not None
    assert {part.segment.id[0] for part in board.parts} == {"a"}, "one slightly worn segment does not change the look"
    takes = [segment(f"late-{role}", role, clip="one", start=9 - n) for n, role in enumerate(ORDER)]
    board = made([*takes, *FIVE])
    assert board is not None
    clips = [part.segment.clip_id for part in board.parts]
    assert "one" not in clips or clips.count("one") < len(clips), "a clip is not told backwards while there is another"


def test_a_join_costs_the_same_in_a_search_and_alone() -> None:
    looks = st.tuples(st.none() | st.integers(0, 0xFFFFFF), st.none() | st.floats(-1, 2), st.sampled_from("ab"))

    @settings(max_examples=50, deadline=None)
    @given(st.lists(looks, min_size=4, max_size=4))
    def check(given: list[tuple[int | None, float | None, str]]) -> None:
        found = [
            segment(f"s{n}", "hook" if n < 2 else "demo", colour=colour, pace=pace, clip=clip, start=-n)
            for n, (colour, pace, clip) in enumerate(given)
        ]
        lot = Lot(LAMP, Template(), None, {"hook": found[:2], "demo": found[2:]})
        both = np.arange(2)
        alone = [[lot.join((0, a), (1, b)) for b in range(2)] for a in range(2)]
        assert lot.joins(0, 1, both, both) == pytest.approx(np.array(alone))

    check()


def test_what_a_viewer_likes_comes_first() -> None:
    tagged = [segment(f"b-{role}", role, tags=("wood",)) for role in ORDER]
    fresh = [segment(f"c-{role}", role) for role in ORDER]
    board = made([*tagged, *fresh], tastes={"wood": 0.8, "steel": 1.0})
    assert board is not None
    assert {part.segment.id[0] for part in board.parts} == {"b"}
    assert board.parts[0].reason == "your-interest"
    board = made([*tagged, *fresh], tastes={"wood": -0.8})
    assert board is not None
    assert {part.segment.id[0] for part in board.parts} == {"c"}


def test_takes_of_one_clip_tire_together() -> None:
    takes = [segment(f"t{n}", "hook", clip="same") for n in range(2)]
    board = made([*FIVE, *takes], used={"t1": 1})
    assert board is not None
    assert board.segment_ids[0] == "lamp-hook"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 50), min_size=2, max_size=2, unique=True))
def test_each_exposure_costs_more_and_none_costs_all(times: list[float]) -> None:
    shelf = Shelf([*FIVE, segment("b-hook", "hook")])
    used, always = {"lamp-hook": times[0], "b-hook": times[1]}, Template(needed=frozenset(ORDER))
    board = plan(shelf, LAMP, Rules(None, 0.0), "seed", used=used, template=always)
    assert board is not None
    if abs(times[0] - times[1]) > 1e-6:
        assert (board.segment_ids[0] == "lamp-hook") == (times[0] < times[1])


def test_vetoed_videos_are_never_made_and_others_are() -> None:
    doubled = [*FIVE, *(segment(f"b-{role}", role, 2) for role in ORDER)]
    first = made(doubled)
    assert first is not None
    shelf = Shelf(doubled, vetoes={("m1", "lamp"): {first.segment_ids}})
    boards = [plan(shelf, LAMP, Rules(exploration=0.9), str(n)) for n in range(200)]
    ids = {board.segment_ids for board in boards if board is not None}
    assert len(ids) > 4
    assert first.segment_ids not in ids
    everything = {board.segment_ids for board in campaign(Shelf(FIVE), LAMP, Rules(), "s", 30)}
    nothing_left = Shelf(FIVE, vetoes={("m1", "lamp"): everything})
    assert plan(nothing_left, LAMP, Rules(), "seed") is None
    assert not nothing_left.tellable(LAMP)


def test_a_campaign_has_different_videos() -> None:
    library = [segment(f"{role}{n}", role, 2 + n % 2) for role in ORDER for n in range(4)]
    boards = campaign(Shelf(library), LAMP, Rules(), "seed", 30)
    assert len({board.segment_ids for board in boards}) == 30
    first_four = [board.segment_ids for board in boards[:4]]
    assert len({each for ids in first_four for each in ids}) == 20, "no segment twice while one is unused"
    assert boards == campaign(Shelf(reversed(library)), LAMP, Rules(), "seed", 30)
    assert len(campaign(Shelf(FIVE), LAMP, Rules(), "seed", 30)) == 7, "all that five segments make in 12 to 30 s"


def test_many_choices_hold_every_rule_too() -> None:
    crowd = [
        segment(f"{role}{n:03}", role, 1 + n % 6, tags=("new",) if n % 50 == 7 else ())
        for role in ORDER
        for n in range(120)
    ]
    template = Template(must_tags=("new",), shortest_ms=16_000, longest_ms=17_600)
    used = {f"{role}{n:03}": 3.0 for role in ORDER for n in range(0, 120, 2)}
    board = made(crowd, template=template, used=used)
    assert board is not None
    assert 16_000 <= board.duration_ms <= 17_600
    assert any("new" in part.segment.tags for part in board.parts)
    assert not set(used) & set(board.segment_ids)


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


@settings(max_examples=150, deadline=None)
@given(libraries, st.integers(), st.floats(0, 1), st.dictionaries(st.integers(0, 99_999), st.integers(0, 5)))
def test_every_plan_keeps_every_rule(
    candidates: list[SegmentCandidate], seed: int, exploration: float, seen: dict[int, int]
) -> None:
    used = {f"s{n:05}": times for n, times in seen.items()}
    rules = Rules(language="de", exploration=exploration)
    shelf = Shelf(candidates)
    board = plan(shelf, LAMP, rules, str(seed), used=used)
    assert (board is not None) == shelf.tellable(LAMP, rules.language)
    if board is None:
        return
    parts = [part.segment for part in board.parts]
    assert SHORTEST_MS <= board.duration_ms <= LONGEST_MS
    assert [each.role for each in parts] == [role for role in ORDER if role in {each.role for each in parts}]
    assert {"offer", "cta"} <= {each.role for each in parts}
    assert len(set(board.segment_ids)) == len(parts)
    assert {each.merchant_id for each in parts} == {"m1"}
    assert len({each.language for each in parts} - {None}) <= 1
    assert len({each.init_digest for each in parts}) == 1
    assert all(each.product_id == "lamp" or (each.role == "hook" and each.product_id is None) for each in parts)
    assert all(0 < part.propensity <= 1 for part in board.parts)
    assert board == plan(Shelf(reversed(candidates)), LAMP, rules, str(seed), used=used)

"""Segments: stored once, edited by their merchant, offered only while they may be used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop import catalog, merchants
from shop.money import Money
from storage.database import Database
from storage.errors import Conflict, NotFound, UserError
from storage.ids import new_id
from video_assembly import captions, clips, edits, library, renditions, search, upkeep
from video_assembly.candidates import candidates
from video_assembly.library import NewSegment, SmallForm
from video_assembly.search import Filters
from video_assembly.webvtt import Cue

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Library:
    """Two merchants, a product each, and one clip of the first about its product."""

    db: Database
    herd: str
    wetter: str
    kettle: str
    jacket: str
    clip: clips.Clip

    def store(self, prepared: Sequence[NewSegment], now: datetime = NOW, clip: clips.Clip | None = None) -> list[str]:
        with self.db.writing() as tx:
            return library.store_segments(tx, clip or self.clip, prepared, now)

    def shown(self, now: datetime = NOW, **filters: str) -> list[library.Segment]:
        """The segments that a search finds, those of archives included when no state is asked for."""
        with self.db.reading() as tx:
            found = search.find(tx, self.herd, Filters(**filters), now, limit=100)
            assert found.total == len(found.items)
            return list(found.items)

    def edit(self, segment_id: str, **changes) -> library.Segment:
        with self.db.writing() as tx:
            return edits.edit_segment(tx, segment_id, self.herd, NOW, **changes)

    def usable(self, now: datetime = NOW) -> list[str]:
        with self.db.reading() as tx:
            return [each.id for each in candidates(tx, now)]


def new(digest: str, units: int = 2, start_ms: int = 0, **more) -> NewSegment:
    return NewSegment(digest, digest.encode(), "init", units, units * 1600, 5000, start_ms, True, **more)


@pytest.fixture
def lib(db: Database) -> Library:
    with db.writing() as tx:
        herd, wetter = (merchants.add_merchant(tx, handle, handle) for handle in ("herd", "wetter"))
        kettle, jacket = (
            catalog.add_product(
                tx,
                merchant_id,
                handle,
                titles={"de": handle},
                descriptions={},
                brand="",
                category=category,
                variants=[catalog.NewVariant("a", Money(1, "EUR"), {})],
                now=NOW,
            )
            for merchant_id, handle, category in ((herd, "kettle", "kitchen"), (wetter, "jacket", "outdoor"))
        )
        clip = add(tx, herd, product_ids=[kettle], tags=["summer"], language="de")
    return Library(db, herd, wetter, kettle, jacket, clip)


def add(tx, merchant_id: str, **more) -> clips.Clip:
    return clips.add_clip(tx, merchant_id, clip_id=new_id(), filename="a.mp4", size=9, now=NOW, **more)


def test_segments_take_over_what_their_clip_says(lib: Library) -> None:
    ids = lib.store([new("a"), new("b", 3, role="hook", category="kitchen", tags=("near",))])
    first, second = lib.shown()
    assert [first.id, second.id] == ids
    assert (first.product_id, first.category, first.role, first.tags) == (lib.kettle, None, None, ("summer",))
    assert (second.product_id, second.category, second.role, second.tags) == (
        None,
        "kitchen",
        "hook",
        ("summer", "near"),
    )
    assert (first.media_key, first.thumb_key, first.poster_key) == ("segments/a.mp4", "thumbs/a.webp", "posters/a.jpg")
    assert (first.language, second.position, second.duration_ms) == ("de", 1, 4800)


def test_storing_again_changes_nothing(lib: Library) -> None:
    prepared = [new("a"), new("b")]
    ids = lib.store(prepared)
    assert lib.edit(ids[0], role="cta", archived=True).archived_at == NOW
    before = lib.shown(), lib.shown(state="archived")
    assert lib.store(prepared, NOW + HOUR) == ids
    assert (lib.shown(), lib.shown(state="archived")) == before


def test_new_bytes_are_new_segments_with_the_old_ones_kept(lib: Library) -> None:
    old = lib.store([new("a"), new("b"), new("c")])
    lib.edit(old[0], role="cta", tags=["mine"], valid_until=NOW + HOUR)
    fresh = lib.store([new("a2"), new("b")], NOW + HOUR)
    assert fresh[1] == old[1]
    assert fresh[0] != old[0]
    taken_over = lib.shown()[0]
    assert (taken_over.role, taken_over.tags, taken_over.valid_until) == ("cta", ("mine",), NOW + HOUR)
    assert [each.id for each in lib.shown()] == fresh
    with lib.db.reading() as tx:
        replaced = {each for each in old if library.segment(tx, each, lib.herd).replaced_at is not None}
    assert replaced == {old[0], old[2]}
    assert lib.store([new("a"), new("b")], NOW + HOUR) == old[:2], "going back finds the old segments again"
    with lib.db.reading() as tx:
        assert [each.digest for each in renditions.sources(tx, old)] == ["a", "b", "c"], "old videos still play"


prepared_lists = st.lists(st.lists(st.sampled_from("abcd"), max_size=4), min_size=1, max_size=4)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=prepared_lists)
def test_only_the_last_run_is_shown(lib: Library, runs: list[list[str]]) -> None:
    with lib.db.writing() as tx:
        clip = add(tx, lib.herd)
    for number, digests in enumerate(runs):
        for _again in range(2):
            ids = lib.store([new(digest) for digest in digests], NOW + number * HOUR, clip)
        assert [each.id for each in lib.shown(clip=clip.id)] == ids
        assert [each.digest for each in lib.shown(clip=clip.id)] == digests


def test_filters(lib: Library) -> None:
    hook, demo = lib.store([new("a", role="hook"), new("b", role="demo", tags=("near",))])
    assert [each.id for each in lib.shown(role="hook")] == [hook]
    assert [each.id for each in lib.shown(tag="near")] == [demo]
    assert [each.id for each in lib.shown(product=lib.kettle, tag="summer")] == [hook, demo]
    assert lib.shown(product=lib.jacket) == lib.shown(clip="nothing") == []
    with lib.db.reading() as tx:
        assert search.find(tx, lib.wetter, Filters(), NOW, limit=9).items == ()


def test_editing_keeps_what_is_not_given(lib: Library) -> None:
    (segment_id,) = lib.store([new("a")])
    before = lib.shown()[0]
    edited = lib.edit(segment_id, role="offer", tags=[" x ", "x"])
    assert (edited.role, edited.tags, edited.product_id) == ("offer", ("x",), before.product_id)
    cleared = lib.edit(segment_id, product_id=None, category="kitchen")
    assert (cleared.product_id, cleared.category, cleared.role) == (None, "kitchen", "offer")
    assert lib.edit(segment_id, archived=True).archived_at == NOW
    assert lib.edit(segment_id, archived=False).archived_at is None
    assert lib.edit(segment_id) == cleared


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"role": "intro"}, "role"),
        ({"product_id": "jacket"}, "product_id"),
        ({"tags": ["x" * 41]}, "tags"),
        ({"valid_from": NOW, "valid_until": NOW}, "valid_until"),
    ],
)
def test_bad_edits_name_the_field(lib: Library, changes: dict[str, object], field: str) -> None:
    (segment_id,) = lib.store([new("a")])
    before = lib.shown()
    if "product_id" in changes:
        changes = {"product_id": lib.jacket}
    with pytest.raises(UserError) as caught:
        lib.edit(segment_id, **changes)
    assert caught.value.extra["field"] == field
    assert lib.shown() == before


def test_an_end_before_the_beginning_set_earlier(lib: Library) -> None:
    (segment_id,) = lib.store([new("a")])
    lib.edit(segment_id, valid_from=NOW)
    with pytest.raises(UserError):
        lib.edit(segment_id, valid_until=NOW - HOUR)


def test_segments_of_somebody_else_are_not_there(lib: Library) -> None:
    (segment_id,) = lib.store([new("a")])
    with lib.db.writing() as tx:
        with pytest.raises(NotFound):
            edits.edit_segment(tx, segment_id, lib.wetter, NOW, role="hook")
        with pytest.raises(NotFound):
            library.segment(tx, segment_id, lib.wetter)
        with pytest.raises(NotFound):
            renditions.sources(tx, [segment_id, "nothing"])


def test_candidates_may_be_used_now(lib: Library) -> None:
    ids = lib.store([new(digest) for digest in "abcdefg"])
    for segment_id in ids:
        lib.edit(segment_id, role="demo")
    lib.edit(ids[1], role=None)
    lib.edit(ids[2], product_id=None)
    lib.edit(ids[3], archived=True)
    lib.edit(ids[4], valid_from=NOW + HOUR)
    lib.edit(ids[5], valid_until=NOW + HOUR)
    lib.edit(ids[6], product_id=None, category="outdoor", role="hook")
    assert lib.usable() == [ids[0], ids[5], ids[6]]
    assert lib.usable(NOW + HOUR) == [ids[0], ids[4], ids[6]]
    with lib.db.reading() as tx:
        first, _, last = candidates(tx, NOW)
    assert (first.category, first.product_id) == ("kitchen", lib.kettle)
    assert (last.category, last.product_id) == ("outdoor", None)
    assert (first.tags, first.units, first.merchant_id, first.created_at) == (("summer",), 2, lib.herd, NOW)


def test_rights_end_with_the_clip(lib: Library) -> None:
    with lib.db.writing() as tx:
        clip = add(tx, lib.herd, product_ids=[lib.kettle], role="demo", rights_until=NOW + HOUR)
    ids = lib.store([new("a")], clip=clip)
    assert lib.usable() == ids
    assert lib.usable(NOW + HOUR) == []


def test_sources_come_in_the_order_asked_for(lib: Library) -> None:
    first, second = lib.store([new("a"), new("b")])
    with lib.db.reading() as tx:
        found = renditions.sources(tx, [second, first, second])
        assert library.poster_keys(tx, [first]) == {first: "posters/a.jpg"}
    assert [(each.digest, each.index, each.init_digest) for each in found] == [
        ("b", b"b", "init"),
        ("a", b"a", "init"),
        ("b", b"b", "init"),
    ]


def test_small_renditions_come_in_order_or_not_at_all(lib: Library) -> None:
    small = [SmallForm(f"small-{name}", name.encode(), "small-init", 900) for name in "ab"]
    first, second, without = lib.store([new("a", small=small[0]), new("b", small=small[1]), new("c")])
    with lib.db.reading() as tx:
        found = renditions.small_sources(tx, [second, first, second])
        assert renditions.small_sources(tx, [first, without]) == []
    assert [(each.media_key, each.index, each.init_digest, each.units) for each in found] == [
        ("segments/small-b.mp4", b"b", "small-init", 2),
        ("segments/small-a.mp4", b"a", "small-init", 2),
        ("segments/small-b.mp4", b"b", "small-init", 2),
    ]


SAID = "WEBVTT\n\n00:00.000 --> 00:01.000\nFill it.\n"


def test_a_clip_without_its_small_rendition_is_prepared_once_more_and_gets_it(lib: Library) -> None:
    (only,) = lib.store([new("a")])
    with lib.db.writing() as tx:
        clips.set_state(tx, lib.clip.id, "ready", NOW, duration_ms=3200)
        assert upkeep.renew(tx, "init", lambda key: False, NOW + 2 * DAY) == [], "its original is gone"
        assert upkeep.renew(tx, "init", lambda key: True, NOW + 2 * DAY) == [lib.clip.id]
    small = library.SmallForm("tiny", b"index", "small-init", 100)
    assert lib.store([new("a", small=small)], NOW + 2 * DAY) == [only]
    with lib.db.writing() as tx:
        assert [each.digest for each in renditions.small_sources(tx, [only])] == ["tiny"]
        clips.set_state(tx, lib.clip.id, "ready", NOW + 2 * DAY, duration_ms=3200)
        assert upkeep.renew(tx, "init", lambda key: True, NOW + 4 * DAY) == []


def test_speech_is_used_with_captions_or_with_the_merchants_word(lib: Library) -> None:
    first, second = lib.store([new("a", role="demo"), new("b", role="demo")])
    assert lib.usable() == [first, second]
    for segment_id in (first, second):
        lib.edit(segment_id, speech=True)
    assert lib.usable() == []
    assert [each.id for each in lib.shown(state="uncaptioned")] == [first, second]
    with lib.db.writing() as tx:
        _, mistakes = edits.set_captions(tx, first, lib.herd, "de", "WEBVTT\n\nhello", NOW)
        assert [each.line for each in mistakes] == [3]
        assert captions.of(tx, [first]) == {}
        edits.set_captions(tx, first, lib.herd, "de", SAID, NOW)
        with pytest.raises(NotFound):
            edits.set_captions(tx, first, lib.wetter, "de", SAID, NOW)
        with pytest.raises(UserError):
            edits.set_captions(tx, first, lib.herd, "german", SAID, NOW)
    lib.edit(second, uncaptioned=True)
    assert lib.usable() == [first, second]
    # It was the merchant's wish; it still lacks captions.
    assert [each.id for each in lib.shown(state="uncaptioned")] == [second]


def test_a_video_speaks_the_viewers_language_where_it_can(lib: Library) -> None:
    ids = lib.store([new("a"), new("b"), new("c")])
    with lib.db.writing() as tx:
        for segment_id, language in ((ids[0], "de"), (ids[0], "en"), (ids[2], "de")):
            edits.set_captions(tx, segment_id, lib.herd, language, SAID.replace("Fill it", language), NOW)
    with lib.db.reading() as tx:
        cues = captions.of_video(tx, [(each, 3200) for each in ids], "en")
    assert cues == [Cue(0, 1000, "en."), Cue(6400, 7400, "de.")]


def test_states_say_what_is_to_be_done(lib: Library) -> None:
    ids = lib.store([new(digest, role="demo") for digest in "abcdef"])
    lib.edit(ids[0], role=None)
    lib.edit(ids[1], rights_until=NOW + 29 * DAY)
    lib.edit(ids[2], valid_until=NOW + 31 * DAY)
    lib.edit(ids[3], rights_until=NOW - HOUR)
    lib.edit(ids[4], archived=True)
    lib.edit(ids[5], season="winter", language="en", speech=False)
    found = {state: [each.id for each in lib.shown(state=state)] for state in search.STATES}
    assert found == {
        "usable": [ids[1], ids[2], ids[5]],
        "unsorted": [ids[0]],
        "uncaptioned": [],
        "unheard": [ids[0], ids[1], ids[2], ids[3]],
        "expiring": [ids[1]],
        "expired": [ids[3]],
        "archived": [ids[4]],
    }
    assert found["usable"] == lib.usable()
    assert [each.id for each in lib.shown(language="en", season="winter")] == [ids[5]]
    assert [each.id for each in lib.shown(season="none", state="expired")] == [ids[3]]
    with pytest.raises(UserError):
        lib.shown(state="lost")


def test_words_are_looked_for_in_names_products_and_tags(lib: Library) -> None:
    first, second = lib.store([new("a", tags=("Gr\u00fcn 100%",)), new("b", category="kitchen")])
    lib.edit(second, product_id=None, tags=[])
    assert [each.id for each in lib.shown(q="KETTLE")] == [first]
    assert [each.id for each in lib.shown(q="a.mp4")] == [first, second]
    assert [each.id for each in lib.shown(q="100%  gr\u00fcn")] == [first]
    assert [each.id for each in lib.shown(tag="Gr\u00fcn 100%")] == [first]
    assert lib.shown(q="_") == lib.shown(tag="Gr") == []


def test_pages_follow_one_another_without_a_gap(lib: Library) -> None:
    lib.store([new(digest) for digest in "abcde"])
    with lib.db.writing() as tx:
        other = add(tx, lib.herd)
    lib.store([new(digest) for digest in "xyz"], clip=other)
    seen, after = [], None
    with lib.db.reading() as tx:
        while True:
            page = search.find(tx, lib.herd, Filters(), NOW, limit=3, after=after)
            assert page.total == 8
            seen += [each.digest for each in page.items]
            if (after := page.next) is None:
                break
        with pytest.raises(UserError):
            search.find(tx, lib.herd, Filters(), NOW, limit=3, after="nowhere")
    assert seen == list("xyzabcde")


def test_files_go_a_day_after_archiving_unless_equal_bytes_are_in_use(lib: Library) -> None:
    first, second, _ = lib.store([new("a"), new("b"), new("c")])
    with lib.db.writing() as tx:
        twin = add(tx, lib.herd)
    lib.store([new("b")], clip=twin)
    for segment_id in (first, second):
        lib.edit(segment_id, archived=True)
    lib.store([new("a"), new("b"), new("c2")], NOW)
    with lib.db.writing() as tx:
        assert upkeep.let_go(tx, NOW + DAY) == []
        assert upkeep.let_go(tx, NOW + DAY + HOUR) == ["segments/a.mp4", "thumbs/a.webp", "posters/a.jpg"]
        assert upkeep.let_go(tx, NOW + DAY + HOUR) == []
        assert upkeep.let_go(tx, NOW + 9 * DAY)[0] == "segments/c.mp4", "replaced ones stay for shared videos"
    with pytest.raises(Conflict):
        lib.edit(first, archived=False)

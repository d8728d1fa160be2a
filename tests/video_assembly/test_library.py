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
from storage.errors import NotFound, UserError
from storage.ids import new_id
from video_assembly import clips, library, renditions
from video_assembly.library import NewSegment, SmallForm

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


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

    def shown(self, **filters) -> list[library.Segment]:
        with self.db.reading() as tx:
            return library.list_segments(tx, self.herd, **filters)

    def edit(self, segment_id: str, **changes) -> library.Segment:
        with self.db.writing() as tx:
            return library.edit_segment(tx, segment_id, self.herd, NOW, **changes)

    def usable(self, now: datetime = NOW) -> list[str]:
        with self.db.reading() as tx:
            return [each.id for each in library.candidates(tx, now)]


def new(digest: str, units: int = 2, **more) -> NewSegment:
    return NewSegment(digest, digest.encode(), "init", units, units * 1600, 5000, 0, True, **more)


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
    before = lib.shown(archived=True)
    assert lib.store(prepared, NOW + HOUR) == ids
    assert lib.shown(archived=True) == before


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
        assert [each.id for each in lib.shown(clip_id=clip.id)] == ids
        assert [each.digest for each in lib.shown(clip_id=clip.id)] == digests


def test_filters(lib: Library) -> None:
    hook, demo = lib.store([new("a", role="hook"), new("b", role="demo", tags=("near",))])
    assert [each.id for each in lib.shown(role="hook")] == [hook]
    assert [each.id for each in lib.shown(tag="near")] == [demo]
    assert [each.id for each in lib.shown(product_id=lib.kettle, tag="summer")] == [hook, demo]
    assert lib.shown(product_id=lib.jacket) == lib.shown(clip_id="nothing") == []
    with lib.db.reading() as tx:
        assert library.list_segments(tx, lib.wetter) == []


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
            library.edit_segment(tx, segment_id, lib.wetter, NOW, role="hook")
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
        first, _, last = library.candidates(tx, NOW)
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

"""New versions of segments: edges that can be, what is taken over, what old videos keep."""

from collections.abc import Sequence

import pytest

from storage.errors import Conflict, NotFound, UserError
from tests.video_assembly.test_library import HOUR, NOW, SAID, Library, lib, new
from video_assembly import captions, clips, edits, versions
from video_assembly.versions import Recut
from video_assembly.webvtt import Cue

__all__ = ["lib"]


@pytest.fixture
def segment_id(lib: Library) -> str:
    """A segment of 3.2 s at 1.6 s of a clip of 8 s, which says something."""
    (made,) = lib.store([new("a", role="demo", start_ms=1600)])
    with lib.db.writing() as tx:
        clips.set_state(tx, lib.clip.id, "ready", NOW, duration_ms=8000)
        edits.set_captions(tx, made, lib.herd, "de", SAID, NOW)
    return made


def cut(lib: Library, segment_id: str, start: int, end: int) -> Recut:
    with lib.db.writing() as tx:
        return versions.cut_anew(tx, segment_id, lib.herd, start, end, NOW)


def done(lib: Library, wish: Recut, digest: str) -> str:
    made = new(digest, wish.units, start_ms=wish.start_ms)
    with lib.db.writing() as tx:
        stored = versions.store_version(tx, wish, made, NOW + HOUR)
    assert stored is not None
    return stored


def test_a_new_version_takes_the_place_of_the_old_one(lib: Library, segment_id: str) -> None:
    lib.edit(segment_id, tags=["mine"], season="winter")
    made = done(lib, cut(lib, segment_id, 1200, 6000), "b")
    (shown,) = lib.shown()
    assert (shown.id, shown.version, shown.start_ms, shown.duration_ms) == (made, 2, 1200, 4800)
    assert (shown.tags, shown.season, shown.role, shown.speech) == (("mine",), "winter", "demo", True)
    assert lib.usable() == [made]
    with lib.db.reading() as tx:
        assert captions.of(tx, [made])[made] == {"de": [Cue(400, 1400, "Fill it.")]}
        assert [(each.version, each.current) for each in versions.history(tx, made, lib.herd)] == [
            (2, True),
            (1, False),
        ]
        with pytest.raises(NotFound):
            versions.history(tx, made, lib.wetter)
    # Back to the first edges: equal bytes are the row that was there.
    assert done(lib, cut(lib, made, 1600, 4800), "a") == segment_id
    assert [(each.id, each.version) for each in lib.shown()] == [(segment_id, 3)]


@pytest.mark.parametrize(
    ("edges", "field"),
    [((0, 3000), "out"), ((0, 0), "out"), ((3200, 1600), "out"), ((0, 8000), "out"), ((6400, 9600), "out")],
)
def test_edges_that_cannot_be(lib: Library, segment_id: str, edges: Sequence[int], field: str) -> None:
    with pytest.raises(UserError) as caught:
        cut(lib, segment_id, *edges)
    assert caught.value.extra["field"] == field


def test_one_cut_at_a_time_and_of_what_is_there(lib: Library, segment_id: str) -> None:
    first = cut(lib, segment_id, 0, 1600)
    with pytest.raises(Conflict):
        cut(lib, segment_id, 0, 3200)
    with lib.db.writing() as tx:
        versions.fail(tx, first.id, "media-broken")
        assert versions.wishes(tx, [segment_id])[segment_id].reason == "media-broken"
        with pytest.raises(NotFound):
            versions.cut_anew(tx, segment_id, lib.wetter, 0, 1600, NOW)
    cut(lib, segment_id, 0, 3200)
    lib.edit(segment_id, archived=True)
    with pytest.raises(Conflict):
        cut(lib, segment_id, 0, 1600)

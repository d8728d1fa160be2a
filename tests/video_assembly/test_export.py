"""Files to keep: what is not touched is copied, what is drawn is seen, and other players read them whole."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.video_assembly.footage import demo_part
from video_assembly.common_form import UNIT_VIDEO_FRAMES
from video_assembly.export import Card, Label, Wanted, export
from video_assembly.stitch import SegmentSource, Stitched
from video_assembly.webvtt import Cue

pytestmark = pytest.mark.slow

Run = Callable[..., Any]


def nobody_listens(progress: float) -> None:
    assert 0 <= progress <= 1


@pytest.fixture(scope="module")
def parts() -> list[SegmentSource]:
    return [demo_part(0, 2), demo_part(2, 2)]


@pytest.fixture(scope="module")
def plain(parts: list[SegmentSource], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    done = export(parts, Wanted(), folder, folder / "plain.mp4", nobody_listens)
    assert done.encoded == 0
    return folder / "plain.mp4"


def pictures(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray() for frame in container.decode(video=0)]


def sounds(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def test_upright_and_plain_it_is_the_stitched_video(parts: list[SegmentSource], plain: Path) -> None:
    assert plain.read_bytes() == b"".join(Stitched(parts).read())


def test_a_crossfade_encodes_only_the_units_at_the_join(
    parts: list[SegmentSource], plain: Path, tmp_path: Path, ffmpeg: Run
) -> None:
    target = tmp_path / "faded.mp4"
    heard: list[float] = []
    done = export(parts, Wanted(crossfades=True), tmp_path, target, heard.append)

    assert (done.units, done.encoded) == (4, 2)
    assert heard == sorted(heard)
    assert heard[-1] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faded.mp4"]
    ffmpeg("-xerror", "-i", target, "-f", "null", "-")
    before, after = pictures(plain), pictures(target)
    assert len(after) == len(before) == 4 * UNIT_VIDEO_FRAMES
    assert sounds(target) == sounds(plain)
    for unit in (0, 3):
        some = slice(unit * UNIT_VIDEO_FRAMES, (unit + 1) * UNIT_VIDEO_FRAMES)
        assert np.array_equal(after[some], before[some]), "these bytes are copied"
    join = 2 * UNIT_VIDEO_FRAMES
    # Each side of the join is nearly half of both: no jump is left where there was one.
    jump = np.abs(before[join].astype(int) - before[join - 1]).mean()
    left = np.abs(after[join].astype(int) - after[join - 1]).mean()
    assert jump > 20
    assert left < jump / 4
    mixed = (before[join].astype(int) + before[join - 1]) / 2
    assert np.abs(after[join] - mixed).mean() < jump / 8


def test_what_is_asked_for_is_drawn_where_its_time_is(parts: list[SegmentSource], plain: Path, tmp_path: Path) -> None:
    target = tmp_path / "drawn.mp4"
    wanted = Wanted(cards=[Card(0, 1600, "Filter", "24,90 €", "Preis am 1. Mai")], labels=[Label(0, 1600, "KI")])
    done = export(parts, wanted, tmp_path, target, nobody_listens)

    assert done.encoded == 1
    before, after = pictures(plain), pictures(target)
    # The card's paper is nearly white, the label's plate nearly black.
    assert np.median(after[20][120:180, 500:650]) > 220 > np.median(before[20][120:180, 500:650])
    assert np.abs(after[20][1140:1216].astype(int) - before[20][1140:1216]).max() > 60
    assert np.array_equal(after[60], before[60])


@pytest.mark.parametrize(("form", "size"), [("1:1", (720, 720)), ("16:9", (1280, 720))])
def test_another_shape_has_every_picture_and_the_same_sound(
    form: Any, size: tuple[int, int], plain: Path, tmp_path: Path, ffmpeg: Run
) -> None:
    target = tmp_path / "shaped.mp4"
    wanted = Wanted(form, crossfades=True, cues=[Cue(200, 1400, "Erst Kaffee.\nDann reden wir.")])
    parts = [demo_part(0, 1), demo_part(2, 1)]
    done = export(parts, wanted, tmp_path, target, nobody_listens)

    assert (done.units, done.encoded) == (2, 2)
    ffmpeg("-xerror", "-i", target, "-f", "null", "-")
    with av.open(str(target)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.width, video.height) == size
        assert video.duration is not None
        assert audio.duration is not None
        apart = video.duration * video.time_base - audio.duration * audio.time_base
        assert abs(apart) < 0.022
    assert len(pictures(target)) == 2 * UNIT_VIDEO_FRAMES
    assert len(sounds(target)) == 2 * 75


def test_who_stops_listening_ends_the_work(parts: list[SegmentSource], tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def stop(progress: float) -> None:
        raise Enough

    with pytest.raises(Enough):
        export(parts, Wanted("1:1"), tmp_path, tmp_path / "never.mp4", stop)
    assert not (tmp_path / "whole.mp4").exists()

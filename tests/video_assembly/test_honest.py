"""Security does not refuse honest clips: files of many makers are accepted, whole, upright and equally loud."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest

from tests.video_assembly import honest
from tests.video_assembly.honest import Honest
from video_assembly import ingest, sound
from video_assembly.common_form import UNIT_AUDIO_FRAMES, UNIT_VIDEO_FRAMES
from video_assembly.normalise import NormalisedSegment

pytestmark = pytest.mark.slow

FEW = [each for number, each in enumerate(honest.matrix()) if number in (0, 1, 2, 4, 5, 6)]
"""One of each codec but the dearest, and sounds of several kinds."""


def decoded_whole(path: Path, units: int) -> tuple[list[av.VideoFrame], np.ndarray]:  # type: ignore[type-arg]
    frames: list[av.VideoFrame] = []
    samples = []
    with av.open(str(path)) as container:
        for packet in container.demux():
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    frames.append(frame)
                else:
                    samples.append(frame.to_ndarray())
    assert len(frames) == units * UNIT_VIDEO_FRAMES
    assert len(samples) == units * UNIT_AUDIO_FRAMES
    return frames, np.concatenate(samples, axis=1)


def upright(segment: NormalisedSegment) -> bool:
    """Whether the drawing is red above and blue below."""
    frames, _ = decoded_whole(segment.path, segment.units)
    picture = frames[10].to_ndarray(format="rgb24").astype(int)
    above, below = (picture[at : at + 20, 300:420].reshape(-1, 3).mean(axis=0) for at in (570, 700))
    return bool(above[0] > above[2] + 40 and below[2] > below[0] + 40)


def complaints(spec: Honest, folder: Path) -> list[str]:
    """What is wrong with how a file was taken; nothing for one that is fine."""
    path = honest.write(spec, folder)
    try:
        prepared = ingest.prepare(path, folder / "out")
    except ingest.Refused as refused:
        return [f"refused: {refused.code} {refused.cause}"]
    found, said = prepared.probe, []
    if abs(found.duration - spec.seconds) > 0.25:
        said.append(f"{found.duration} s in place of {spec.seconds}")
    if (found.width, found.height) != (spec.width, spec.height):
        said.append(f"{found.width}x{found.height} in place of {spec.width}x{spec.height}")
    whole = [decoded_whole(each.path, each.units)[1] for each in prepared.segments]
    for each in prepared.segments:
        decoded_whole(each.small.path, each.units)
    if not all(upright(each) for each in prepared.segments):
        said.append("not upright")
    audible = spec.sound != "none"
    if any(each.has_sound != audible for each in prepared.segments):
        said.append("sound lost")
    elif audible:
        loud = sound.loudness(np.concatenate(whole, axis=1).astype(np.float32))
        if abs(loud - sound.LOUDNESS) > 1:
            said.append(f"{loud:.1f} LUFS")
    return said


@pytest.mark.parametrize("spec", FEW, ids=lambda spec: spec.name)
def test_an_honest_file_is_taken(spec: Honest, tmp_path: Path) -> None:
    assert complaints(spec, tmp_path) == []


def test_the_matrix_has_every_value_of_every_axis() -> None:
    specs = honest.matrix()
    assert len({each.name for each in specs}) == honest.COUNT
    for axis, values in (
        ("codec", honest.ENCODERS),
        ("rate", honest.RATES),
        ("size", honest.SIZES),
        ("sound", honest.SOUNDS),
        ("colours", honest.RANGES),
        ("rotation", honest.ROTATIONS),
        ("seconds", honest.SECONDS),
    ):
        assert {getattr(each, axis) for each in specs} == set(values)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_two_hundred_honest_files(tmp_path: Path) -> None:
    taken, wrong = Counter[str](), {}
    for spec in honest.matrix():
        folder = tmp_path / spec.name
        folder.mkdir()
        said = complaints(spec, folder)
        shutil.rmtree(folder)
        taken[f"{spec.codec}, {'fine' if not said else 'not'}"] += 1
        if said:
            wrong[spec.name] = said
            print(spec, said, flush=True)
        if taken.total() % 20 == 0:
            print(f"{taken.total()} of {honest.COUNT} files, {len(wrong)} not as they should", flush=True)
    for row, count in sorted(taken.items()):
        print(f"{row:<30}{count:>5}")
    assert len(wrong) <= 0.02 * honest.COUNT, wrong

"""What a clip is like is seen where it is so, and nowhere else; a window follows whom it is about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from video_assembly.footage import COLUMNS, Footage, Look, Watcher
from video_assembly.reframing import gaze
from video_assembly.source import Limits, opened, timing
from video_assembly.understanding import Understanding, understand

pytestmark = pytest.mark.slow

WIDE, HIGH = 256, 144
Scene = Callable[[int, "np.ndarray"], "np.ndarray"]  # type: ignore[type-arg]


def watched(scene: Scene, seconds: float = 4.0, seed: int = 1) -> Footage:
    """A scene over a textured ground, 30 pictures a second."""
    import cv2

    rough = np.random.default_rng(seed).uniform(0, 255, (HIGH + 80, WIDE + 80, 3)).astype(np.float32)
    ground = cv2.normalize(cv2.GaussianBlur(rough, (0, 0), 1.5), None, 40, 200, cv2.NORM_MINMAX).astype(np.uint8)
    watcher = Watcher()
    for number in range(round(seconds * 30)):
        watcher.see(number / 30, np.ascontiguousarray(scene(number, ground)))
    return watcher.footage


def still(number: int, ground: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return ground[40 : 40 + HIGH, 40 : 40 + WIDE]


def shaken(number: int, ground: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    x, y = (np.random.default_rng(number).integers(-12, 12, 2)).tolist()
    return ground[40 + y : 40 + y + HIGH, 40 + x : 40 + x + WIDE]


def panned(number: int, ground: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    at = 5 + number // 2
    return ground[40 : 40 + HIGH, at : at + WIDE]


def black(number: int, ground: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return still(number, ground) // 40


def blurred(number: int, ground: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    import cv2

    return np.asarray(cv2.GaussianBlur(still(number, ground), (0, 0), 12))


def flashing(number: int, ground: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return np.full((HIGH, WIDE, 3), 230 if number // 3 % 2 else 20, np.uint8) + still(number, ground) // 16


@pytest.mark.parametrize(
    ("scene", "findings"),
    [
        (still, ()),
        (panned, ()),
        (shaken, ("shaky",)),
        (black, ("black",)),
        (blurred, ("blurred",)),
        (flashing, ("flashing",)),
    ],
)
def test_what_is_wrong_with_a_picture_is_found(scene: Scene, findings: tuple[str, ...]) -> None:
    found = watched(scene).impression(0, 4)
    assert set(found.findings) >= set(findings)
    assert findings or found.findings == ()


def test_pace_and_colour_are_of_the_stretch() -> None:
    def halves(number: int, ground: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        if number < 60:
            return np.full((HIGH, WIDE, 3), (10, 20, 200), np.uint8)  # blue, green, red
        return np.roll(still(number, ground), number * 9, axis=1) // 2 + np.uint8(0)

    footage = watched(halves)
    calm, quick = footage.impression(0, 1.9), footage.impression(2.2, 4)
    assert calm.colour == 0xC8140A
    assert calm.pace is not None
    assert quick.pace is not None
    assert calm.pace < 0.05 < quick.pace
    assert footage.impression(9, 10).colour is None


def walker(number: int, ground: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    picture = still(number, ground).copy()
    left = 20 + round(number * 1.4)
    picture[50:130, left : left + 30] = 250 if number // 4 % 2 else 10
    return picture


def test_a_window_follows_who_walks() -> None:
    found = gaze(watched(walker), [], 0.32)
    for seconds in (0.5, 1.5, 2.5, 3.5):
        where = (20 + seconds * 30 * 1.4 + 15) / WIDE
        middle = found.at(seconds)
        assert middle is not None
        assert abs(middle - where) < 0.16, seconds
    steps = [abs((found.at(at / 30) or 0) - (found.at((at + 1) / 30) or 0)) for at in range(5, 110)]
    assert max(steps) < 0.03, "it glides"


def test_where_everything_moves_the_whole_is_shown() -> None:
    looks = [Look(at / 6, 120, 40, 300, (0, 0), 0.5, (1, 2, 3), np.full(COLUMNS, 1 / COLUMNS)) for at in range(24)]
    found = gaze(Footage(looks), [], 0.32)
    assert {found.at(at / 10) for at in range(40)} == {None}


def test_a_new_scene_looks_elsewhere_at_once() -> None:
    def at(column: int) -> np.ndarray:  # type: ignore[type-arg]
        attention = np.zeros(COLUMNS)
        attention[column] = 1
        return attention

    looks = [Look(n / 6, 120, 40, 300, (0, 0), 0.1, (1, 2, 3), at(12 if n < 12 else 50)) for n in range(24)]
    found = gaze(Footage(looks), [2.0], 0.32)
    before, after = found.at(1.99), found.at(2.0)
    assert before is not None
    assert after is not None
    assert before < 0.4
    assert after > 0.6


def understood(path: Path) -> Understanding:
    with opened(path, Limits()) as clip:
        return understand(clip, timing(clip, Limits()), Limits(), None)


def test_an_upright_clip_needs_no_window(clips: dict[str, Path]) -> None:
    assert understood(clips["odd-5.1.mkv"]).gaze is None
    assert understood(clips["bt601.mp4"]).gaze is not None

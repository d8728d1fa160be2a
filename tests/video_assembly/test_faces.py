"""Lying footage is shown where the faces are, where the detector is installed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import missing
from video_assembly import faces
from video_assembly.footage import Watcher
from video_assembly.reframing import gaze

pytestmark = pytest.mark.slow

PORTRAITS = {"detection1.jpg": 0.56, "detection2.jpg": 0.33, "detection3.jpg": 0.57}
"""Where the face is, as a share of the width."""


@pytest.fixture
def finder() -> faces.Finder:
    found = faces.finder()
    if found is None:
        missing("the face detector is not installed: scripts/install faces")
    assert found is not None
    return found


def small(path: Path) -> Any:
    import cv2

    picture = cv2.imread(str(path))
    return cv2.resize(picture, (256, 256 * picture.shape[0] // picture.shape[1]), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("name", PORTRAITS)
def test_a_face_is_found_where_it_is(finder: faces.Finder, shared_media: Path, name: str) -> None:
    ((middle, width, sure),) = finder.faces(small(shared_media / "faces" / "azure_mit" / name))
    assert middle / 256 == pytest.approx(PORTRAITS[name], abs=0.03)
    assert 0.1 < width / 256 < 0.3
    assert faces.SURE <= sure <= 1


def test_what_has_no_face_has_none(finder: faces.Finder) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (144, 256, 3), np.uint8)
    assert finder.faces(noise) == []
    assert finder.faces(np.zeros((30, 256, 3), np.uint8)) == []


def middles_of_the_window(face: Any) -> list[float]:
    """A still face at the right, a flickering screen at the left."""
    dice, watcher = np.random.default_rng(5), Watcher()
    for number in range(6):
        scene = np.full((144, 256, 3), 120, np.uint8)
        scene[20:124, 168:256] = face[30:134, 98:186]
        scene[50:80, 20:50] = dice.integers(90, 150, (30, 30, 3))
        watcher.see(number / 6, scene)
    found = gaze(watcher.footage, [], 0.32).middles
    assert found
    return [-1.0 if middle is None else middle for middle in found]


def test_the_window_stays_with_who_speaks_beside_what_moves(
    finder: faces.Finder, shared_media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    face = small(shared_media / "faces" / "azure_mit" / "detection1.jpg")
    assert min(middles_of_the_window(face)) > 0.7
    monkeypatch.setattr(faces, "finder", lambda: None)
    assert max(middles_of_the_window(face)) < 0.5, "that is what the detector is for"


def test_without_the_extra_nothing_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(faces, "MODEL", tmp_path / "none.tflite")
    assert faces.finder.__wrapped__() is None

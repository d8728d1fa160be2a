"""The drawing: the same each time, and the words where nothing covers them."""

import os

import numpy as np
import pytest
from PIL import Image

if os.environ.get("CI") != "true":
    pytest.importorskip("cv2", reason="drawing needs OpenCV's system libraries (Debian: libgl1)", exc_type=ImportError)

from assets.draw import music, pictures
from assets.draw.frame import LEFT, RIGHT
from assets.draw.lettering import fitting, width_of
from assets.draw.looks import DEMO, LOOKS, ROLES, Look
from assets.draw.roles import SCENES

pytestmark = pytest.mark.slow


def test_the_committed_picture_is_the_drawn_one() -> None:
    look = LOOKS[2]
    drawn = np.asarray(pictures.picture(look), np.int16)
    with Image.open(DEMO / "products" / f"{look.handle}.webp") as committed:
        difference = np.abs(np.asarray(committed.convert("RGB"), np.int16) - drawn)
    assert difference.mean() < 3


def test_a_scene_at_one_moment_is_always_the_same() -> None:
    look = LOOKS[5]
    first, second = (SCENES["demo"](look, 2.0, look.seconds("demo")) for _ in range(2))
    assert first.shape == (1280, 720, 3)
    assert np.array_equal(first, second)


@pytest.mark.parametrize("look", LOOKS, ids=[look.handle for look in LOOKS])
def test_words_are_large_and_left_of_the_controls(look: Look) -> None:
    for words, size, least in ((look.hook, 132, 96), (look.offer, 84, 54), (look.call, 112, 80)):
        chosen = min(fitting(line, size, RIGHT - LEFT) for line in words)
        assert chosen >= least
        assert all(LEFT + width_of(line, chosen) <= RIGHT for line in words)
    for step in look.steps:
        assert fitting(step, 56, RIGHT - LEFT - 92) >= 40


@pytest.mark.parametrize("role", ROLES)
def test_each_segment_sounds(role: str) -> None:
    look = LOOKS[0]
    sound = music.segment(look, role)
    assert sound.shape == (2, round(look.seconds(role) * 48_000))
    assert 0.05 < float(np.sqrt((sound**2).mean())) < 0.5
    assert np.abs(sound).max() <= 0.81

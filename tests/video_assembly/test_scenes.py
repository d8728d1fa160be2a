"""Scene cuts are found where they are, and a machine without OpenCV says so."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from video_assembly import scenes
from video_assembly.normalise import normalise
from video_assembly.source import Limits, opened, pictures, timing

pytestmark = pytest.mark.slow


def found_cuts(path: Path) -> list[float]:
    with opened(path, Limits()) as clip:
        return scenes.cuts(pictures(clip, timing(clip, Limits()).base, Limits()))


@pytest.fixture(scope="module")
def three_scenes(tmp_path_factory: pytest.TempPathFactory, ffmpeg: Callable[..., None]) -> Path:
    """Three moving pictures with cuts at 2.0 and 4.4 s, 25 frames a second."""
    path = tmp_path_factory.mktemp("scenes") / "three.mp4"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25:d=2", "-f", "lavfi", "-i", "mandelbrot=s=640x360:r=25",
        "-f", "lavfi", "-i", "smptebars=s=640x360:r=25:d=2.6", "-filter_complex",
        "[1]trim=duration=2.4,format=yuv420p,setsar=1[m];[0]format=yuv420p,setsar=1[a];[2]format=yuv420p,setsar=1[c];"
        "[a][m][c]concat=n=3:v=1:a=0", "-c:v", "libx264", "-preset", "ultrafast", path,
    )  # fmt: skip
    return path


def test_cuts_are_found_to_the_frame(three_scenes: Path) -> None:
    assert found_cuts(three_scenes) == pytest.approx([2.0, 4.4], abs=0.002)


def test_a_steady_clip_has_none(clips: dict[str, Path]) -> None:
    assert found_cuts(clips["bt601.mp4"]) == []


def test_a_real_take_without_cuts_has_none(shared_media: Path) -> None:
    assert found_cuts(shared_media / "videos" / "sam2_04_coffee.mp4") == []


def test_a_segment_shows_no_frame_of_the_scene_before(three_scenes: Path, tmp_path: Path) -> None:
    """The first picture of the last segment is of colour bars: its top left is grey, not Mandelbrot black."""
    made = normalise(three_scenes, tmp_path, found_cuts(three_scenes))
    assert [round(segment.start, 2) for segment in made] == [0.0, 2.0, 4.4]
    with Image.open(made[2].poster) as poster:
        assert poster.convert("RGB").getpixel((40, 520)) == pytest.approx((180, 180, 180), abs=14)


WITHOUT_OPENCV = """
import sys
sys.modules["cv2"] = None
from video_assembly import scenes
try:
    scenes.cuts([])
except scenes.AnalysisMissing:
    print("missing")
"""


def test_without_opencv_the_analysis_is_missing() -> None:
    """In a process of its own, for OpenCV stays loaded once it was."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_OPENCV], capture_output=True, text=True, timeout=60)
    assert done.stdout == "missing\n", done.stderr


def test_opencv_is_not_loaded_by_importing_the_package() -> None:
    check = "import sys, video_assembly.ingest; print(sorted({'cv2', 'scenedetect'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"

"""Where scenes change, and a segment's pictures.

Scene cuts come from PySceneDetect on small arrays that PyAV decoded; OpenCV never opens a file. Both are imported only
when asked for, since OpenCV needs system libraries that a fresh machine lacks; without them there are no proposals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray
from PIL import Image

SYSTEM_PACKAGES = "libgl1 libglib2.0-0"
"""Debian's names of what `import cv2` needs."""
_ANALYSED_SIDE = 256
_ANALYSED_RATE = 30
_SHORTEST_SCENE = "0.6s"
THUMBNAIL = (270, 480)


class AnalysisMissing(ImportError):
    """OpenCV cannot be loaded here."""


def cuts(
    pictures: Iterable[tuple[float, av.VideoFrame]],
    progress: Callable[[float], None] | None = None,
    watch: Callable[[float, NDArray[Any]], None] | None = None,
) -> list[float]:
    """Seconds at which a new scene begins, from timed frames in order; `progress` hears the seconds done.

    `watch` is shown the small pictures (blue, green, red) with their seconds.

    Raises AnalysisMissing where OpenCV is not usable.
    """
    try:
        from scenedetect import FrameTimecode
        from scenedetect.common import Timecode
        from scenedetect.detectors import AdaptiveDetector
    except ImportError as error:
        raise AnalysisMissing(str(error)) from error

    detector = AdaptiveDetector(min_scene_len=_SHORTEST_SCENE)
    scaler = VideoReformatter()
    found: list[float] = []
    due = 0.0
    last: Any = None
    for seconds, frame in pictures:
        if seconds < due:
            continue
        due = max(due + 1 / _ANALYSED_RATE, seconds + 0.5 / _ANALYSED_RATE)
        scale = min(1.0, _ANALYSED_SIDE / max(frame.width, frame.height))
        size = max(8, int(frame.width * scale)), max(8, int(frame.height * scale))
        small = scaler.reformat(frame, *size, "bgr24", interpolation=Interpolation.FAST_BILINEAR, threads=1)
        last = FrameTimecode(Timecode(round(seconds * 1000), Fraction(1, 1000)), fps=Fraction(_ANALYSED_RATE))
        seen = small.to_ndarray()
        found += [float(cut.seconds) for cut in detector.process_frame(last, seen)]
        if watch is not None:
            watch(seconds, seen)
        if progress is not None:
            progress(seconds)
    if last is not None:
        found += [float(cut.seconds) for cut in detector.post_process(last)]
    return sorted(set(found))


def draw(segment: Path, units: int, poster: Path, thumbnail: Path) -> None:
    """Writes a segment's first picture as JPEG and a small one from its middle as WebP, from its key frames."""
    first: Image.Image | None = None
    middle: Image.Image | None = None
    with av.open(str(segment), "r", format="mov") as container:
        video = container.streams.video[0]
        video.codec_context.skip_frame = "NONKEY"
        frame: Any
        for number, frame in enumerate(container.decode(video)):
            if number == 0:
                first = frame.to_image()
            if number == units // 2:
                middle = frame.to_image()
                break
    assert first is not None, "a segment begins with a key frame"
    first.save(poster, "JPEG", quality=82, optimize=True, progressive=True)
    small = (middle or first).resize(THUMBNAIL, Image.Resampling.LANCZOS, reducing_gap=2)
    small.save(thumbnail, "WEBP", quality=78, method=4)

"""Any decoded frame as a 720x1280 picture in bt709, limited range: upright, whole, over its own blurred copy."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter
from numpy.typing import NDArray

from video_assembly.common_form import HEIGHT, WIDTH

Plane = NDArray[np.uint8]

_COVERED_ENOUGH = 0.9
"""From this share of the frame on, a picture is cropped to fill it instead of standing over its blurred copy."""
_BLUR_WIDTH, _BLUR_HEIGHT = 18, 32
_CUTTABLE = frozenset({"yuv420p", "yuvj420p"})
"""Formats of whose planes a window can be copied before it is scaled."""
_BACKGROUND_BRIGHTNESS = 0.62


def planes(frame: av.VideoFrame) -> list[Plane]:
    """The three planes of a yuv420p frame as arrays on its own memory."""
    views = []
    for plane in frame.planes:
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)  # type: ignore[call-overload]
        views.append(rows[:, : plane.width])
    return views


class Orientation:
    """How a stored picture must be turned to be upright: transposed first, then its rows, then its columns reversed."""

    def __init__(self, transposed: bool = False, rows: bool = False, columns: bool = False) -> None:
        self.transposed, self.rows, self.columns = transposed, rows, columns

    @classmethod
    def of(cls, frame: av.VideoFrame) -> Orientation:
        """From the display matrix (ISO/IEC 14496-12, 8.2.2): the nearest turn by quarters, with or without a mirror."""
        try:
            side_data: Any = frame.side_data
            data = side_data[SideDataType.DISPLAYMATRIX]
        except (KeyError, ValueError):
            return cls()
        a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(True, rows=b < 0, columns=c < 0)
        return cls(False, rows=d < 0, columns=a < 0)

    @property
    def degrees(self) -> int:
        """Clockwise turn in degrees; a mirror does not count."""
        if self.transposed:
            return 90 if self.columns else 270
        return 180 if self.rows and self.columns else 0

    def turned(self, plane: Plane) -> Plane:
        """The plane upright, as a view."""
        plane = plane.T if self.transposed else plane
        plane = plane[::-1] if self.rows else plane
        return plane[:, ::-1] if self.columns else plane

    @property
    def nothing_to_do(self) -> bool:
        """Whether the stored picture is upright."""
        return not (self.transposed or self.rows or self.columns)


def display_size(frame: av.VideoFrame, aspect: float, orientation: Orientation) -> tuple[float, float]:
    """Width and height as shown: pixels made square, then turned."""
    width, height = frame.width * aspect, float(frame.height)
    return (height, width) if orientation.transposed else (width, height)


def _even(value: float) -> int:
    return max(2, 2 * round(value / 2))


def _meaning_of(frame: av.VideoFrame) -> dict[str, Any]:
    """What the numbers in a frame mean; untagged ones by the customs of players (small is bt601, HD is bt709)."""
    space = int(frame.colorspace)
    if space == Colorspace.DEFAULT or space == 2:
        space = Colorspace.ITU709 if min(frame.width, frame.height) >= 720 else Colorspace.ITU601
    full = int(frame.color_range) == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    return {"src_colorspace": space, "src_color_range": ColorRange.JPEG if full else ColorRange.MPEG}


class Fitter:
    """Fits frames of one clip; keeps its scalers between frames.

    `aspect` is the width of a stored pixel over its height.
    """

    def __init__(self, aspect: float = 1.0) -> None:
        self._aspect = aspect if 0.1 < aspect < 10 else 1.0
        # Asked of the first frame alone: a frame whose side data was looked at lives until the garbage collector runs.
        self._orientation: Orientation | None = None
        self._high_range, self._picture = VideoReformatter(), VideoReformatter()
        self._small, self._large = VideoReformatter(), VideoReformatter()

    def fit(self, frame: av.VideoFrame, middle: float | None = None) -> av.VideoFrame:
        """A new yuv420p frame of 720x1280; with `middle`, a share of its width, that part of a lying one fills it."""
        orientation = self._orientation = self._orientation or Orientation.of(frame)
        width, height = display_size(frame, self._aspect, orientation)
        if middle is not None and orientation.nothing_to_do and frame.format.name in _CUTTABLE and width > height:
            frame = _window(frame, middle, height * WIDTH / HEIGHT / width)
            width, middle = frame.width * self._aspect, None
        inside, outside = min(WIDTH / width, HEIGHT / height), max(WIDTH / width, HEIGHT / height)
        covers = middle is not None or (inside * inside * width * height) >= _COVERED_ENOUGH * WIDTH * HEIGHT
        scale = outside if covers else inside
        wide, high = _even(width * scale), _even(height * scale)
        wide, high = (max(wide, WIDTH), max(high, HEIGHT)) if covers else (min(wide, WIDTH), min(high, HEIGHT))
        stored = (high, wide) if orientation.transposed else (wide, high)
        scaled = self._scaled(frame, *stored)
        if orientation.nothing_to_do and (wide, high) == (WIDTH, HEIGHT):
            return scaled
        upright = [orientation.turned(plane) for plane in planes(scaled)]
        if covers:
            return _cropped(upright, 0.5 if middle is None else middle)
        result = self._background(upright)
        for target, plane in zip(planes(result), upright, strict=True):
            top = (target.shape[0] - plane.shape[0]) // 2
            left = (target.shape[1] - plane.shape[1]) // 2
            target[top : top + plane.shape[0], left : left + plane.shape[1]] = plane
        return result

    def _scaled(self, frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
        meaning = _meaning_of(frame)
        target: dict[str, Any] = {"dst_colorspace": Colorspace.ITU709, "dst_color_range": ColorRange.MPEG}
        if int(frame.color_trc) in (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67):
            # Tone mapping costs 20 ms a megapixel, so it comes after the scaling.
            trc, primaries = frame.color_trc, frame.color_primaries
            same = {"dst_colorspace": meaning["src_colorspace"], "dst_color_range": meaning["src_color_range"]}
            frame = self._high_range.reformat(frame, width, height, "yuv420p10le", threads=1, **meaning, **same)
            frame.color_trc, frame.color_primaries = trc, primaries
            target |= {"dst_color_trc": ColorTrc.BT709, "dst_color_primaries": ColorPrimaries.BT709}
        return self._picture.reformat(
            frame, width, height, "yuv420p", interpolation=Interpolation.BICUBIC, threads=1, **meaning, **target
        )

    def _background(self, upright: list[Plane]) -> av.VideoFrame:
        """The picture's middle, blurred by shrinking it to a few pixels and smoothing it back, and darkened."""
        high, wide = upright[0].shape
        ratio = min(wide / WIDTH, high / HEIGHT)
        middle = [
            _centre(plane, _even(HEIGHT * ratio) // part, _even(WIDTH * ratio) // part)
            for plane, part in zip(upright, (1, 2, 2), strict=True)
        ]
        crop = av.VideoFrame(middle[1].shape[1] * 2, middle[1].shape[0] * 2, "yuv420p")
        for target, plane in zip(planes(crop), middle, strict=True):
            target[:] = plane
        small = self._small.reformat(crop, _BLUR_WIDTH, _BLUR_HEIGHT, "yuv420p", interpolation=Interpolation.AREA)
        for plane in planes(small):
            plane[:] = _smoothed(plane)
        luma = planes(small)[0]
        luma[:] = 16 + (np.maximum(luma, 16) - 16.0) * _BACKGROUND_BRIGHTNESS
        return self._large.reformat(small, WIDTH, HEIGHT, "yuv420p", interpolation=Interpolation.BICUBIC)


def _smoothed(plane: Plane) -> NDArray[Any]:
    """Each value mixed with its neighbours, 1:2:1 in both directions: enlarging then leaves no stairs."""
    values: NDArray[Any] = np.pad(plane.astype(np.float32), 1, mode="edge")
    values = (values[:-2] + 2 * values[1:-1] + values[2:]) / 4
    return np.asarray((values[:, :-2] + 2 * values[:, 1:-1] + values[:, 2:]) / 4)


def _window(frame: av.VideoFrame, middle: float, share: float) -> av.VideoFrame:
    """The columns of a picture around `middle`, copied: scaling what nobody sees would cost three times as much."""
    wide = min(frame.width // 2 * 2, _even(frame.width * share))
    left = min(max(0, round((middle * frame.width - wide / 2) / 2) * 2), (frame.width - wide) // 2 * 2)
    cut = av.VideoFrame(wide, frame.height // 2 * 2, frame.format.name)
    for target, plane, part in zip(planes(cut), planes(frame), (1, 2, 2), strict=True):
        target[:] = plane[: target.shape[0], left // part : left // part + target.shape[1]]
    cut.color_range, cut.colorspace = frame.color_range, frame.colorspace
    cut.color_trc, cut.color_primaries = frame.color_trc, frame.color_primaries
    return cut


def _centre(plane: Plane, height: int, width: int, middle: float = 0.5) -> Plane:
    height, width = min(height, plane.shape[0]), min(width, plane.shape[1])
    top = (plane.shape[0] - height) // 2
    left = min(max(0, round(middle * plane.shape[1] - width / 2)), plane.shape[1] - width)
    return plane[top : top + height, left : left + width]


def _cropped(upright: list[Plane], middle: float) -> av.VideoFrame:
    result = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    for target, plane in zip(planes(result), upright, strict=True):
        target[:] = _centre(plane, target.shape[0], target.shape[1], middle)
    return result

"""The simulated live show: a presenter, four products in turn and a clock; it loops without a seam."""

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np

from assets.draw import music, presenter
from assets.draw.canvas import Canvas, Linear, Pixels, Radial, Sprite, darker, fade, lighter, mixed
from assets.draw.film import as_frame
from assets.draw.frame import HEIGHT, RATE, WIDTH, Frame, eased, smooth, springy
from assets.draw.lettering import text, width_of
from assets.draw.looks import DEMO, LOOKS, UNIT, Look, catalogue, colours
from assets.draw.paths import ellipse, moved, rounded, svg
from assets.draw.synthesis import RATE as SAMPLE_RATE
from assets.draw.synthesis import Sound

TURN = 12.8  # seconds for each product: eight bars of the music
BITS = 11  # of the frame number in the strip under the clock
_INK = "#2A1A1C"
_VOICES = ("marimba", "bell", "keys", "harp")


def shown() -> list[Look]:
    """The room's products, in order."""
    return [next(look for look in LOOKS if look.handle == handle) for handle in catalogue()["room"]["products"]]


def seconds() -> float:
    """Length of the loop."""
    return TURN * len(shown())


@cache
def _studio() -> Pixels:
    canvas = Canvas(WIDTH, HEIGHT, detail=2)
    canvas.cover(Linear((0, 0), (160, 960), fade((0, "#F7E9DA"), (1, "#E4C2A6"))))
    canvas.fill(rounded(528, 250, 240, 16, 3), "#B57B4B")
    canvas.fill(rounded(528, 266, 240, 10, 1), "#000000", opacity=0.16, blur=5)
    for x, height, hue in ((556, 92, "#B23F27"), (580, 108, "#1F5C4A"), (606, 84, "#2B2560")):
        canvas.fill(
            rounded(x, 250 - height, 20, height, 3), Linear((x, 0), (x + 20, 0), fade((0, hue), (1, darker(hue, 0.3))))
        )
    canvas.fill(
        svg("M 640 190 L 700 190 L 692 250 L 648 250 Z"),
        Linear((640, 0), (700, 0), fade((0, "#D9785A"), (1, "#9C4A33"))),
    )
    for lean, reach in ((-34, 76), (-14, 100), (8, 108), (30, 84)):
        leaf = moved(
            svg(
                f"M 0 0 C -20 {-reach * 0.4} -14 {-reach * 0.8} 0 {-reach} C 14 {-reach * 0.8} 20 {-reach * 0.4} 0 0 Z"
            ),
            670,
            192,
            1,
            lean,
        )
        canvas.fill(leaf, mixed("#3F7F5C", "#7FB58A", (lean + 34) / 80))
    canvas.cover(Radial((120, 180), (700, 700), fade((0, "#FFFFFF", 0.45), (1, "#FFFFFF", 0.0))))
    return np.ascontiguousarray(canvas.sprite().pixels[..., :3])


@cache
def _table() -> Sprite:
    canvas = Canvas(WIDTH, 400, detail=2)
    canvas.fill(rounded(-20, 0, 760, 60, 6), "#000000", opacity=0.25, blur=10)
    canvas.fill(rounded(-20, 12, 760, 400, 4), Linear((0, 12), (0, 400), fade((0, "#9A6038"), (1, "#5F3820"))))
    canvas.fill(
        rounded(-20, 8, 760, 62, 4), Linear((0, 8), (720, 70), fade((0, "#E2B07C"), (0.5, "#CF9860"), (1, "#B57B4B")))
    )
    for y in (24, 40, 56):
        canvas.stroke(svg(f"M -10 {y} C 180 {y - 6} 420 {y + 7} 730 {y}"), "#8F5A33", 2, opacity=0.25)
    return canvas.sprite((0, 0))


@cache
def _small(look: Look, colour: str) -> Sprite:
    return look.draw(colour).resized(0.52)


def _show(frame: Frame, look: Look, t: float) -> None:
    come, go = springy(t, 0.35, 0.8), smooth(t, TURN - 0.5, 0.45)
    x, y = 176 - (1 - come) * 420 - go * 420, 758.0
    hues = colours(look.handle)
    swap = smooth(t, TURN * 0.55, 0.5)
    frame.fill(ellipse(x, 936, 118, 12), "#3A2016", 0.22)
    if look.handle == "wolldecke-moor":
        for post in (x - 160, x + 160):
            frame.stroke(np.array([[post, 590.0], [post, 932.0]]), "#8F5A33", 13)
            frame.stroke(np.array([[post - 24, 934.0], [post + 24, 934.0]]), "#7A4A2A", 14)
    if look.handle == "regenjacke-bora":
        y -= 26
        frame.stroke(np.array([[x, 640.0], [x, 930.0]]), "#8F5A33", 15)
        frame.stroke(np.array([[x - 70, 934.0], [x + 70, 934.0]]), "#7A4A2A", 16)
    hop = 26 * np.sin(np.pi * swap)
    first, second = hues[0], hues[1]
    squeeze = abs(np.cos(np.pi * swap))
    sprite = _small(look, first if swap < 0.5 else second)
    frame.place(sprite, x, y - hop, scale=float(0.9 + 0.1 * squeeze), degrees=float(1.5 * np.sin(t * 2)))


def _bubble(frame: Frame, words: str, t: float, hue: str) -> None:
    pop = springy(t, 0.0, 0.4) * (1 - smooth(t, 2.3, 0.25))
    if pop < 0.02:
        return
    lines = [""]
    for word in words.split():
        joined = f"{lines[-1]} {word}".strip()
        lines = [*lines[:-1], joined] if width_of(joined, 36) < 226 else [*lines, word]
    wide, high, left = max(width_of(line, 36) for line in lines) + 54, 40 + 42 * len(lines), 40
    top, seen = 274 + 20 * (1 - pop), min(1.0, max(0.0, pop))
    frame.fill(rounded(left, top, wide, high, 34), "#FFFFFF", seen)
    frame.fill(moved(svg("M -30 0 L 8 -14 L 40 16 Z"), left + wide - 14, top + high - 26), "#FFFFFF", seen)
    for i, line in enumerate(lines):
        frame.place(text(line, 36, hue), left + 26, top + 52 + 42 * i, opacity=seen)


def _clock(frame: Frame, number: int, part: float) -> None:
    frame.fill(rounded(40, 164, 330, 62, 31), _INK)
    pulse = 7 + 2 * np.sin(number / RATE * 2 * np.pi)
    frame.fill(ellipse(74, 195, pulse, pulse), "#FF5A4D")
    tenths = number * 10 // RATE
    for i, sign in enumerate(f"{tenths // 600:02d}:{tenths // 10 % 60:02d},{tenths % 10}"):
        glyph = text(sign, 34, "#FFFFFF")
        frame.place(glyph, 100 + i * 22 - (width_of(sign, 34) - 20) / 2, 207)
    for i in range(len(shown())):
        done = min(1.0, max(0.0, part - i))
        frame.fill(rounded(268 + i * 24, 189, 18, 12, 6), "#FFFFFF", 0.3)
        if done > 0.05:
            frame.fill(rounded(268 + i * 24, 189, 18 * done, 12, 6), "#FFC65C")
    frame.fill(rounded(40, 232, 4 + BITS * 22, 22, 2), "#000000")
    for bit in range(BITS):
        if number >> (BITS - 1 - bit) & 1:
            frame.fill(
                np.array([[44 + 22 * bit, 235], [62 + 22 * bit, 235], [62 + 22 * bit, 251], [44 + 22 * bit, 251]]),
                "#FFFFFF",
            )


def picture(number: int) -> Pixels:
    """Frame `number` of the loop."""
    looks = shown()
    time = number / RATE
    at = int(time / TURN)
    t, look, before = time - at * TURN, looks[at], looks[at - 1]
    frame = Frame(_studio())
    hue = mixed(before.deep, look.deep, eased(t, 0.0, 0.8))
    frame.fill(ellipse(330, 520, 318, 318), mixed(hue, "#F1D9C4", 0.35))
    frame.fill(ellipse(330, 520, 270 + 4 * np.sin(time * 2), 270 + 4 * np.sin(time * 2)), lighter(hue, 0.12), 0.55)
    speaking = smooth(t, 0.8, 0.3) * (1 - smooth(t, TURN - 0.9, 0.3))
    pointing = smooth(t, 0.7, 0.5) * (1 - smooth(t, 4.4, 0.6)) + smooth(t, 6.6, 0.5) * (1 - smooth(t, 10.6, 0.6))
    presenter.draw(frame, time, speaking, pointing)
    frame.place(_table(), 0, 900)
    _show(frame, look, t)
    for i, words in enumerate(look.steps):
        _bubble(frame, words, t - 1.6 - i * 3.4, look.deep if look.pale == "#FFFFFF" else look.ink)
    _clock(frame, number, time / TURN)
    return frame.pixels


def sound() -> Sound:
    """The music of the whole loop, shape (2, samples)."""
    mix = music.Mix(seconds())
    bars = int(TURN / UNIT)
    for i in range(len(shown())):
        part = music.Mix(TURN)
        chords = ("I", "vi", "IV", "V") * (bars // 4)
        music.bed(part, chords, music.PATTERNS["demo" if i % 2 else "proof"], _VOICES[i % 4], 0, drums=False)
        start = round(i * TURN * SAMPLE_RATE)
        mix.samples[:, start : start + part.samples.shape[1]] += part.samples
    return mix.finished() * 0.6


def _encode(path: Path, pictures: Iterator[Pixels], samples: Sound) -> None:
    with av.open(str(path), "w") as out:
        settings = "keyint=30:min-keyint=30:scenecut=0:bframes=0:cabac=0:ref=1:8x8dct=0:weightp=0:repeat-headers=1"
        options = {"profile": "baseline", "level": "3.1", "preset": "slow", "b": "900k"}
        options["x264-params"] = settings + ":vbv-maxrate=1200:vbv-bufsize=900"
        video: Any = out.add_stream("libx264", rate=RATE, options=options)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.max_b_frames = 0
        video.codec_context.thread_count, video.codec_context.thread_type = 2, "FRAME"
        audio: Any = out.add_stream("libopus", rate=SAMPLE_RATE, layout="stereo", options={"b": "96k"})
        audio.format = "flt"
        step = SAMPLE_RATE // RATE
        for number, pixels in enumerate(pictures):
            frame = as_frame(pixels)
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            out.mux(video.encode(frame))
            piece = samples[:, number * step : (number + 1) * step].T.astype(np.float32).reshape(1, -1)
            block = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), format="flt", layout="stereo")
            block.sample_rate, block.pts, block.time_base = SAMPLE_RATE, number * step, Fraction(1, SAMPLE_RATE)
            out.mux(audio.encode(block))
        out.mux(video.encode(None))
        out.mux(audio.encode(None))


def write(path: Path = DEMO / "live.mkv") -> None:
    """Draw and encode the loop."""
    frames = round(seconds() * RATE)
    assert frames < 1 << BITS, "the strip must hold every frame's number"
    _encode(path, (picture(number) for number in range(frames)), sound())

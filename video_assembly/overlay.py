"""Personal segments: a greeting by name, the price of the moment, days to a show, drawn by MoviePy.

What is drawn goes through `normalise` like any clip, so that it can stand between any two segments. Equal content is
drawn once: its digest is its name.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from video_assembly import lettering, scenes
from video_assembly.common_form import FRAME_RATE, HEIGHT, UNIT_SECONDS, WIDTH
from video_assembly.normalise import NormalisedSegment, normalise
from video_assembly.plan import Span

STYLE = 1
"""Counts up when the drawing changes, so that what was drawn before is drawn anew."""
UNITS = {"price": 2, "name": 1, "countdown": 2}

# Colours of web/static/css/tokens.css: what stands on pictures has its own there.
_DEEP, _ROSE = (27, 18, 34), (179, 18, 79)
_SAFE = 56
"""Pixels at the sides that players may cover."""
_RISE, _TRAVEL = 0.35, 36
"""Seconds in which a layer comes, and pixels by which it rises."""
_SETTLED = 0.9
"""When the last layer is in its place."""


class CannotWrite(Exception):
    """The typeface lacks letters of a text, and empty boxes are worse than no segment."""


@dataclass(frozen=True)
class Content:
    """All that decides how a segment looks; `picture` is the media key of the product's picture."""

    kind: str
    locale: str
    kicker: str
    headline: str
    value: str
    note: str
    picture: str | None = None

    @property
    def digest(self) -> str:
        """Names what is drawn: equal digests give equal pictures."""
        said = json.dumps([STYLE, asdict(self)], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(said.encode()).hexdigest()


def draw(content: Content, picture: Path | None, folder: Path) -> NormalisedSegment:
    """Draw one segment into `folder` and bring it into the common form; a few seconds of one core.

    Raises CannotWrite for letters that the typeface lacks.
    """
    if not lettering.can_write(content.kicker + content.headline + content.value + content.note):
        raise CannotWrite(content.digest)
    source = folder / "drawn.mp4"
    _film(content, picture, source)
    try:
        made = normalise(source, folder, spans=[Span(0.0, UNITS[content.kind])])[0]
        # In the first picture nothing has come in yet: what is looked at is the one that stays.
        _settled(source, made)
        return made
    finally:
        source.unlink(missing_ok=True)


def _film(content: Content, picture: Path | None, target: Path) -> None:
    # Here, because importing MoviePy takes a second and only this needs it.
    moviepy: Any = import_module("moviepy")

    seconds = UNITS[content.kind] * UNIT_SECONDS
    product = None if picture is None else _opened(picture)
    layers: list[Any] = [moviepy.ImageClip(np.asarray(_background(product)), duration=seconds)]
    top = 250
    if product is not None:
        framed = _framed(product)
        layers.append(_entering(moviepy.ImageClip(np.asarray(framed), duration=seconds), top, 0.0, moviepy.vfx))
        top += framed.height + 44
    else:
        top = 470
    for number, image in enumerate(_lines(content)):
        layers.append(
            _entering(moviepy.ImageClip(np.asarray(image), duration=seconds), top, 0.1 * (number + 1), moviepy.vfx)
        )
        top += image.height + 14
    moving = moviepy.CompositeVideoClip(layers, size=(WIDTH, HEIGHT)).with_duration(seconds)
    # Compositing is what costs: once all is in its place, one picture stands still.
    whole, moves = moving.get_frame(_SETTLED), content.kind != "name"
    still = moviepy.ImageClip(whole, duration=seconds - _SETTLED * moves)
    # A greeting may be the first thing of a video, where a player shows its picture before it plays: it stands at once.
    film = moviepy.concatenate_videoclips([moving.subclipped(0, _SETTLED), still]) if moves else still
    try:
        film.write_videofile(
            str(target),
            fps=FRAME_RATE,
            codec="libx264",
            audio=False,
            preset="ultrafast",
            threads=1,
            ffmpeg_params=["-crf", "12", "-pix_fmt", "yuv420p"],
            logger=None,
        )
    finally:
        film.close()


def _settled(source: Path, made: NormalisedSegment) -> None:
    with av.open(str(source)) as film:
        *_, last = film.decode(video=0)
    frame: Any = last
    picture = frame.to_image()
    picture.save(made.poster, "JPEG", quality=85)
    picture.resize(scenes.THUMBNAIL, Image.Resampling.LANCZOS).save(made.thumbnail, "WEBP", quality=80)


def _entering(clip: Any, top: int, after: float, vfx: Any) -> Any:
    """A layer that rises into its place and is then still, long enough to be read."""
    left = (WIDTH - clip.w) // 2

    def place(at: float) -> tuple[int, int]:
        return left, round(top + _TRAVEL * (1 - min(1.0, at / _RISE)) ** 3)

    shown = clip.with_position(place).with_start(after).with_duration(clip.duration - after)
    return shown.with_effects([vfx.CrossFadeIn(_RISE)])


def _opened(picture: Path) -> Image.Image:
    with Image.open(picture, formats=("WEBP", "PNG", "JPEG")) as found:
        picture_in_colour: Image.Image = found.convert("RGB")
        return picture_in_colour


def _background(product: Image.Image | None) -> Image.Image:
    """The product itself, large and out of focus, under a shade that white letters are read on (above 7:1)."""
    shade = Image.linear_gradient("L").resize((WIDTH, HEIGHT))
    colours = Image.composite(Image.new("RGB", shade.size, _DEEP), Image.new("RGB", shade.size, _ROSE), shade)
    if product is None:
        return colours
    behind = ImageOps.fit(product, (WIDTH // 8, HEIGHT // 8)).filter(ImageFilter.GaussianBlur(6))
    behind = ImageEnhance.Brightness(behind.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)).enhance(0.5)
    return Image.blend(behind, Image.new("RGB", behind.size, _DEEP), 0.55)


def _framed(product: Image.Image) -> Image.Image:
    side = WIDTH - 2 * _SAFE - 80
    fitted = ImageOps.fit(product, (side, side), centering=(0.5, 0.45))
    mask = Image.new("L", (side * 2, side * 2), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, side * 2 - 1, side * 2 - 1), 72, fill=255)
    fitted.putalpha(mask.resize((side, side), Image.Resampling.LANCZOS))
    return fitted


def _lines(content: Content) -> list[Image.Image]:
    width = WIDTH - 2 * _SAFE
    found = [lettering.label(content.kicker, WIDTH)] if content.kicker else []
    if content.headline:
        size = 84 if content.kind == "name" else 46
        found.append(lettering.heading(content.headline, width, size, 2))
    if content.value:
        found.append(lettering.heading(content.value, width, 112, 1))
    if content.note:
        found.append(lettering.heading(content.note, width, 28, 2, lettering.REGULAR))
    return found

"""A video as a file to keep: upright as it was stitched, or square or wide, with what was asked for drawn in.

Upright, only the units are encoded anew that something is drawn on or that a crossfade touches; the bytes of the others
are copied, and the sound of all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from PIL import Image

from video_assembly import lettering, mp4
from video_assembly.common_form import FRAME_RATE, HEIGHT, UNIT_TICKS, UNIT_VIDEO_FRAMES, WIDTH, VideoEncoder
from video_assembly.painting import HALF_FADE, Canvas, Picture, Shown, Stamp, as_frame, as_picture, crossfaded
from video_assembly.stitch import SegmentSource, Stitched
from video_assembly.webvtt import Cue

Form = Literal["9:16", "1:1", "16:9"]
FORMS: tuple[Form, ...] = ("9:16", "1:1", "16:9")

Tell = Callable[[float], None]
"""Told how much is done, 0 to 1; what it raises ends the work."""

TOLD_EVERY = 15
CARD_FADE = 8
_SIZES: dict[Form, tuple[int, int, float]] = {
    "9:16": (WIDTH, HEIGHT, 1.0),
    "1:1": (720, 720, 0.7),
    "16:9": (1280, 720, 1.0),
}


@dataclass(frozen=True)
class Card:
    """A product's card with the price of the moment, in milliseconds of the video."""

    start_ms: int
    end_ms: int
    title: str
    price: str
    note: str


@dataclass(frozen=True)
class Label:
    """A remark in the corner, such as that the picture was made with artificial intelligence."""

    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True)
class Wanted:
    """What an export is to look like."""

    form: Form = "9:16"
    crossfades: bool = False
    cues: Sequence[Cue] = ()
    cards: Sequence[Card] = ()
    labels: Sequence[Label] = ()


@dataclass
class Done:
    """What became of it: bytes of the file, and how many of its units were encoded anew."""

    size: int
    units: int
    encoded: int = field(default=0)


def export(parts: Sequence[SegmentSource], wanted: Wanted, folder: Path, target: Path, tell: Tell) -> Done:
    """Write the video of `parts` to `target`; `folder` takes what is needed on the way.

    Raises UnequalInits and SegmentDamaged as stitching does.
    """
    stitched = Stitched(parts)
    lengths = [len(mp4.SegmentIndex.unpack(part.index).units) for part in parts]
    units = sum(lengths)
    starts = np.cumsum([0, *lengths])[1:-1] * UNIT_VIDEO_FRAMES
    joins = {int(start) for start in starts} if wanted.crossfades else set()
    shown = drawn(wanted, units * UNIT_VIDEO_FRAMES)
    touched = _touched(units, joins, shown)
    upright = wanted.form == "9:16"
    if upright and not touched:
        _copy(stitched, target)
        tell(1.0)
        return Done(target.stat().st_size, units)
    source = folder / "whole.mp4"
    _copy(stitched, source)
    try:
        if upright:
            _encode_touched(parts, source, target, folder, sorted(touched), joins, shown, tell)
            return Done(target.stat().st_size, units, len(touched))
        _encode_all(source, target, wanted.form, joins, shown, units, tell)
        return Done(target.stat().st_size, units, units)
    finally:
        source.unlink(missing_ok=True)


def drawn(wanted: Wanted, frames: int) -> list[Shown]:
    """Return everything that is drawn on the pictures, at its place in the wanted form."""
    width, height, _ = _SIZES[wanted.form]
    wide = width > height
    column = _even(min(width, height) * 0.9)
    found: list[Shown] = []
    for card in wanted.cards:
        if wide:
            # Beside the picture, where it hides nothing.
            image = lettering.card(card.title, card.price, card.note, _even(width * 0.31))
            found.append(_placed(card, image, _even(width * 0.34), _even(height * 0.1), frames, CARD_FADE))
        else:
            image = lettering.card(card.title, card.price, card.note, column)
            found.append(_placed(card, image, width, _even(height * 0.07), frames, CARD_FADE))
    for cue in wanted.cues:
        image = lettering.caption(cue.text, column)
        # Above the lower edge, where players have their controls.
        found.append(_placed(cue, image, width, _even(height * 0.84) - image.height, frames, 0))
    for label in wanted.labels:
        image = lettering.label(label.text, column)
        found.append(_placed(label, image, width, _even(height * 0.95) - image.height, frames, 0))
    return [each for each in found if each.first < each.stop]


def _placed(what: Cue | Card | Label, image: Image.Image, width: int, top: int, frames: int, fade: int) -> Shown:
    first, stop = (min(frames, max(0, round(ms * FRAME_RATE / 1000))) for ms in (what.start_ms, what.end_ms))
    return Shown(Stamp(image, _even((width - image.width) / 2), top), first, stop, fade)


def _touched(units: int, joins: set[int], shown: Sequence[Shown]) -> set[int]:
    found = {join // UNIT_VIDEO_FRAMES + side for join in joins for side in (-1, 0)}
    for each in shown:
        found |= set(range(each.first // UNIT_VIDEO_FRAMES, (each.stop - 1) // UNIT_VIDEO_FRAMES + 1))
    return {unit for unit in found if 0 <= unit < units}


def _copy(stitched: Stitched, target: Path) -> None:
    with target.open("wb") as file:
        for block in stitched.read():
            file.write(block)


def _encode_touched(
    parts: Sequence[SegmentSource],
    source: Path,
    target: Path,
    folder: Path,
    touched: Sequence[int],
    joins: set[int],
    shown: Sequence[Shown],
    tell: Tell,
) -> None:
    """Stitch again, with these units from a file of their own beside the untouched ones."""
    indexes = [mp4.SegmentIndex.unpack(part.index) for part in parts]
    places = [
        (part, index.units[unit])
        for part, index in zip(parts, indexes, strict=True)
        for unit in range(len(index.units))
    ]
    if mp4.avc_configuration(*_parameters()) != indexes[0].avcc:
        # Made by another encoder: copied and new pictures must not meet, so all are new.
        touched = range(len(places))
    fresh = folder / "fresh.bin"
    rows: dict[int, Any] = {}
    total, done = len(touched) * UNIT_VIDEO_FRAMES, 0
    avcc = indexes[0].avcc
    with fresh.open("wb") as file:
        for run in _runs(touched):
            encoder = VideoEncoder()
            avcc = mp4.avc_configuration(encoder.sps, encoder.pps)
            waiting: list[bytes] = []
            for number, picture in _painted(source, run[0], run[-1] + 1, joins, shown):
                waiting += encoder.encode(as_frame(picture))
                done += 1
                if number % TOLD_EVERY == 0:
                    tell(done / total)
            waiting += encoder.finish()
            for at, unit in enumerate(run):
                part, row = places[unit]
                pictures = waiting[at * UNIT_VIDEO_FRAMES : (at + 1) * UNIT_VIDEO_FRAMES]
                row = row.copy()
                sound = _sound(part.path, row)
                row["offset"], row["video"] = file.tell(), [len(each) for each in pictures]
                file.write(sound + b"".join(pictures))
                rows[unit] = row
    pieces = []
    for unit, (part, row) in enumerate(places):
        path, found = (fresh, rows[unit]) if unit in rows else (part.path, row)
        index = mp4.SegmentIndex(avcc, np.array([found], mp4.UNIT_DTYPE)).pack()
        pieces.append(SegmentSource(path, index, parts[0].init_digest, f"{part.digest}.{unit}"))
    _copy(Stitched(pieces), target)
    fresh.unlink()
    tell(1.0)


def _encode_all(
    source: Path, target: Path, form: Form, joins: set[int], shown: Sequence[Shown], units: int, tell: Tell
) -> None:
    """Encode every picture in another shape; the sound is copied."""
    width, height, least_shown = _SIZES[form]
    canvas = Canvas(width, height, least_shown)
    total = units * UNIT_VIDEO_FRAMES
    with av.open(str(source)) as sounds, av.open(str(target), "w", options={"movflags": "faststart"}) as out:
        options = {"preset": "veryfast", "crf": "22", "profile": "high"}
        video: Any = out.add_stream("libx264", rate=FRAME_RATE, options=options)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.time_base = video.codec_context.time_base = Fraction(1, FRAME_RATE)
        video.codec_context.gop_size = 2 * FRAME_RATE
        video.codec_context.color_range = 1
        video.codec_context.colorspace = video.codec_context.color_primaries = video.codec_context.color_trc = 1
        audio = out.add_stream_from_template(sounds.streams.audio[0])
        packets: Iterator[Any] = (packet for packet in sounds.demux(audio=0) if packet.dts is not None)
        packet = next(packets, None)
        fitted = ((number, canvas.fit(picture)) for number, picture in _crossed(source, 0, units, joins))
        for number, picture in _stamped(fitted, shown):
            frame = as_frame(picture)
            frame.pts, frame.time_base = number, Fraction(1, FRAME_RATE)
            out.mux(video.encode(frame))
            while packet is not None and packet.dts * packet.time_base <= Fraction(number, FRAME_RATE):
                packet.stream = audio
                out.mux(packet)
                packet = next(packets, None)
            if number % TOLD_EVERY == 0:
                tell(number / total)
        out.mux(video.encode(None))
        while packet is not None:
            packet.stream = audio
            out.mux(packet)
            packet = next(packets, None)
    tell(1.0)


def _painted(
    source: Path, first: int, stop: int, joins: set[int], shown: Sequence[Shown]
) -> Iterator[tuple[int, Picture]]:
    return _stamped(_crossed(source, first, stop, joins), shown)


def _crossed(source: Path, first: int, stop: int, joins: set[int]) -> Iterator[tuple[int, Picture]]:
    return crossfaded(_pictures(source, first, stop), joins, HALF_FADE)


def _stamped(pictures: Iterator[tuple[int, Picture]], shown: Sequence[Shown]) -> Iterator[tuple[int, Picture]]:
    for number, picture in pictures:
        for each in shown:
            each.draw(picture, number)
        yield number, picture


def _pictures(source: Path, first: int, stop: int) -> Iterator[tuple[int, Picture]]:
    """The pictures of units from `first` up to `stop`, numbered in the whole video; a unit begins with a keyframe."""
    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        stream.thread_count = 2
        assert stream.time_base is not None, "a stitched video has a time scale"
        container.seek(round(first * UNIT_TICKS / mp4.TIMESCALE / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            assert frame.pts is not None, "a stitched video has time stamps"
            number = round(frame.pts * stream.time_base * FRAME_RATE)
            if number >= stop * UNIT_VIDEO_FRAMES:
                return
            if number >= first * UNIT_VIDEO_FRAMES:
                yield number, as_picture(frame)


def _runs(units: Sequence[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for unit in units:
        if run and unit != run[-1] + 1:
            yield run
            run = []
        run.append(unit)
    if run:
        yield run


def _sound(path: Path, row: Any) -> bytes:
    with path.open("rb") as file:
        file.seek(int(row["offset"]))
        return file.read(int(row["audio"].sum()))


def _parameters() -> tuple[bytes, bytes]:
    encoder = VideoEncoder()
    return encoder.sps, encoder.pps


def _even(length: float) -> int:
    return round(length / 2) * 2

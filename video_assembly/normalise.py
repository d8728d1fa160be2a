"""One encoder run of a clip into the common form, stored as segments of whole fragments."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from video_assembly import mp4, plan, scenes, sound
from video_assembly.common_form import (
    FRAME_RATE,
    LARGE,
    SMALL,
    UNIT_AUDIO_FRAMES,
    UNIT_MS,
    UNIT_VIDEO_FRAMES,
    Rendition,
    VideoEncoder,
    encode_audio,
)
from video_assembly.picture import Fitter
from video_assembly.reframing import Gaze
from video_assembly.source import Limits, Opened, Timing, opened, pictures, timing

Progress = Callable[[str, float], None]
"""Told the step (`normalising`, `analysing`) and how much of it is done, 0 to 1."""

_TOLD_EVERY = 6
"""Pictures between two words on the progress: a clip of some seconds on a busy machine moves, too."""

_EARLY = 0.005
"""Seconds by which a frame may come after its moment and still be shown: rounding of time stamps."""


@dataclass(frozen=True)
class Written:
    """A segment's file in one rendition: fragmented MP4 that plays alone; `index` is what stitching needs of it."""

    digest: str
    path: Path
    init_digest: str
    size: int
    index: bytes


@dataclass(frozen=True)
class NormalisedSegment:
    """One segment on disk: `path`, `size` and what is about bytes is of the large rendition."""

    digest: str
    path: Path
    thumbnail: Path
    poster: Path
    units: int
    duration_ms: int
    init_digest: str
    size: int
    has_sound: bool
    start: float
    """Where in the source it begins, in seconds."""
    index: bytes
    small: Written
    """The same pictures and the same sound at 360x640."""


@lru_cache(maxsize=1)
def init_digest() -> str:
    """Return the digest of the initialisation that this machine's encoder makes."""
    encoder = VideoEncoder()
    return hashlib.sha256(mp4.init_segment(mp4.avc_configuration(encoder.sps, encoder.pps))).hexdigest()


def normalise(
    source: Path,
    out_dir: Path,
    cuts: Sequence[float] | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
    spans: Sequence[plan.Span] | None = None,
    heard: sound.Samples | None = None,
    gaze: Gaze | None = None,
) -> list[NormalisedSegment]:
    """Writes the segments of a clip into `out_dir`, named by their digests, beginning at these scene cuts (seconds).

    With `spans` the segments are exactly these. `heard` is the clip's sound where it is decoded already, `gaze` which
    part of a lying picture is shown.

    Decodes the file in this process: call it for clips of our own; uploads go through `ingest.prepare`.
    Raises Refused.
    """
    limits = limits or Limits()
    tell = progress or (lambda step, fraction: None)
    with opened(source, limits, threads=2) as clip:
        found = timing(clip, limits)
        wanted = list(spans) if spans is not None else plan.spans(found.duration, cuts or ())
        if heard is None:
            with opened(source, limits) as again:
                heard = sound.decode(again, found.base, max(found.duration, wanted[-1].end))
        audible = heard is not None and sound.loudness(heard) >= sound.SILENT_BELOW
        samples = sound.levelled(heard) if audible and heard is not None else np.zeros((2, 0), np.float32)
        writer = _Writer(out_dir, samples, audible, wanted, tell)
        return writer.write(_fitted(clip, found, wanted, limits, gaze or Gaze((), ())))


def small_of(segment: Path, index: bytes, out_dir: Path) -> Written:
    """Writes the 360x640 rendition of a segment of ours that has none, from its own pictures and with its own sound."""
    units = mp4.SegmentIndex.unpack(index).units
    whole = segment.read_bytes()
    audio: list[bytes] = []
    for unit in units:
        at = int(unit["offset"])
        for size in unit["audio"].tolist():
            audio.append(whole[at : at + size])
            at += size
    strand, halver = _Strand(SMALL), VideoReformatter()
    with av.open(str(segment), "r", format="mov") as container:
        for frame in container.decode(container.streams.video[0]):
            strand.add(_halved(halver, frame))
    strand.finish()
    assert strand.waiting == len(units) * UNIT_VIDEO_FRAMES, "a segment's index and its pictures agree"
    return strand.write(out_dir, len(units), audio)


def _halved(halver: VideoReformatter, frame: av.VideoFrame) -> av.VideoFrame:
    small: av.VideoFrame = halver.reformat(
        frame, SMALL.width, SMALL.height, interpolation=Interpolation.AREA, threads=1
    )
    return small


def _fitted(
    clip: Opened, found: Timing, wanted: Sequence[plan.Span], limits: Limits, gaze: Gaze
) -> Iterator[av.VideoFrame]:
    """One fitted picture for each frame of the segments: the newest whose time has come."""
    fitter = Fitter(float(clip.video.sample_aspect_ratio or 1))
    frames = pictures(clip, found.base, limits)
    _, current = next(frames)
    following = next(frames, None)
    fitted: av.VideoFrame | None = None
    for span in wanted:
        for number in range(span.units * UNIT_VIDEO_FRAMES):
            moment = span.start + number / FRAME_RATE + _EARLY
            while following is not None and following[0] <= moment:
                current, fitted = following[1], None
                following = next(frames, None)
            if fitted is None:
                fitted = fitter.fit(current, gaze.at(moment))
            yield fitted


class _Strand:
    """One rendition on its way: the encoder's access units as they come, and the file of a segment once it is whole."""

    def __init__(self, form: Rendition) -> None:
        self._encoder = VideoEncoder(form)
        self._avcc = mp4.avc_configuration(self._encoder.sps, self._encoder.pps)
        self._init = mp4.init_segment(self._avcc, form)
        self._init_digest = hashlib.sha256(self._init).hexdigest()
        self._waiting: list[bytes] = []

    def add(self, frame: av.VideoFrame) -> None:
        self._waiting += self._encoder.encode(frame)

    def finish(self) -> None:
        self._waiting += self._encoder.finish()

    @property
    def waiting(self) -> int:
        """How many pictures are encoded and in no segment yet."""
        return len(self._waiting)

    def write(self, out_dir: Path, units: int, audio: list[bytes]) -> Written:
        """Writes the next `units` as a file named by its digest."""
        parts = [self._init]
        at = len(self._init)
        rows = np.zeros(units, mp4.UNIT_DTYPE)
        for number in range(units):
            pictures_of = self._waiting[number * UNIT_VIDEO_FRAMES : (number + 1) * UNIT_VIDEO_FRAMES]
            sounds_of = audio[number * UNIT_AUDIO_FRAMES : (number + 1) * UNIT_AUDIO_FRAMES]
            part, payload_at = mp4.fragment(number, pictures_of, sounds_of)
            rows[number] = (at + payload_at, [len(s) for s in sounds_of], [len(p) for p in pictures_of])
            parts.append(part)
            at += len(part)
        del self._waiting[: units * UNIT_VIDEO_FRAMES]
        whole = b"".join(parts)
        digest = hashlib.sha256(whole).hexdigest()
        path = out_dir / f"{digest}.mp4"
        path.write_bytes(whole)
        return Written(digest, path, self._init_digest, len(whole), mp4.SegmentIndex(self._avcc, rows).pack())


class _Writer:
    """Takes pictures in order and writes a segment in both renditions whenever one is whole."""

    def __init__(
        self, out_dir: Path, samples: sound.Samples, audible: bool, wanted: Sequence[plan.Span], tell: Progress
    ) -> None:
        self._out_dir, self._samples, self._audible, self._wanted, self._tell = (
            out_dir,
            samples,
            audible,
            wanted,
            tell,
        )
        self._large, self._small = _Strand(LARGE), _Strand(SMALL)

    def write(self, frames: Iterator[av.VideoFrame]) -> list[NormalisedSegment]:
        total = sum(span.units for span in self._wanted) * UNIT_VIDEO_FRAMES
        made: list[NormalisedSegment] = []

        def flush() -> None:
            while len(made) < len(self._wanted):
                span = self._wanted[len(made)]
                if min(self._large.waiting, self._small.waiting) < span.units * UNIT_VIDEO_FRAMES:
                    return
                made.append(self._segment(span))

        halver = VideoReformatter()
        last: av.VideoFrame | None = None
        half: Any = None
        for number, frame in enumerate(frames):
            if frame is not last:
                last = frame
                half = _halved(halver, frame)
            self._large.add(frame)
            self._small.add(half)
            flush()
            if number % _TOLD_EVERY == 0:
                self._tell("normalising", number / total)
        self._large.finish()
        self._small.finish()
        flush()
        assert self._large.waiting == self._small.waiting == 0, "every encoded frame belongs to a segment"
        self._tell("normalising", 1.0)
        for number, segment in enumerate(made):
            self._tell("analysing", number / len(made))
            scenes.draw(segment.path, segment.units, segment.poster, segment.thumbnail)
        self._tell("analysing", 1.0)
        return made

    def _segment(self, span: plan.Span) -> NormalisedSegment:
        audio = encode_audio(sound.faded(self._samples, span.start, span.units))
        large = self._large.write(self._out_dir, span.units, audio)
        return NormalisedSegment(
            digest=large.digest,
            path=large.path,
            thumbnail=self._out_dir / f"{large.digest}.webp",
            poster=self._out_dir / f"{large.digest}.jpg",
            units=span.units,
            duration_ms=span.units * UNIT_MS,
            init_digest=large.init_digest,
            size=large.size,
            has_sound=self._audible,
            start=round(span.start, 3),
            index=large.index,
            small=self._small.write(self._out_dir, span.units, audio),
        )

"""One encoder run of a clip into the common form, stored as segments of whole fragments."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from video_assembly import mp4, plan, scenes, sound
from video_assembly.common_form import (
    FRAME_RATE,
    UNIT_AUDIO_FRAMES,
    UNIT_MS,
    UNIT_VIDEO_FRAMES,
    VideoEncoder,
    encode_audio,
)
from video_assembly.picture import Fitter
from video_assembly.source import Limits, Opened, Timing, opened, pictures, timing

Progress = Callable[[str, float], None]
"""Told the step (`normalising`, `analysing`) and how much of it is done, 0 to 1."""

_EARLY = 0.005
"""Seconds by which a frame may come after its moment and still be shown: rounding of time stamps."""


@dataclass(frozen=True)
class NormalisedSegment:
    """One segment on disk: `path` is fragmented MP4 that plays alone, `index` is what stitching needs of it."""

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


def normalise(
    source: Path,
    out_dir: Path,
    cuts: Sequence[float] | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
    spans: Sequence[plan.Span] | None = None,
) -> list[NormalisedSegment]:
    """Writes the segments of a clip into `out_dir`, named by their digests, beginning at these scene cuts (seconds).

    With `spans` the segments are exactly these.

    Decodes the file in this process: call it for clips of our own; uploads go through `ingest.prepare`.
    Raises Refused.
    """
    limits = limits or Limits()
    tell = progress or (lambda step, fraction: None)
    with opened(source, limits, threads=2) as clip:
        found = timing(clip, limits)
        wanted = list(spans) if spans is not None else plan.spans(found.duration, cuts or ())
        with opened(source, limits) as again:
            heard = sound.decode(again, found.base, max(found.duration, wanted[-1].end))
        audible = heard is not None and sound.loudness(heard) >= sound.SILENT_BELOW
        samples = sound.levelled(heard) if audible and heard is not None else np.zeros((2, 0), np.float32)
        writer = _Writer(out_dir, samples, audible, wanted, tell)
        return writer.write(_fitted(clip, found, wanted, limits))


def _fitted(clip: Opened, found: Timing, wanted: Sequence[plan.Span], limits: Limits) -> Iterator[av.VideoFrame]:
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
                fitted = fitter.fit(current)
            yield fitted


class _Writer:
    """Takes the encoder's access units as they come and writes a segment whenever one is whole."""

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
        self._encoder = VideoEncoder()
        self._avcc = mp4.avc_configuration(self._encoder.sps, self._encoder.pps)
        self._init = mp4.init_segment(self._avcc)
        self._init_digest = hashlib.sha256(self._init).hexdigest()

    def write(self, frames: Iterator[av.VideoFrame]) -> list[NormalisedSegment]:
        total = sum(span.units for span in self._wanted) * UNIT_VIDEO_FRAMES
        waiting: list[bytes] = []
        made: list[NormalisedSegment] = []

        def flush() -> None:
            while len(made) < len(self._wanted):
                span = self._wanted[len(made)]
                needed = span.units * UNIT_VIDEO_FRAMES
                if len(waiting) < needed:
                    return
                made.append(self._segment(span, waiting[:needed]))
                del waiting[:needed]

        for number, frame in enumerate(frames):
            waiting += self._encoder.encode(frame)
            flush()
            if number % FRAME_RATE == 0:
                self._tell("normalising", number / total)
        waiting += self._encoder.finish()
        flush()
        assert not waiting, "every encoded frame belongs to a segment"
        self._tell("normalising", 1.0)
        for number, segment in enumerate(made):
            self._tell("analysing", number / len(made))
            scenes.draw(segment.path, segment.units, segment.poster, segment.thumbnail)
        self._tell("analysing", 1.0)
        return made

    def _segment(self, span: plan.Span, video: list[bytes]) -> NormalisedSegment:
        audio = encode_audio(sound.faded(self._samples, span.start, span.units))
        parts = [self._init]
        at = len(self._init)
        units = np.zeros(span.units, mp4.UNIT_DTYPE)
        for number in range(span.units):
            pictures_of = video[number * UNIT_VIDEO_FRAMES : (number + 1) * UNIT_VIDEO_FRAMES]
            sounds_of = audio[number * UNIT_AUDIO_FRAMES : (number + 1) * UNIT_AUDIO_FRAMES]
            part, payload_at = mp4.fragment(number, pictures_of, sounds_of)
            units[number] = (at + payload_at, [len(s) for s in sounds_of], [len(p) for p in pictures_of])
            parts.append(part)
            at += len(part)
        whole = b"".join(parts)
        digest = hashlib.sha256(whole).hexdigest()
        path = self._out_dir / f"{digest}.mp4"
        path.write_bytes(whole)
        return NormalisedSegment(
            digest=digest,
            path=path,
            thumbnail=self._out_dir / f"{digest}.webp",
            poster=self._out_dir / f"{digest}.jpg",
            units=span.units,
            duration_ms=span.units * UNIT_MS,
            init_digest=self._init_digest,
            size=len(whole),
            has_sound=self._audible,
            start=round(span.start, 3),
            index=mp4.SegmentIndex(self._avcc, units).pack(),
        )

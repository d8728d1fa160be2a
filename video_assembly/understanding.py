"""One look at a clip before it is encoded: its scenes, what it is like, where it may be cut and what of it is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from video_assembly import plan, sound
from video_assembly.common_form import HEIGHT, WIDTH
from video_assembly.footage import Footage, Watcher
from video_assembly.picture import Orientation, display_size
from video_assembly.reframing import Gaze, gaze
from video_assembly.scenes import AnalysisMissing, cuts
from video_assembly.source import Limits, Opened, Timing, pictures
from video_assembly.speech import SPEECH_FROM, Voice

FINDINGS = ("black", "blurred", "shaky", "flashing")
_MOVEMENT = 0.5
"""How bad it is to cut into the quickest movement, beside a word."""
_UNSPOKEN = 0.3
"""How bad it is to cut into sound that is not speech, beside a word."""


@dataclass(frozen=True)
class Insight:
    """What a segment is like: findings by code, dominant colour (0xRRGGBB), pace and likeness to speech from 0 to 1."""

    findings: tuple[str, ...]
    colour: int | None
    pace: float | None
    speech: float


@dataclass(frozen=True)
class Understanding:
    """What was seen and heard; `missing` where OpenCV is not usable and nothing was seen."""

    cuts: Sequence[float]
    footage: Footage
    voice: Voice | None
    gaze: Gaze | None
    missing: bool

    def spans(self, duration: float) -> list[plan.Span]:
        """The segments of a clip of `duration` seconds."""
        return plan.spans(duration, self.cuts, None if self.missing and self.voice is None else self._harm())

    def insight(self, start: float, seconds: float) -> Insight:
        """What a segment is like."""
        seen = self.footage.impression(start, start + seconds)
        spoken = 0.0 if self.voice is None else self.voice.part(start, start + seconds).hint()
        return Insight(seen.findings, seen.colour, seen.pace, spoken)

    def _harm(self) -> plan.Harm:
        voice, footage = self.voice, self.footage
        weight = 0.0 if voice is None else 1.0 if voice.hint() >= SPEECH_FROM else _UNSPOKEN

        def harm(time: float) -> float:
            heard = weight * voice.speaking_at(time) if voice is not None else 0.0
            return max(heard, _MOVEMENT * footage.motion_at(time))

        return harm


def understand(
    clip: Opened,
    found: Timing,
    limits: Limits,
    heard: sound.Samples | None,
    progress: Callable[[float], None] | None = None,
) -> Understanding:
    """Reads through all pictures of a clip once; `progress` hears the seconds done."""
    watcher = Watcher()
    changes: list[float] = []
    missing = False
    try:
        changes = cuts(pictures(clip, found.base, limits), progress, watcher.see)
    except AnalysisMissing:
        missing = True
    audible = heard is not None and sound.loudness(heard) >= sound.SILENT_BELOW
    voice = Voice.of(heard) if audible and heard is not None else None
    look = None if missing else _gaze(clip, found, limits, watcher.footage, changes)
    return Understanding(changes, watcher.footage, voice, look, missing)


def _gaze(clip: Opened, found: Timing, limits: Limits, footage: Footage, changes: Sequence[float]) -> Gaze | None:
    """Where to look in a lying picture; None for an upright one, and for one that is stored turned."""
    first = next(pictures(clip, found.base, limits), None)
    if first is None or not Orientation.of(first[1]).nothing_to_do:
        return None
    width, height = display_size(first[1], float(clip.video.sample_aspect_ratio or 1), Orientation())
    share = height * WIDTH / HEIGHT / width
    return gaze(footage, changes, share) if share < 0.8 else None

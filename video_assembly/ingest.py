"""An upload: looked at in a limited child process, then refused with a reason or turned into segments."""

from __future__ import annotations

import base64
import logging
import os
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from video_assembly import sandbox, sound
from video_assembly.common_form import MOST_HELD_SECONDS
from video_assembly.normalise import NormalisedSegment, Written, normalise
from video_assembly.picture import Orientation, display_size
from video_assembly.plan import Span
from video_assembly.refusals import NOTICES, Refused
from video_assembly.scenes import SYSTEM_PACKAGES
from video_assembly.source import Limits, container_of, lost_its_index, opened, pictures, timing
from video_assembly.understanding import FINDINGS, Insight, understand

__all__ = ["Insight", "Limits", "Notice", "Prepared", "Probe", "Refused", "prepare", "probe"]

log = logging.getLogger(__name__)

Progress = Callable[[str, float], None]

_DIGEST = re.compile("[0-9a-f]{64}")
_MEBI = 1024 * 1024
_PROBE_BOUNDS = sandbox.Bounds(memory=768 * _MEBI, cpu=10, file=0, wall=300.0)
_SCENES_SHARE = 0.25
"""How much of the step `normalising` looking for scene cuts takes."""


@dataclass(frozen=True)
class Probe:
    """What a clip is. Sizes are as shown, turned upright; seconds; frames a second on average."""

    container: str
    duration: float
    width: int
    height: int
    rotation: int
    rate: float
    frames: int
    video_codec: str
    audio_codec: str | None
    channels: int
    sample_rate: int
    dropped_audio: str | None


@dataclass(frozen=True)
class Notice:
    """Something a merchant should know of an accepted clip: a code, an English sentence (msgid) and its values."""

    code: str
    message: str
    extra: dict[str, str]


@dataclass(frozen=True)
class Prepared:
    """An accepted clip: what it was, its segments in order, and what should be said about it."""

    probe: Probe
    segments: list[NormalisedSegment]
    insights: list[Insight]
    """One for each segment."""
    warnings: list[Notice]


def probe(path: Path, *, limits: Limits | None = None) -> Probe:
    """Looks at an upload in a child process; raises Refused for what is not acceptable, within seconds."""
    limits = limits or Limits()
    _check_head(path, limits)
    return Probe(
        **sandbox.run(
            "video_assembly.ingest:probe_task",
            {"path": str(path.resolve()), "limits": asdict(limits)},
            _PROBE_BOUNDS,
            reads=[path.resolve()],
        )
    )


def prepare(
    source: Path,
    out_dir: Path,
    *,
    filename: str = "",
    limits: Limits | None = None,
    progress: Progress | None = None,
    spans: Sequence[Span] | None = None,
) -> Prepared:
    """Turns an upload into segments in `out_dir`: every decoder runs in a child process.

    `progress` hears the steps `probing`, `normalising`, `analysing`, each with its share done from 0 to 1. `filename`
    is for the log alone: what a file is, its bytes say. With `spans` the segments are these, else scenes decide.
    Raises Refused, and SandboxFailed for a fault of this machine.
    """
    limits = limits or Limits()
    tell = progress or (lambda step, fraction: None)
    tell("probing", 0.0)
    found = probe(source, limits=limits)
    tell("probing", 1.0)
    out_dir.mkdir(parents=True, exist_ok=True)
    arguments = {
        "source": str(source.resolve()),
        "out_dir": str(out_dir.resolve()),
        "limits": asdict(limits),
        "spans": None if spans is None else [asdict(span) for span in spans],
    }
    result = sandbox.run(
        "video_assembly.ingest:segments_task",
        arguments,
        _bounds_for(found),
        tell,
        reads=[source.resolve()],
        writes=[out_dir.resolve()],
    )
    segments = [_segment(row, out_dir) for row in result["segments"]]
    insights = [Insight(**row | {"findings": tuple(row["findings"])}) for row in result["insights"]]
    log.info("%r of %.1f s became %d segments", filename, found.duration, len(segments))
    return Prepared(found, segments, insights, _notices(found, segments, insights, result["scenes_missing"]))


def _check_head(path: Path, limits: Limits) -> None:
    """Refuses by size and magic bytes without starting a child."""
    size = path.stat().st_size
    if size > limits.size:
        raise Refused("media-too-large", megabytes=size // 1_000_000 + 1, most=limits.size // 1_000_000)
    with path.open("rb") as file:
        if container_of(file.read(256)) == "mov" and lost_its_index(file, size):
            raise Refused("media-truncated")


def _bounds_for(found: Probe) -> sandbox.Bounds:
    # The processor's time judges the file; the clock on the wall only ends what waits for ever on a busy machine.
    work = 15 + 15 * found.duration
    return sandbox.Bounds(memory=2048 * _MEBI, cpu=round(2 * work), file=256 * _MEBI, wall=12 * work)


def _notices(
    found: Probe, segments: list[NormalisedSegment], insights: list[Insight], scenes_missing: bool
) -> list[Notice]:
    notices = []
    if scenes_missing:
        notices.append(Notice("cv2-missing", NOTICES["cv2-missing"], {"packages": SYSTEM_PACKAGES}))
    if found.dropped_audio is not None:
        notices.append(Notice("sound-dropped", NOTICES["sound-dropped"], {"codec": found.dropped_audio}))
    if found.audio_codec is not None and not any(segment.has_sound for segment in segments):
        notices.append(Notice("sound-silent", NOTICES["sound-silent"], {}))
    for finding in FINDINGS:
        count = sum(finding in insight.findings for insight in insights)
        if count:
            said = {"count": str(count), "all": str(len(segments))}
            notices.append(Notice(f"picture-{finding}", NOTICES[f"picture-{finding}"], said))
    return notices


def _segment(row: dict[str, Any], out_dir: Path) -> NormalisedSegment:
    digest, small = row["digest"], row.pop("small")
    if not (_DIGEST.fullmatch(digest) and _DIGEST.fullmatch(small["digest"])):
        raise Refused("media-crashed", "the child named a file as it should not")
    row["index"], small["index"] = base64.b64decode(row["index"]), base64.b64decode(small["index"])
    files: dict[str, Any] = {
        "path": out_dir / f"{digest}.mp4",
        "thumbnail": out_dir / f"{digest}.webp",
        "poster": out_dir / f"{digest}.jpg",
        "small": Written(path=out_dir / f"{small['digest']}.mp4", **small),
    }
    # A child that a file took over might leave a link to somebody else's file.
    for path in (files["path"], files["thumbnail"], files["poster"], files["small"].path):
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise Refused("media-crashed", f"the child made {path.name}, which is no file")
    return NormalisedSegment(**row, **files)


def probe_task(path: str, limits: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """In the child: looks at the container, reads through its packets, decodes one picture."""
    bounds = Limits(**limits)
    with opened(Path(path), bounds) as clip:
        found = timing(clip, bounds)
        first = next(pictures(clip, found.base, bounds), None)
        if first is None:
            raise Refused("media-broken", "no picture can be decoded")
        orientation = Orientation.of(first[1])
        width, height = display_size(first[1], float(clip.video.sample_aspect_ratio or 1), orientation)
        audio = clip.audio.codec_context if clip.audio is not None else None
        return asdict(
            Probe(
                container=clip.format,
                duration=round(found.duration, 3),
                width=round(width),
                height=round(height),
                rotation=orientation.degrees,
                rate=round(found.rate, 3),
                frames=found.frames,
                video_codec=clip.video.codec_context.name,
                audio_codec=audio.name if audio is not None else None,
                channels=audio.channels if audio is not None else 0,
                sample_rate=audio.sample_rate if audio is not None else 0,
                dropped_audio=clip.dropped_audio,
            )
        )


def segments_task(
    source: str, out_dir: str, limits: dict[str, Any], spans: list[dict[str, Any]] | None, progress: Progress
) -> dict[str, Any]:
    """In the child: one look at everything, then the encoder run; the rows of the segments."""
    path, bounds = Path(source), Limits(**limits)
    with opened(path, bounds, threads=2) as clip:
        found = timing(clip, bounds)

        def analysed(seconds: float) -> None:
            progress("normalising", _SCENES_SHARE * min(1.0, seconds / found.duration))

        with opened(path, bounds) as again:
            heard = sound.decode(again, found.base, found.duration + MOST_HELD_SECONDS)
        seen = understand(clip, found, bounds, heard, analysed)

    def encoded(step: str, fraction: float) -> None:
        share = _SCENES_SHARE + (1 - _SCENES_SHARE) * fraction if step == "normalising" else fraction
        progress(step, share)

    wanted = seen.spans(found.duration) if spans is None else [Span(**span) for span in spans]
    segments = normalise(path, Path(out_dir), (), encoded, bounds, wanted, heard, seen.gaze)
    rows = []
    for segment in segments:
        row = asdict(segment)
        for name in ("path", "thumbnail", "poster"):
            del row[name]
        del row["small"]["path"]
        row["index"] = base64.b64encode(segment.index).decode()
        row["small"]["index"] = base64.b64encode(segment.small.index).decode()
        rows.append(row)
    insights = [asdict(seen.insight(segment.start, segment.duration_ms / 1000)) for segment in segments]
    return {"segments": rows, "insights": insights, "scenes_missing": seen.missing}

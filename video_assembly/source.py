"""Opening a clip that nobody vouches for: a forced demuxer, an allow-list of decoders, limits before the first frame.

Runs in the sandbox for uploads. Whatever a container holds beside pictures and sound is left behind.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import av
from av.error import EOFError as EndOfFile
from av.error import FFmpegError

from video_assembly.common_form import MOST_HELD_SECONDS, UNIT_SECONDS
from video_assembly.refusals import Refused

_BRANDS = frozenset(
    b"isom iso2 iso3 iso4 iso5 iso6 iso7 iso8 iso9 mp41 mp42 mp71 avc1 av01 hvc1 hev1 qt M4V M4VH M4VP MSNV XAVC F4V "
    b"f4v dash cmfc cmff cmf2 mmp4 3gp4 3gp5 3gp6 3gp7 3ge6 3ge7 3gg6 3gs7 3g2a 3g2b 3g2c".split()
)
# A file of more boxes in a row is odd enough for the demuxer to judge.
_MOST_BOXES = 1000
_EBML = b"\x1a\x45\xdf\xa3"
_VIDEO_DECODERS = frozenset({"h264", "hevc", "vp8", "vp9", "av1", "libdav1d"})
_AUDIO_DECODERS = frozenset(
    {"aac", "opus", "vorbis", "mp3", "mp3float", "ac3", "eac3", "alac", "flac"}
    | {"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_f32le", "pcm_f32be"}
)
_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"
_MOST_STREAMS_OF_ANY_KIND = 24
"""Telephones add tracks of sensor data; a file with more than this was made to do harm."""


@dataclass(frozen=True)
class Limits:
    """What a clip may be; sizes in bytes, pixels, seconds."""

    size: int = 200 * 1024 * 1024
    side: int = 3840
    pixels: int = 9_437_184
    rate: int = 120
    seconds: float = 180.0
    tracks: int = 4


def container_of(head: bytes) -> str:
    """The demuxer for a file that begins like this, `mov` or `matroska`; Refused for anything else."""
    if not head:
        raise Refused("media-empty")
    if head[4:8] == b"ftyp" and len(head) >= 16:
        size = min(struct.unpack_from(">I", head)[0], len(head))
        brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
        if any(brand.rstrip(b" ") in _BRANDS for brand in brands):
            return "mov"
    if head[:4] == _EBML and (b"\x42\x82\x84webm" in head[:64] or b"\x42\x82\x88matroska" in head[:64]):
        return "matroska"
    raise Refused("media-not-video")


def lost_its_index(file: BinaryIO, size: int) -> bool:
    """Whether an MP4 or MOV of `size` bytes ends inside its media before its `moov` came (ISO/IEC 14496-12, 4.2).

    Telephones write the index last, so half a copied file has none and no demuxer can say why.
    """
    at = 0
    for _ in range(_MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        kind = head[4:8]
        if len(head) < 8 or kind == b"moov":
            return False
        length: int = struct.unpack_from(">I", head)[0]
        if length == 1 and len(head) == 16:
            length = struct.unpack_from(">Q", head, 8)[0]
        if length < 8:
            return False
        at += length
        if at > size:
            return kind == b"mdat"
    return False


@dataclass(frozen=True)
class Opened:
    """An open container with the two tracks that count."""

    container: Any
    format: str
    video: Any
    audio: Any | None
    dropped_audio: str | None
    """The codec of a sound track that cannot be used."""


@contextmanager
def opened(path: Path, limits: Limits, threads: int = 1) -> Iterator[Opened]:
    """Opens a clip and picks its tracks; raises Refused before any frame is decoded when it is not acceptable."""
    size = path.stat().st_size
    if size > limits.size:
        raise Refused("media-too-large", megabytes=size // 1_000_000 + 1, most=limits.size // 1_000_000)
    with path.open("rb") as file:
        form = container_of(file.read(256))
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": _FORMATS,
        "codec_whitelist": ",".join(sorted(_VIDEO_DECODERS | _AUDIO_DECODERS)),
        "max_streams": str(_MOST_STREAMS_OF_ANY_KIND),
    }
    try:
        container: Any = av.open(str(path), "r", format=form, options=options, metadata_errors="replace")
    except MemoryError:
        raise
    except Exception as error:  # hostile bytes raise more than FFmpegError: UnicodeDecodeError, AttributeError
        raise Refused("media-broken", f"open: {error!r}") from error
    with container:
        yield _choose(container, form, limits, threads)


def _choose(container: Any, form: str, limits: Limits, threads: int) -> Opened:
    if len(container.streams) >= _MOST_STREAMS_OF_ANY_KIND:
        raise Refused("media-too-many-tracks", count=len(container.streams), most=limits.tracks)
    videos = [stream for stream in container.streams.video if not _is_cover(stream)]
    audios = list(container.streams.audio)
    if len(videos) + len(audios) > limits.tracks:
        raise Refused("media-too-many-tracks", count=len(videos) + len(audios), most=limits.tracks)
    if not videos:
        raise Refused("media-no-picture")
    names = [_codec(stream) for stream in videos]
    usable = [stream for stream, name in zip(videos, names, strict=True) if name in _VIDEO_DECODERS]
    if not usable:
        raise Refused("media-codec", codec=names[0])
    video = max(usable, key=lambda stream: (stream.width or 0) * (stream.height or 0))
    width, height = video.width or 0, video.height or 0
    check_dimensions(width, height, limits)
    audio = next((stream for stream in audios if _codec(stream) in _AUDIO_DECODERS), None)
    context = video.codec_context
    context.options = {"max_pixels": str(limits.pixels)}
    context.thread_count = threads
    context.thread_type = "AUTO" if threads > 1 else "SLICE"
    if audio is not None:
        audio.codec_context.thread_count = 1
    dropped = _codec(audios[0]) if audios and audio is None else None
    return Opened(container, form, video, audio, dropped)


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & (av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails))


def _codec(stream: Any) -> str:
    """The name of a track's decoder, or `unknown`."""
    context = stream.codec_context
    return str(context.name) if context is not None else "unknown"


def check_dimensions(width: int, height: int, limits: Limits) -> None:
    """Raises Refused for a picture without size or larger than allowed."""
    if width < 1 or height < 1:
        raise Refused("media-broken", "no picture size")
    if max(width, height) > limits.side or width * height > limits.pixels:
        raise Refused("media-dimensions", width=width, height=height, most=limits.side)


@dataclass(frozen=True)
class Timing:
    """When the pictures of a clip are shown, from its packets alone; seconds."""

    base: float
    """Time stamp of the first picture in the container; everything else counts from it."""
    duration: float
    frames: int

    @property
    def rate(self) -> float:
        """Pictures a second, on average."""
        return self.frames / self.duration if self.duration > 0 else 0.0


def timing(clip: Opened, limits: Limits) -> Timing:
    """Reads through all packets without decoding; raises Refused for files cut short, too long, too short, too fast."""
    video, unit = clip.video, float(clip.video.time_base)
    declared = _declared_seconds(clip)
    if declared is not None and declared > limits.seconds + 1:
        raise Refused("media-too-long", seconds=round(declared), most=round(limits.seconds))
    most_packets = int((limits.seconds + 1) * limits.rate * 1.1)
    first, last, end, count = float("inf"), float("-inf"), float("-inf"), 0
    cause = ""
    try:
        for packet in clip.container.demux(video):
            stamp = packet.pts if packet.pts is not None else packet.dts
            if stamp is None or not packet.size:
                continue
            count += 1
            if count > most_packets:
                raise Refused("media-frame-rate", rate=f"over {limits.rate}", most=limits.rate)
            time = stamp * unit
            first, last = min(first, time), max(last, time)
            end = max(end, time + (packet.duration or 0) * unit)
            if last - first > limits.seconds + 1:
                raise Refused("media-too-long", seconds=round(declared or last - first), most=round(limits.seconds))
    except (Refused, MemoryError):
        raise
    except EndOfFile:
        pass
    except Exception as error:
        cause = repr(error)
    if not count:
        raise Refused("media-truncated" if cause else "media-broken", f"no pictures: {cause}")
    end = max(end, last + (last - first) / max(count - 1, 1))
    found = Timing(first, end - first, count)
    if declared is not None and found.duration < declared - max(0.5, declared * 0.05):
        raise Refused("media-truncated", f"{found.duration:.2f} of {declared:.2f} s; {cause}")
    if cause:
        raise Refused("media-truncated", cause)
    if found.duration > limits.seconds:
        raise Refused("media-too-long", seconds=round(found.duration), most=round(limits.seconds))
    if found.rate > limits.rate * 1.02:
        raise Refused("media-frame-rate", rate=round(found.rate), most=limits.rate)
    if found.duration < UNIT_SECONDS - MOST_HELD_SECONDS:
        raise Refused("media-too-short", seconds=round(found.duration, 1), least=UNIT_SECONDS)
    return found


def _declared_seconds(clip: Opened) -> float | None:
    """How long the container says that the picture lasts; unknown for what browsers record."""
    if clip.video.duration is not None:
        return float(clip.video.duration * clip.video.time_base)
    if clip.container.duration is not None and clip.audio is None:
        return float(clip.container.duration) / av.time_base
    return None


def pictures(clip: Opened, base: float, limits: Limits) -> Iterator[tuple[float, av.VideoFrame]]:
    """Decoded frames with their time in seconds from `base`, never going backwards.

    A packet that cannot be decoded is passed over; Refused once that happened more than five times and to a tenth.
    """
    broken = decoded = 0
    latest = -1.0
    unit = float(clip.video.time_base)
    clip.container.seek(0)
    for packet in clip.container.demux(clip.video):
        try:
            frames = clip.video.decode(packet)
        except EndOfFile:
            continue
        except MemoryError:
            raise
        except FFmpegError as error:
            broken += 1
            if broken > 5 and broken > decoded * 0.1:
                raise Refused("media-broken", f"{broken} packets: {error!r}") from error
            continue
        for frame in frames:
            decoded += 1
            check_dimensions(frame.width, frame.height, limits)
            time = frame.pts * unit - base if frame.pts is not None else latest
            if time >= latest:
                latest = time
                yield time, frame

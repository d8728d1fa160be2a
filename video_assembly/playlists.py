"""A recipe as HLS (RFC 8216): playlists over units of 1.6 s out of the segments' files, shared by all videos.

A unit's address names its segment by digest, its number in it and its place in the video, so what is there never
changes. The place is in it because the time stamps follow from it: with stamps that begin anew at each segment and
discontinuities between them, FFmpeg drops units and Chromium's own player stalls.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np

from video_assembly.common_form import FRAME_RATE, UNIT_SECONDS, UNIT_TICKS, Rendition
from video_assembly.stitch import SegmentDamaged, SegmentSource, indexes_of

content_type = "application/vnd.apple.mpegurl"

# Fragmented MP4 needs 7.
VERSION = 7
TARGET_SECONDS = 2
AAC_LC = "mp4a.40.2"
MOST_KNOWN = 4_096


@dataclass(frozen=True)
class Variant:
    """A video in one size: where its playlist is, and what players choose by, in bits a second."""

    url: str
    form: Rendition
    peak: int
    average: int
    codecs: str


def media_playlist(parts: Sequence[SegmentSource], folder: str) -> str:
    """Return the playlist of a video whose units are under `folder`; raises what `Stitched` does.

    Their addresses are `<folder>/<digest>/<unit>-<place>.m4s`, beside them `init.mp4`; `fragment` and `init` make them.
    """
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{TARGET_SECONDS}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f'#EXT-X-MAP:URI="{_init_url(folder, parts[0].digest)}"',
    ]
    place = 0
    for part, index in zip(parts, indexes_of(parts), strict=True):
        for unit in range(len(index.units)):
            lines += [f"#EXTINF:{UNIT_SECONDS:.6f},", _unit_url(folder, part.digest, unit, place)]
            place += 1
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def preload(folder: str, digest: str) -> list[str]:
    """Return what a player asks for before the first picture of a video that begins with this segment."""
    return [_init_url(folder, digest), _unit_url(folder, digest, 0, 0)]


def _init_url(folder: str, digest: str) -> str:
    return f"{folder}/{digest}/init.mp4"


def _unit_url(folder: str, digest: str, unit: int, place: int) -> str:
    return f"{folder}/{digest}/{unit}-{place}.m4s"


def variant(parts: Sequence[SegmentSource], form: Rendition, url: str) -> Variant:
    """Return what a multivariant playlist says of a video in this size; raises what `Stitched` does."""
    indexes = indexes_of(parts)
    lengths = np.concatenate([index.units["audio"].sum(1) + index.units["video"].sum(1) for index in indexes])
    # RFC 6381: profile, constraints and level stand behind the first byte of the AVC configuration.
    codecs = f"avc1.{indexes[0].avcc[1:4].hex()},{AAC_LC}"
    return Variant(
        url,
        form,
        peak=round(8 * int(lengths.max()) / UNIT_SECONDS),
        average=round(8 * float(lengths.mean()) / UNIT_SECONDS),
        codecs=codecs,
    )


def multivariant_playlist(variants: Sequence[Variant]) -> str:
    """Return the playlist that names the sizes, the first being where players begin."""
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for each in variants:
        size = f"RESOLUTION={each.form.width}x{each.form.height},FRAME-RATE={FRAME_RATE:.3f}"
        rate = f"BANDWIDTH={each.peak},AVERAGE-BANDWIDTH={each.average}"
        lines += [f'#EXT-X-STREAM-INF:{rate},{size},CODECS="{each.codecs}"', each.url]
    return "\n".join([*lines, ""])


def init(path: Path) -> bytes:
    """Return the initialisation of a segment's file; raises SegmentDamaged."""
    with path.open("rb") as file:
        return _exactly(file, 0, _fragments(path)[0][0])


def fragment(path: Path, unit: int, place: int) -> bytes:
    """Return a unit of a segment's file with the time stamps of its place in a video, both counted from 0.

    Raises IndexError for a unit that is not there, and SegmentDamaged.
    """
    start, length = _fragments(path)[unit]
    with path.open("rb") as file:
        found = bytearray(_exactly(file, start, length))
    moof = int.from_bytes(found[:4], "big")
    sequence = found.index(b"mfhd", 0, moof) + 8
    struct.pack_into(">I", found, sequence, place + 1)
    at = 0
    while (at := found.find(b"tfdt", at, moof)) >= 0:
        at += 8
        struct.pack_into(">Q", found, at, place * UNIT_TICKS)
    return bytes(found)


@lru_cache(maxsize=MOST_KNOWN)
def _fragments(path: Path) -> list[tuple[int, int]]:
    """Return start and length of each unit's `moof` and `mdat` in a file of ours, which never changes."""
    found: list[tuple[int, int]] = []
    with path.open("rb") as file:
        at, end, start = 0, path.stat().st_size, 0
        while at < end:
            head = _exactly(file, at, 8)
            size, kind = int.from_bytes(head[:4], "big"), head[4:]
            if size < 8 or at + size > end:
                raise SegmentDamaged(f"{path.name} is not whole")
            if kind == b"moof":
                start = at
            at += size
            if kind == b"mdat":
                found.append((start, at - start))
    if not found:
        raise SegmentDamaged(f"{path.name} has no fragments")
    return found


def _exactly(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    found = file.read(length)
    if len(found) != length:
        raise SegmentDamaged(f"{file.name} is not whole")
    return found

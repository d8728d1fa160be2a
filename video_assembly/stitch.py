"""A recipe of segments as one progressive MP4: the header is computed, the media bytes are copied from shared files.

Nothing is stored for a viewer. Progressive, because browsers start and seek in it sooner than in fragments.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from video_assembly import mp4
from video_assembly.common_form import UNIT_MS

BLOCK = 256 * 1024
"""Most bytes that are in memory at once while a video is read."""


MOST_PIECES = 256
"""Most pieces that one system call writes; the kernel takes 1,024."""
MOST_MAPPED = 64


class UnequalInits(ValueError):
    """Segments of different encoder descriptions must not meet in one video."""


class SegmentDamaged(OSError):
    """A segment file is shorter than its index says."""


@dataclass(frozen=True)
class SegmentSource:
    """One segment as the library knows it: its file, its packed index, the digests of its init and of its bytes."""

    path: Path
    index: bytes
    init_digest: str
    digest: str


def indexes_of(parts: Sequence[SegmentSource]) -> list[mp4.SegmentIndex]:
    """Return the unpacked indexes of what may stand in one video.

    Raises UnequalInits, and ValueError for no parts or an index that is not one.
    """
    if not parts:
        raise ValueError("a video needs at least one segment")
    inits = {part.init_digest for part in parts}
    if len(inits) > 1:
        raise UnequalInits(f"segments of {len(inits)} encoder descriptions: {', '.join(sorted(inits))}")
    return [mp4.SegmentIndex.unpack(part.index) for part in parts]


class Stitched:
    """One video made of whole segments in this order; the same parts give the same bytes for ever.

    Raises UnequalInits, and ValueError for no parts or an index that is not one.
    """

    content_type = "video/mp4"

    def __init__(self, parts: Sequence[SegmentSource]) -> None:
        indexes = indexes_of(parts)
        units = np.frombuffer(b"".join(index.units.tobytes() for index in indexes), mp4.UNIT_DTYPE)
        self.header = mp4.progressive_header(indexes[0].avcc, units)
        lengths = units["audio"].sum(axis=1, dtype=np.int64) + units["video"].sum(axis=1, dtype=np.int64)
        ends = np.cumsum(lengths) + len(self.header)
        self._begins: list[int] = (ends - lengths).tolist()
        self._offsets: list[int] = units["offset"].tolist()
        self.paths = [part.path for part in parts]
        """The file of each segment."""
        self._of_part = [number for number, index in enumerate(indexes) for _ in index.units]
        self.size = int(ends[-1])
        """Bytes of the whole file."""
        self.duration_ms = len(units) * UNIT_MS
        digest = hashlib.sha256(self.header)
        for part in parts:
            digest.update(part.digest.encode())
        self.etag = f'"{digest.hexdigest()[:40]}"'
        """A strong entity tag, quotes included."""

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[memoryview]:
        """The bytes from `start` up to but not including `stop`, in full blocks of 256 KiB and a last one.

        Raises SegmentDamaged, and FileNotFoundError when a segment file is gone.
        """
        start, stop = max(start, 0), self.size if stop is None else min(stop, self.size)
        files = _Files(self.paths)
        try:
            while start < stop:
                block = memoryview(bytearray(min(BLOCK, stop - start)))
                self._fill(block, start, files)
                yield block
                start += len(block)
        finally:
            files.close()

    def save(self, target: Path) -> None:
        """Write the whole video to a file, straight out of the segments' files as they lie in memory.

        For workers: while it waits for a disk, nothing else runs in the process. Raises what `read` does.
        """
        pieces = [memoryview(self.header)]
        ends = [*self._begins[1:], self.size]
        for begin, end, offset, part in zip(self._begins, ends, self._offsets, self._of_part, strict=True):
            piece = _mapped(self.paths[part])[offset : offset + end - begin]
            if len(piece) != end - begin:
                raise SegmentDamaged(f"{self.paths[part].name} ends before its index says")
            pieces.append(piece)
        with target.open("wb", buffering=0) as file:
            while pieces:
                written = os.writev(file.fileno(), pieces[:MOST_PIECES])
                while pieces and written >= len(pieces[0]):
                    written -= len(pieces.pop(0))
                if written:
                    pieces[0] = pieces[0][written:]

    def _fill(self, block: memoryview, start: int, files: _Files) -> None:
        """Put the bytes from `start` on into the whole of `block`, read right where they belong."""
        at, stop = 0, start + len(block)
        if start < len(self.header):
            piece = self.header[start:stop]
            block[: len(piece)] = piece
            at = len(piece)
        if at == len(block):
            return
        unit = bisect_right(self._begins, start + at) - 1
        while at < len(block):
            end = self._begins[unit + 1] if unit + 1 < len(self._begins) else self.size
            wanted = min(end, stop) - start - at
            offset = self._offsets[unit] + start + at - self._begins[unit]
            files.read(self._of_part[unit], block[at : at + wanted], offset)
            at += wanted
            unit += 1


@lru_cache(maxsize=MOST_MAPPED)
def _mapped(path: Path) -> memoryview:
    """The bytes of a segment's file, which never change; mapped once for all videos that it is in."""
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


class _Files:
    """The files of a video's segments, the one that is read being open."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths, self._number, self._descriptor = paths, -1, -1

    def read(self, number: int, into: memoryview, offset: int) -> None:
        if number != self._number:
            self.close()
            self._descriptor = os.open(self._paths[number], os.O_RDONLY | os.O_CLOEXEC)
            self._number = number
        if os.preadv(self._descriptor, [into], offset) != len(into):
            raise SegmentDamaged(f"{self._paths[number].name} ends before its index says")

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._number = self._descriptor = -1

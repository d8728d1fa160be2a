"""A recipe of segments as one progressive MP4: the header is computed, the media bytes are copied from shared files.

Nothing is stored for a viewer. Progressive, because browsers start and seek in it sooner than in fragments.
"""

from __future__ import annotations

import hashlib
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from video_assembly import mp4
from video_assembly.common_form import UNIT_MS

BLOCK = 256 * 1024
"""Most bytes that are in memory at once while a video is read."""


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


class Stitched:
    """One video made of whole segments in this order; the same parts give the same bytes for ever.

    Raises UnequalInits, and ValueError for no parts or an index that is not one.
    """

    content_type = "video/mp4"

    def __init__(self, parts: Sequence[SegmentSource]) -> None:
        if not parts:
            raise ValueError("a video needs at least one segment")
        inits = {part.init_digest for part in parts}
        if len(inits) > 1:
            raise UnequalInits(f"segments of {len(inits)} encoder descriptions: {', '.join(sorted(inits))}")
        indexes = [mp4.SegmentIndex.unpack(part.index) for part in parts]
        units = np.concatenate([index.units for index in indexes])
        self.header = mp4.progressive_header(indexes[0].avcc, units)
        lengths = units["audio"].sum(axis=1, dtype=np.int64) + units["video"].sum(axis=1, dtype=np.int64)
        ends = np.cumsum(lengths) + len(self.header)
        self._begins: list[int] = (ends - lengths).tolist()
        self._offsets: list[int] = units["offset"].tolist()
        self._paths = [part.path for part, index in zip(parts, indexes, strict=True) for _ in index.units]
        self.size = int(ends[-1])
        """Bytes of the whole file."""
        self.duration_ms = len(units) * UNIT_MS
        digest = hashlib.sha256(self.header)
        for part in parts:
            digest.update(part.digest.encode())
        self.etag = f'"{digest.hexdigest()[:40]}"'
        """A strong entity tag, quotes included."""

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to but not including `stop`, in blocks of at most 256 KiB.

        Raises SegmentDamaged, and FileNotFoundError when a segment file is gone.
        """
        stop = self.size if stop is None else min(stop, self.size)
        start = max(start, 0)
        if start < min(stop, len(self.header)):
            yield self.header[start:stop]
            start = len(self.header)
        if start >= stop:
            return
        unit = bisect_right(self._begins, start) - 1
        opened: Path | None = None
        descriptor = -1
        try:
            while start < stop:
                end = self._begins[unit + 1] if unit + 1 < len(self._begins) else self.size
                path = self._paths[unit]
                if path != opened:
                    if descriptor >= 0:
                        os.close(descriptor)
                        descriptor = -1
                    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                    opened = path
                shift = self._offsets[unit] - self._begins[unit]
                while start < min(end, stop):
                    wanted = min(BLOCK, end - start, stop - start)
                    block = os.pread(descriptor, wanted, start + shift)
                    if len(block) != wanted:
                        raise SegmentDamaged(f"{path.name} ends before its index says")
                    yield block
                    start += wanted
                unit += 1
        finally:
            if descriptor >= 0:
                os.close(descriptor)

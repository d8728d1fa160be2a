"""Boxes of ISO/IEC 14496-12 (and -14, -15) as the common form needs them, and nothing more general.

Two files share their description of the tracks: a segment (an init and one fragment a unit) and a progressive video.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from video_assembly.common_form import (
    AAC_FRAME,
    AUDIO_BIT_RATE,
    FRAME_RATE,
    LARGE,
    SAMPLE_RATE,
    UNIT_AUDIO_FRAMES,
    UNIT_TICKS,
    UNIT_VIDEO_FRAMES,
    Rendition,
)

VIDEO_TRACK, AUDIO_TRACK = 1, 2
TIMESCALE = SAMPLE_RATE
FRAME_TICKS = TIMESCALE // FRAME_RATE
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_LANGUAGE_UNDETERMINED = 0x55C4
_FRAGMENT_BRANDS = b"iso6" + struct.pack(">I", 0) + b"iso6cmfcmp41"
_PROGRESSIVE_BRANDS = b"isom" + struct.pack(">I", 0) + b"isomiso2avc1mp41"
_SYNC_SAMPLE, _DEPENDENT_SAMPLE = 0x0200_0000, 0x0101_0000

UNIT_DTYPE = np.dtype(
    [("offset", "<u4"), ("audio", "<u2", (UNIT_AUDIO_FRAMES,)), ("video", "<u4", (UNIT_VIDEO_FRAMES,))]
)
_INDEX_MAGIC = b"VSx1"


def box(kind: bytes, *payload: bytes) -> bytes:
    """One box: its size, its four letters, its payload."""
    body = b"".join(payload)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, version: int, flags: int, *payload: bytes) -> bytes:
    """A box whose payload starts with a version and 24 bits of flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *payload)


def avc_configuration(sps: bytes, pps: bytes) -> bytes:
    """The AVCDecoderConfigurationRecord for High profile, 4:2:0, 8 bit (ISO/IEC 14496-15, 5.3.3.1)."""
    return b"".join(
        (
            bytes((1, sps[1], sps[2], sps[3], 0xFF, 0xE1)),
            struct.pack(">H", len(sps)) + sps,
            b"\x01" + struct.pack(">H", len(pps)) + pps,
            b"\xfd\xf8\xf8\x00",
        )
    )


def _descriptor(tag: int, *payload: bytes) -> bytes:
    body = b"".join(payload)
    assert len(body) < 128, "one length byte is enough for these descriptors"
    return bytes((tag, len(body))) + body


def _sample_entries(avcc: bytes, form: Rendition) -> tuple[bytes, bytes]:
    video = box(
        b"avc1",
        struct.pack(">6xH16xHHIIIH", 1, form.width, form.height, 0x480000, 0x480000, 0, 1),
        bytes(32),
        struct.pack(">Hh", 24, -1),
        box(b"avcC", avcc),
        box(b"colr", b"nclx", struct.pack(">HHHB", 1, 1, 1, 0)),
        box(b"pasp", struct.pack(">II", 1, 1)),
    )
    audio_specific_config = struct.pack(">H", 2 << 11 | 3 << 7 | 2 << 3)  # AAC-LC, 48 kHz, stereo
    stream = _descriptor(
        0x04,
        struct.pack(">BB3xII", 0x40, 0x15, AUDIO_BIT_RATE, AUDIO_BIT_RATE),
        _descriptor(0x05, audio_specific_config),
    )
    audio = box(
        b"mp4a",
        struct.pack(">6xH8xHH4xI", 1, 2, 16, SAMPLE_RATE << 16),
        full_box(b"esds", 0, 0, _descriptor(0x03, struct.pack(">HB", 0, 0), stream, _descriptor(0x06, b"\x02"))),
    )
    return video, audio


@dataclass(frozen=True)
class SampleTables:
    """The boxes of one track that tell where its samples are; empty ones in a fragmented file."""

    stts: bytes = struct.pack(">I", 0)
    stss: bytes | None = None
    stsc: bytes = struct.pack(">I", 0)
    stsz: bytes = struct.pack(">II", 0, 0)
    chunks: bytes = struct.pack(">I", 0)
    wide: bool = False
    """Whether the chunk offsets have 64 bits."""


def _track(track: int, entry: bytes, tables: SampleTables, duration: int, form: Rendition) -> bytes:
    video = track == VIDEO_TRACK
    size = struct.pack(">II", form.width << 16, form.height << 16) if video else struct.pack(">II", 0, 0)
    header = full_box(
        b"tkhd",
        0,
        3,
        struct.pack(">4x4xI4xI8xHHH2x", track, duration, 0, 0 if video else 1, 0 if video else 0x100),
        _MATRIX,
        size,
    )
    handler = b"vide" if video else b"soun"
    media_header = full_box(b"vmhd", 0, 1, bytes(8)) if video else full_box(b"smhd", 0, 0, bytes(4))
    sample_table = box(
        b"stbl",
        full_box(b"stsd", 0, 0, struct.pack(">I", 1), entry),
        full_box(b"stts", 0, 0, tables.stts),
        full_box(b"stss", 0, 0, tables.stss) if tables.stss is not None else b"",
        full_box(b"stsc", 0, 0, tables.stsc),
        full_box(b"stsz", 0, 0, tables.stsz),
        full_box(b"co64" if tables.wide else b"stco", 0, 0, tables.chunks),
    )
    return box(
        b"trak",
        header,
        box(
            b"mdia",
            full_box(b"mdhd", 0, 0, struct.pack(">8xIIHH", TIMESCALE, duration, _LANGUAGE_UNDETERMINED, 0)),
            full_box(b"hdlr", 0, 0, struct.pack(">4x4s12x", handler), b"picture\x00" if video else b"sound\x00"),
            box(
                b"minf",
                media_header,
                box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1))),
                sample_table,
            ),
        ),
    )


def _movie(
    avcc: bytes, form: Rendition, video: SampleTables, audio: SampleTables, duration: int, *extra: bytes
) -> bytes:
    video_entry, audio_entry = _sample_entries(avcc, form)
    header = struct.pack(">8xIIIH10x", TIMESCALE, duration, 0x10000, 0x100) + _MATRIX + bytes(24)
    return box(
        b"moov",
        full_box(b"mvhd", 0, 0, header, struct.pack(">I", AUDIO_TRACK + 1)),
        _track(VIDEO_TRACK, video_entry, video, duration, form),
        _track(AUDIO_TRACK, audio_entry, audio, duration, form),
        *extra,
    )


def init_segment(avcc: bytes, form: Rendition = LARGE) -> bytes:
    """`ftyp` and `moov` of a segment: a constant but for the SPS and PPS inside `avcc`."""
    extends = [full_box(b"trex", 0, 0, struct.pack(">5I", track, 1, 0, 0, 0)) for track in (VIDEO_TRACK, AUDIO_TRACK)]
    movie = _movie(avcc, form, SampleTables(), SampleTables(), 0, box(b"mvex", *extends))
    return box(b"ftyp", _FRAGMENT_BRANDS) + movie


def fragment(number: int, video: Sequence[bytes], audio: Sequence[bytes]) -> tuple[bytes, int]:
    """`moof` and `mdat` of unit `number` (from 0) of a segment, and where in them the audio, then the video, begins.

    The audio comes first: it is small, and a player needs some of both before it can start.
    """
    assert len(video) == UNIT_VIDEO_FRAMES, "a unit has 48 video frames"
    assert len(audio) == UNIT_AUDIO_FRAMES, "a unit has 75 audio frames"
    audio_bytes, video_bytes = b"".join(audio), b"".join(video)

    def movie_fragment(audio_at: int) -> bytes:
        def track(number_of: int, duration: int, flags: int, run: bytes) -> bytes:
            return box(
                b"traf",
                full_box(b"tfhd", 0, 0x020028, struct.pack(">III", number_of, duration, flags)),
                full_box(b"tfdt", 1, 0, struct.pack(">Q", number * UNIT_TICKS)),
                run,
            )

        video_head = struct.pack(">IiI", len(video), audio_at + len(audio_bytes), _SYNC_SAMPLE)
        video_run = full_box(b"trun", 0, 0x205, video_head, _sizes(video))
        audio_run = full_box(b"trun", 0, 0x201, struct.pack(">Ii", len(audio), audio_at), _sizes(audio))
        return box(
            b"moof",
            full_box(b"mfhd", 0, 0, struct.pack(">I", number + 1)),
            track(VIDEO_TRACK, FRAME_TICKS, _DEPENDENT_SAMPLE, video_run),
            track(AUDIO_TRACK, AAC_FRAME, _SYNC_SAMPLE, audio_run),
        )

    payload_at = len(movie_fragment(0)) + 8
    return movie_fragment(payload_at) + box(b"mdat", audio_bytes, video_bytes), payload_at


def _sizes(samples: Sequence[bytes]) -> bytes:
    return np.fromiter((len(sample) for sample in samples), ">u4", len(samples)).tobytes()


@dataclass(frozen=True)
class SegmentIndex:
    """What a stitcher must know of a segment file: how to describe its picture, and where the samples are."""

    avcc: bytes
    units: NDArray[np.void]
    """One row of `UNIT_DTYPE` a unit: offset of its audio in the file (the video follows), and the sample sizes."""

    def pack(self) -> bytes:
        """The index as bytes for a database row, about 350 a unit."""
        return struct.pack("<4sHH", _INDEX_MAGIC, len(self.avcc), len(self.units)) + self.avcc + self.units.tobytes()

    @classmethod
    def unpack(cls, packed: bytes) -> SegmentIndex:
        """Raises ValueError for bytes that `pack` did not make."""
        if len(packed) < 8:
            raise ValueError("this segment index is cut short")
        magic, avcc_size, count = struct.unpack_from("<4sHH", packed)
        if magic != _INDEX_MAGIC or len(packed) != 8 + avcc_size + count * UNIT_DTYPE.itemsize or not count:
            raise ValueError("this is not a segment index of this version")
        units = np.frombuffer(packed, UNIT_DTYPE, count, 8 + avcc_size)
        return cls(packed[8 : 8 + avcc_size], units)


def progressive_header(avcc: bytes, units: NDArray[np.void]) -> bytes:
    """`ftyp`, `moov` and the head of the `mdat` of a video made of these units: for each its audio, then its video."""
    audio = units["audio"].sum(axis=1, dtype=np.int64)
    totals = audio + units["video"].sum(axis=1, dtype=np.int64)
    payload = int(totals.sum())
    wide = payload + 65_536 + len(units) * 700 > 0xFFFF_FFFF
    starts = np.cumsum(totals) - totals + _header_length(avcc, len(units), wide)
    return _progressive(avcc, units, starts, starts + audio, payload, wide)


def _header_length(avcc: bytes, count: int, wide: bool) -> int:
    """The length of a header, which the chunk offsets in it have to know."""
    of_a_unit = 4 * (UNIT_VIDEO_FRAMES + UNIT_AUDIO_FRAMES) + 4 + 2 * (8 if wide else 4)
    return _length_for_one(avcc, wide) + (count - 1) * of_a_unit


@lru_cache(maxsize=64)
def _length_for_one(avcc: bytes, wide: bool) -> int:
    nowhere = np.zeros(1, np.int64)
    return len(_progressive(avcc, np.zeros(1, UNIT_DTYPE), nowhere, nowhere, 0, wide))


def _progressive(
    avcc: bytes,
    units: NDArray[np.void],
    audio_at: NDArray[np.int64],
    video_at: NDArray[np.int64],
    payload: int,
    wide: bool,
) -> bytes:
    count = len(units)

    def tables(name: str, per_unit: int, ticks: int, at: NDArray[np.int64], stss: bytes | None) -> SampleTables:
        return SampleTables(
            stts=struct.pack(">III", 1, count * per_unit, ticks),
            stss=stss,
            stsc=struct.pack(">IIII", 1, 1, per_unit, 1),
            stsz=struct.pack(">II", 0, count * per_unit) + units[name].astype(">u4").tobytes(),
            chunks=struct.pack(">I", count) + at.astype(">u8" if wide else ">u4").tobytes(),
            wide=wide,
        )

    keyframes = np.arange(1, count * UNIT_VIDEO_FRAMES + 1, UNIT_VIDEO_FRAMES).astype(">u4").tobytes()
    video = tables("video", UNIT_VIDEO_FRAMES, FRAME_TICKS, video_at, struct.pack(">I", count) + keyframes)
    audio = tables("audio", UNIT_AUDIO_FRAMES, AAC_FRAME, audio_at, None)
    movie = _movie(avcc, LARGE, video, audio, count * UNIT_TICKS)
    head = struct.pack(">I4sQ", 1, b"mdat", 16 + payload) if wide else struct.pack(">I4s", 8 + payload, b"mdat")
    return box(b"ftyp", _PROGRESSIVE_BRANDS) + movie + head

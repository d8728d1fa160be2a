"""Boxes: an independent reader finds in them what was put there."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from video_assembly import mp4
from video_assembly.common_form import UNIT_AUDIO_FRAMES, UNIT_TICKS, UNIT_VIDEO_FRAMES

AVCC = mp4.avc_configuration(b"\x67\x64\x00\x1f" + bytes(20), b"\x68\xee\x3c\x80")


def boxes(data: bytes, start: int = 0, stop: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the payload of each box, one level deep."""
    stop = len(data) if stop is None else stop
    while start < stop:
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, start + 8)[0], 16
        yield kind, start + head, min(start + size, stop)
        start += size


def payload(data: bytes, *path: bytes, number: int = 0) -> bytes:
    """The payload of the box at this path; `number` counts the boxes of the first kind in it."""
    for kind in path:
        found = [data[start:end] for name, start, end in boxes(data) if name == kind]
        data = found[number if kind == b"trak" else 0]
    return data


def units(count: int, seed: int = 1) -> np.ndarray:
    rows = np.zeros(count, mp4.UNIT_DTYPE)
    random = np.random.default_rng(seed)
    rows["offset"] = random.integers(1000, 1_000_000, count)
    rows["audio"] = random.integers(1, 1500, (count, UNIT_AUDIO_FRAMES))
    rows["video"] = random.integers(1, 60_000, (count, UNIT_VIDEO_FRAMES))
    return rows


def test_a_progressive_header_tells_where_every_sample_is() -> None:
    rows = units(3)
    header = mp4.progressive_header(AVCC, rows)
    kinds = [kind for kind, _, _ in boxes(header)]
    assert kinds == [b"ftyp", b"moov", b"mdat"]
    movie = payload(header, b"moov")
    at = len(header)
    for unit, row in enumerate(rows):
        for track, name in ((1, "audio"), (0, "video")):
            table = payload(movie, b"trak", b"mdia", b"minf", b"stbl", number=track)
            [offset] = struct.unpack_from(">I", payload(table, b"stco"), 8 + 4 * unit)
            assert offset == at
            sizes = np.frombuffer(payload(table, b"stsz")[12:], ">u4").reshape(3, -1)
            assert sizes[unit].tolist() == row[name].tolist()
            at += int(row[name].sum())
    mdat_size = struct.unpack_from(">I", header, len(header) - 8)[0]
    assert mdat_size == 8 + at - len(header)


def test_durations_and_key_frames() -> None:
    movie = payload(mp4.progressive_header(AVCC, units(4)), b"moov")
    table = payload(movie, b"trak", b"mdia", b"minf", b"stbl")
    assert struct.unpack(">IIII", payload(table, b"stts")) == (0, 1, 4 * 48, 1600)
    assert struct.unpack(">6I", payload(table, b"stss")) == (0, 4, 1, 49, 97, 145)
    assert struct.unpack_from(">II", payload(movie, b"mvhd"), 12) == (48_000, 4 * UNIT_TICKS)


def test_past_four_gigabytes_offsets_have_64_bits() -> None:
    rows = units(2)
    rows["video"] = 60_000_000
    header = mp4.progressive_header(AVCC, rows)
    table = payload(header, b"moov", b"trak", b"mdia", b"minf", b"stbl")
    offsets = np.frombuffer(payload(table, b"co64")[8:], ">u8")
    assert offsets[0] == len(header) + int(rows["audio"][0].sum())
    assert offsets[1] > 2**31
    assert struct.unpack_from(">I4sQ", header, len(header) - 16)[::2] == (1, 16 + int(_total(rows)))


def _total(rows: np.ndarray) -> int:
    return int(rows["audio"].sum(dtype=np.int64) + rows["video"].sum(dtype=np.int64))


def test_a_fragment_points_at_its_bytes() -> None:
    video = [bytes([1]) * size for size in range(1, UNIT_VIDEO_FRAMES + 1)]
    audio = [bytes([2]) * size for size in range(1, UNIT_AUDIO_FRAMES + 1)]
    data, payload_at = mp4.fragment(5, video, audio)
    assert data[payload_at : payload_at + len(b"".join(audio))] == b"".join(audio)
    assert data.endswith(b"".join(video))
    moof = payload(data, b"moof")
    tracks = [moof[start:end] for kind, start, end in boxes(moof) if kind == b"traf"]
    count, offset = struct.unpack_from(">Ii", payload(tracks[0], b"trun"), 4)
    assert (count, data[offset]) == (UNIT_VIDEO_FRAMES, 1)
    count, offset = struct.unpack_from(">Ii", payload(tracks[1], b"trun"), 4)
    assert (count, data[offset], offset) == (UNIT_AUDIO_FRAMES, 2, payload_at)
    for track in tracks:
        assert struct.unpack(">IQ", payload(track, b"tfdt")) == (1 << 24, 5 * UNIT_TICKS)


@given(st.integers(1, 4), st.binary(min_size=10, max_size=80), st.integers(0, 1000))
def test_an_index_survives_packing(count: int, avcc: bytes, seed: int) -> None:
    index = mp4.SegmentIndex(avcc, units(count, seed))
    again = mp4.SegmentIndex.unpack(index.pack())
    assert again.avcc == avcc
    assert np.array_equal(again.units, index.units)


@given(st.binary(max_size=400))
def test_what_is_not_an_index_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="segment index"):
        mp4.SegmentIndex.unpack(data)


def test_a_cut_index_is_a_value_error() -> None:
    packed = mp4.SegmentIndex(AVCC, units(2)).pack()
    for size in (0, 7, 20, len(packed) - 1):
        with pytest.raises(ValueError, match="segment index"):
            mp4.SegmentIndex.unpack(packed[:size])

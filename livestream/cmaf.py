"""Fragmented MP4 as live HLS and recordings need it (ISO/IEC 14496-12 and -15, Opus in ISOBMFF, RFC 8216).

Track 1 is the picture, track 2 the sound. A fragment holds one track, so that the same bytes of picture stand before
Opus for one player and before AAC for another.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from livestream.h264 import Parameters, picture

VIDEO_TRACK, SOUND_TRACK = 1, 2
VIDEO_RATE, SOUND_RATE = 90_000, 48_000
AAC_BIT_RATE = 128_000
MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
BRANDS = b"iso6" + struct.pack(">I", 0) + b"iso6cmfcmp41"
UNDETERMINED = 0x55C4
SYNC_SAMPLE, DEPENDENT_SAMPLE = 0x0200_0000, 0x0101_0000
HIGH_PROFILES = frozenset({100, 110, 122, 144})


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture or piece of sound; `duration` and `offset` (when it is shown, after its decoding) in ticks."""

    data: bytes
    duration: int
    key: bool = True
    offset: int = 0


def box(kind: bytes, *payload: bytes) -> bytes:
    """One box: its size, its four letters, its payload."""
    body = b"".join(payload)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, version: int, flags: int, *payload: bytes) -> bytes:
    """A box whose payload starts with a version and 24 bits of flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *payload)


def init(parameters: Parameters, sound: str | None) -> bytes:
    """`ftyp` and `moov` for a picture with these parameter sets and `opus`, `aac` or no sound.

    Raises ValueError for parameter sets that cannot be read.
    """
    tracks = [_track(VIDEO_TRACK, VIDEO_RATE, _video_entry(parameters), parameters)]
    if sound is not None:
        tracks.append(_track(SOUND_TRACK, SOUND_RATE, _opus_entry() if sound == "opus" else _aac_entry(), None))
    extends = [full_box(b"trex", 0, 0, struct.pack(">5I", n + 1, 1, 0, 0, 0)) for n in range(len(tracks))]
    header = struct.pack(">8xIIIH10x", 1000, 0, 0x10000, 0x100) + MATRIX + bytes(24) + struct.pack(">I", 3)
    movie = box(b"moov", full_box(b"mvhd", 0, 0, header), *tracks, box(b"mvex", *extends))
    return box(b"ftyp", BRANDS) + movie


def fragment(number: int, track: int, start: int, samples: Sequence[Sample]) -> bytes:
    """`moof` and `mdat` with samples of one track that follow each other from the tick `start` on."""
    shifted = any(sample.offset for sample in samples)
    flags = 0x000701 | (0x800 if shifted else 0)
    rows = b"".join(
        struct.pack(">III", sample.duration, len(sample.data), SYNC_SAMPLE if sample.key else DEPENDENT_SAMPLE)
        + (struct.pack(">i", sample.offset) if shifted else b"")
        for sample in samples
    )

    def head(payload_at: int) -> bytes:
        run = full_box(b"trun", 1, flags, struct.pack(">Ii", len(samples), payload_at), rows)
        return box(
            b"moof",
            full_box(b"mfhd", 0, 0, struct.pack(">I", number)),
            box(
                b"traf",
                full_box(b"tfhd", 0, 0x020000, struct.pack(">I", track)),
                full_box(b"tfdt", 1, 0, struct.pack(">Q", start)),
                run,
            ),
        )

    return head(len(head(0)) + 8) + box(b"mdat", *(sample.data for sample in samples))


#: Where a fragment of ours has its start, its count of samples, and the rows about them.
_START_AT, _COUNT_AT, _ROWS_AT = 60, 80, 88


def sound_samples(data: bytes) -> tuple[int, list[Sample]]:
    """Read back a fragment of sound that `fragment` made: its first tick and its samples."""
    (start,) = struct.unpack_from(">Q", data, _START_AT)
    count, at = struct.unpack_from(">Ii", data, _COUNT_AT)
    found = []
    for duration, size, _ in struct.iter_unpack(">III", data[_ROWS_AT : _ROWS_AT + 12 * count]):
        found.append(Sample(data[at : at + size], duration))
        at += size
    return start, found


def _track(number: int, rate: int, entry: bytes, parameters: Parameters | None) -> bytes:
    size = struct.pack(">II", 0, 0)
    if parameters is not None:
        shown = picture(parameters.sps)
        size = struct.pack(">II", shown.width << 16, shown.height << 16)
    visible = parameters is not None
    times = struct.pack(">4x4xI4xI8xHHH2x", number, 0, 0, 0 if visible else 1, 0 if visible else 0x100)
    empty = struct.pack(">I", 0)
    table = box(
        b"stbl",
        full_box(b"stsd", 0, 0, struct.pack(">I", 1), entry),
        full_box(b"stts", 0, 0, empty),
        full_box(b"stsc", 0, 0, empty),
        full_box(b"stsz", 0, 0, struct.pack(">II", 0, 0)),
        full_box(b"stco", 0, 0, empty),
    )
    handler = (b"vide", b"picture\x00") if visible else (b"soun", b"sound\x00")
    return box(
        b"trak",
        full_box(b"tkhd", 0, 3, times, MATRIX, size),
        box(
            b"mdia",
            full_box(b"mdhd", 0, 0, struct.pack(">8xIIHH", rate, 0, UNDETERMINED, 0)),
            full_box(b"hdlr", 0, 0, struct.pack(">4x4s12x", handler[0]), handler[1]),
            box(
                b"minf",
                full_box(b"vmhd", 0, 1, bytes(8)) if visible else full_box(b"smhd", 0, 0, bytes(4)),
                box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1))),
                table,
            ),
        ),
    )


def _video_entry(parameters: Parameters) -> bytes:
    sps, shown = parameters.sps, picture(parameters.sps)
    record = bytes((1, sps[1], sps[2], sps[3], 0xFF, 0xE1)) + struct.pack(">H", len(sps)) + sps
    record += bytes((len(parameters.pps),))
    record += b"".join(struct.pack(">H", len(pps)) + pps for pps in parameters.pps)
    if sps[1] in HIGH_PROFILES:
        # 4:2:0 with 8 bits is the only form that rooms negotiate.
        record += b"\xfd\xf8\xf8\x00"
    return box(
        b"avc1",
        struct.pack(">6xH16xHHIIIH", 1, shown.width, shown.height, 0x480000, 0x480000, 0, 1),
        bytes(32),
        struct.pack(">Hh", 24, -1),
        box(b"avcC", record),
    )


def _opus_entry() -> bytes:
    # Nothing is skipped at the start: a recording begins in the middle of what the microphone sends.
    described = struct.pack(">BBHIhB", 0, 2, 0, SOUND_RATE, 0, 0)
    return box(b"Opus", struct.pack(">6xH8xHH4xI", 1, 2, 16, SOUND_RATE << 16), box(b"dOps", described))


def _aac_entry() -> bytes:
    configuration = struct.pack(">H", 2 << 11 | 3 << 7 | 2 << 3)  # AAC-LC, 48 kHz, stereo
    rates = struct.pack(">BB3xII", 0x40, 0x15, AAC_BIT_RATE, AAC_BIT_RATE)
    stream = _descriptor(0x04, rates, _descriptor(0x05, configuration))
    whole = _descriptor(0x03, struct.pack(">HB", 0, 0), stream, _descriptor(0x06, b"\x02"))
    return box(b"mp4a", struct.pack(">6xH8xHH4xI", 1, 2, 16, SOUND_RATE << 16), full_box(b"esds", 0, 0, whole))


def _descriptor(tag: int, *payload: bytes) -> bytes:
    body = b"".join(payload)
    assert len(body) < 128, "one length byte is enough for these descriptors"
    return bytes((tag, len(body))) + body

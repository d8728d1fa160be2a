"""H.264 out of RTP payloads (RFC 6184), and what a parameter set says about the picture (ITU-T H.264, 7.3.2.1)."""

from collections.abc import Iterator
from dataclasses import dataclass

from livestream.reorder import Arrived
from livestream.rtp import H264_FU_A, H264_IDR, H264_SPS, H264_STAP_A

PPS = 8
#: Not part of a sample: parameter sets stand in the init, delimiters and filler tell a player nothing.
LEFT_OUT = frozenset({H264_SPS, PPS, 9, 10, 11, 12})
#: Bytes of one picture; a keyframe of 1080p at a generous rate has a tenth of that.
LARGEST_FRAME = 4 * 1024 * 1024
#: Profiles whose parameter sets describe chroma and bit depth (7.3.2.1.1).
HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
LARGEST_SIDE = 8192


@dataclass(frozen=True)
class Parameters:
    """The parameter sets that a decoder starts from."""

    sps: bytes
    pps: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture: its NAL units, each behind four bytes of length, as files hold them."""

    ticks: int
    key: bool
    data: bytes
    parameters: Parameters
    at: float


class Depacketiser:
    """Puts pictures together; after a loss nothing comes out until the next whole keyframe."""

    def __init__(self) -> None:
        #: Whether a keyframe is needed to go on.
        self.waiting = True
        self.lost = 0
        self._parameters: Parameters | None = None
        self._units: list[bytes] = []
        self._size = 0
        self._piece: bytearray | None = None
        self._newest: Arrived | None = None
        self._broken = False

    def push(self, packet: Arrived, lost: bool) -> Iterator[Frame]:
        """Take the next packet in order; `lost` says that some before it are missing."""
        if lost:
            self.lost += 1
            self._miss()
        newest = self._newest
        if newest is not None and newest.ticks != packet.ticks:
            yield from self._finish(newest)
        self._newest = packet
        self._take(packet.body)
        if packet.marker:
            yield from self._finish(packet)

    def _miss(self) -> None:
        self._broken = self.waiting = True
        self._piece = None

    def _take(self, body: bytes) -> None:
        if not body:
            return
        kind = body[0] & 0x1F
        if kind == H264_FU_A:
            self._take_piece(body)
        elif kind == H264_STAP_A:
            position = 1
            while position + 2 < len(body):
                size = body[position] << 8 | body[position + 1]
                unit = body[position + 2 : position + 2 + size]
                if len(unit) < size or not size:
                    self._miss()
                    return
                self._add(unit)
                position += 2 + size
        elif 0 < kind < H264_STAP_A:
            self._add(body)
        else:
            self._miss()

    def _take_piece(self, body: bytes) -> None:
        if len(body) < 3:
            self._miss()
        elif body[1] & 0x80:
            self._piece = bytearray((body[0] & 0xE0 | body[1] & 0x1F,)) + body[2:]
        elif self._piece is None:
            self._miss()
        else:
            self._piece += body[2:]
            if len(self._piece) > LARGEST_FRAME:
                self._miss()
        if self._piece is not None and body[1] & 0x40:
            self._add(bytes(self._piece))
            self._piece = None

    def _add(self, unit: bytes) -> None:
        self._size += len(unit)
        if self._size > LARGEST_FRAME:
            self._miss()
        else:
            self._units.append(unit)

    def _finish(self, last: Arrived) -> Iterator[Frame]:
        units, broken = self._units, self._broken or self._piece is not None
        self._units, self._size, self._piece, self._broken, self._newest = [], 0, None, False, None
        if not units:
            return
        if broken:
            self.waiting = True
            return
        self._keep_parameters(units)
        key = any(unit[0] & 0x1F == H264_IDR for unit in units)
        if (self.waiting and not key) or self._parameters is None:
            self.waiting = True
            return
        pictures = [unit for unit in units if unit[0] & 0x1F not in LEFT_OUT]
        if not pictures:
            return
        self.waiting = False
        data = b"".join(len(unit).to_bytes(4, "big") + unit for unit in pictures)
        yield Frame(last.ticks, key, data, self._parameters, last.at)

    def _keep_parameters(self, units: list[bytes]) -> None:
        sps = [unit for unit in units if unit[0] & 0x1F == H264_SPS and len(unit) > 4]
        pps = tuple(dict.fromkeys(unit for unit in units if unit[0] & 0x1F == PPS and len(unit) > 1))
        known = self._parameters
        if sps and (pps or known is not None):
            self._parameters = Parameters(sps[-1], pps or (known.pps if known is not None else ()))
        elif pps and known is not None:
            self._parameters = Parameters(known.sps, pps)


@dataclass(frozen=True)
class Picture:
    """What a parameter set says: pixels as shown, and the codec's name in RFC 6381's form."""

    width: int
    height: int
    codec: str


def picture(sps: bytes) -> Picture:
    """Read a sequence parameter set; raises ValueError when it is malformed or larger than 8192 pixels a side."""
    profile = sps[1]
    bits = _Bits(sps[4:].replace(b"\x00\x00\x03", b"\x00\x00"))
    bits.unsigned()
    chroma = 1
    if profile in HIGH_PROFILES:
        chroma = bits.unsigned()
        if chroma == 3:
            bits.take(1)
        bits.unsigned()
        bits.unsigned()
        bits.take(1)
        if bits.take(1):
            raise ValueError("a parameter set with scaling lists is not read")
    bits.unsigned()
    order = bits.unsigned()
    if order == 0:
        bits.unsigned()
    elif order == 1:
        bits.take(1)
        bits.unsigned()
        bits.unsigned()
        for _ in range(min(bits.unsigned(), 256)):
            bits.unsigned()
    bits.unsigned()
    bits.take(1)
    across, down = bits.unsigned() + 1, bits.unsigned() + 1
    frames_only = bits.take(1)
    if not frames_only:
        bits.take(1)
    bits.take(1)
    width, height = across * 16, down * 16 * (2 - frames_only)
    if bits.take(1):
        unit_x = 2 if chroma in (1, 2) else 1
        unit_y = (2 if chroma == 1 else 1) * (2 - frames_only)
        width -= (bits.unsigned() + bits.unsigned()) * unit_x
        height -= (bits.unsigned() + bits.unsigned()) * unit_y
    if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE):
        raise ValueError(f"a picture of {width} x {height} is not recorded")
    return Picture(width, height, f"avc1.{sps[1]:02x}{sps[2]:02x}{sps[3]:02x}")


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ValueError("the parameter set is cut short")
        return self._value >> self._left & (1 << count) - 1

    def unsigned(self) -> int:
        """One Exp-Golomb number (9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 31:
                raise ValueError("the parameter set has a number of more than 32 bits")
        return (1 << zeros) - 1 + (self.take(zeros) if zeros else 0)

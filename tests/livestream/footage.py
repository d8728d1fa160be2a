"""A publisher without a network: real H.264 and Opus as the messages that the media process sends the recorder."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from livestream import tap
from livestream.recorder import Stream

LARGEST = 1100
RATE = 25
TRACKS = {"video": {"codec": "h264", "rate": 90_000}, "audio": {"codec": "opus", "rate": 48_000}}


@dataclass
class Message:
    """One packet: the second of its capture, its letter, and what is sent."""

    at: float
    letter: bytes
    ticks: int
    marker: bool
    body: bytes


def description(room: str = "room", tracks: dict[str, object] | None = None) -> dict[str, object]:
    """How a stream is described."""
    return {"room": room, "session": "s", "tracks": TRACKS if tracks is None else tracks}


def units(data: bytes) -> list[bytes]:
    """Take an access unit with start codes apart."""
    return [unit for unit in data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if unit]


def pictures(seconds: float, size: tuple[int, int] = (320, 180), gop: int = RATE, start: float = 0.0) -> list[Message]:
    """A moving picture in baseline H.264, packetised by RFC 6184: STAP-A for parameter sets, FU-A for what is large."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
    encoder.time_base = Fraction(1, RATE)
    encoder.gop_size = gop
    encoder.options = {"profile": "baseline", "preset": "ultrafast", "tune": "zerolatency", "x264-params": "scenecut=0"}
    made = []
    for number in range(round(seconds * RATE)):
        picture = np.zeros((size[1], size[0], 3), np.uint8)
        picture[:, :, 1] = (np.arange(size[0]) * 3 + number * 7) % 256
        picture[number % size[1] :: 7, :, 0] = 200
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = number
        for packet in encoder.encode(frame):
            at = start + number / RATE
            bodies = list(payloads(units(bytes(packet))))
            for place, body in enumerate(bodies):
                made.append(Message(at, b"V", round(at * 90_000), place == len(bodies) - 1, body))
    return made


def payloads(found: list[bytes]) -> Iterator[bytes]:
    """RTP payloads of an access unit."""
    sets = [unit for unit in found if unit[0] & 0x1F in (7, 8)]
    if sets:
        yield b"\x78" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in sets)
    for unit in found:
        if unit[0] & 0x1F in (7, 8, 6, 9):
            continue
        if len(unit) <= LARGEST:
            yield unit
            continue
        pieces = [unit[at : at + LARGEST] for at in range(1, len(unit), LARGEST)]
        for place, piece in enumerate(pieces):
            flags = 0x80 if place == 0 else 0x40 if place == len(pieces) - 1 else 0
            yield bytes((unit[0] & 0xE0 | 28, flags | unit[0] & 0x1F)) + piece


def tone(seconds: float, start: float = 0.0) -> list[Message]:
    """A tone of 440 Hz in Opus, 20 ms a packet."""
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", "s16"
    made = []
    for number in range(round(seconds * 50)):
        wave = np.sin(2 * np.pi * 440 * (np.arange(960) + number * 960) / 48_000) * 9000
        frame = av.AudioFrame.from_ndarray(np.repeat(wave.astype(np.int16), 2)[None, :], format="s16", layout="stereo")
        frame.sample_rate, frame.pts = 48_000, number * 960
        for packet in encoder.encode(frame):
            at = start + number / 50
            made.append(Message(at, b"A", round(at * 48_000), True, bytes(packet)))
    return made


class Recorded:
    """A stream into a folder, fed message by message on a clock of its own; `asked` counts requests for keyframes."""

    def __init__(
        self, folder: Path, tracks: dict[str, object] | None = None, room: str = "room", longest: float = 3600.0
    ) -> None:
        self.asked = 0
        self.stream = Stream(description(room, tracks), folder, self._ask, 0, longest)
        self._numbers = {b"V": 65_000, b"A": 7}
        self._clock = 1000.0
        #: The second behind what was sent.
        self.fed = 0.0

    def _ask(self) -> None:
        self.asked += 1

    def feed(self, *tracks: list[Message], late: float = 0.0) -> None:
        """Send packets in the order of their capture, each `late` seconds after it."""
        for message in sorted((each for track in tracks for each in track), key=lambda each: each.at):
            self.number(message.letter)
            self.send(message, self._numbers[message.letter], late)
            if message.letter == b"V":
                self.fed = message.at + 1 / RATE

    def number(self, letter: bytes) -> int:
        """Use up one sequence number."""
        self._numbers[letter] += 1
        return self._numbers[letter]

    def send(self, message: Message, number: int, late: float = 0.0) -> None:
        """Send one packet under a number."""
        flags = tap.MARKER if message.marker else 0
        # Timestamps roll over in the middle of the test.
        stamp = (message.ticks + 0xFFFFFFFF - 300_000) & 0xFFFFFFFF
        head = tap.PACKET.pack(message.letter, number, stamp, flags)
        self.stream.take(head + message.body, self._clock + message.at + late)
        self.stream.look(self._clock + message.at + late)

    def report(self, letter: bytes, at: float, ticks: int, clock: float) -> None:
        """Say by the publisher's clock when a timestamp was, at the second `at`."""
        stamp = (ticks + 0xFFFFFFFF - 300_000) & 0xFFFFFFFF
        self.stream.take(tap.CLOCK.pack(letter.lower(), round(clock * 2**32), stamp), self._clock + at)

    def wait(self, at: float) -> None:
        """Let time pass."""
        self.stream.look(self._clock + at)

    def began(self, second: float) -> datetime:
        """The instant of a second of the footage."""
        return datetime.fromtimestamp(self._clock + second + self.stream._wall, UTC)

    def close(self, at: float) -> None:
        """End the stream."""
        self.stream.close(self._clock + at)

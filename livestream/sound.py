"""A room's sound in its two forms: Opus as it came, without gaps, and one AAC encode of it for Safari."""

import logging
from collections import deque

import av
from av.error import FFmpegError

from livestream.cmaf import AAC_BIT_RATE, SOUND_RATE, Sample

logger = logging.getLogger(__name__)

AAC_FRAME = 1024
#: 20 ms of stereo silence (RFC 6716: a full-band CELT frame that holds nothing).
SILENCE = b"\xfc\xff\xfe"
SILENT_TICKS = 960
#: Ticks by which a packet may come early or late and still stand beside the last one: its capture time is rounded.
TOLERANCE = 40 * SOUND_RATE // 1000
#: Samples of a packet by its configuration (RFC 6716, table 2), in groups of four lengths.
_SILK, _HYBRID, _CELT = (480, 960, 1920, 2880), (480, 960), (120, 240, 480, 960)
#: A packet holds at most 120 ms.
LONGEST_PACKET = 5760


def opus_ticks(packet: bytes) -> int:
    """How many ticks of 48 kHz a packet lasts; 0 for a malformed one (RFC 6716 section 3.1)."""
    if not packet:
        return 0
    configuration, count = packet[0] >> 3, packet[0] & 3
    if configuration < 12:
        frame = _SILK[configuration & 3]
    elif configuration < 16:
        frame = _HYBRID[configuration & 1]
    else:
        frame = _CELT[configuration & 3]
    if count == 3:
        if len(packet) < 2:
            return 0
        frames = packet[1] & 0x3F
    else:
        frames = 1 if count == 0 else 2
    ticks = frames * frame
    return ticks if 0 < ticks <= LONGEST_PACKET else 0


class Sound:
    """Samples from the tick `start` on, each beginning where the one before ends; silence stands for what is lost."""

    def __init__(self, start: int) -> None:
        self.end = start
        self.silent = 0
        self._opus: deque[tuple[int, Sample]] = deque()
        self._aac: deque[tuple[int, Sample]] = deque()
        self._aac_end = start
        self._encoder = _Aac()

    @property
    def ready(self) -> int:
        """Up to which tick there is sound in both forms."""
        return min(self.end, self._aac_end)

    def add(self, packet: bytes, at: int) -> None:
        """Take an Opus packet whose place is the tick `at`; one for a time that has passed is dropped."""
        ticks = opus_ticks(packet)
        if not ticks or at < self.end - TOLERANCE:
            return
        if at > self.end + TOLERANCE:
            self.fill(at - TOLERANCE // 2)
        self._append(packet, ticks)

    def fill(self, until: int) -> None:
        """Put silence up to the tick `until`, in whole packets."""
        while self.end + SILENT_TICKS <= until:
            self.silent += SILENT_TICKS
            self._append(SILENCE, SILENT_TICKS)

    def take(self, until: int) -> tuple[tuple[int, list[Sample]], tuple[int, list[Sample]]]:
        """Hand over what begins before the tick `until`, as Opus and as AAC: the first tick and the samples."""
        return _take(self._opus, until), _take(self._aac, until)

    def _append(self, packet: bytes, ticks: int) -> None:
        self._opus.append((self.end, Sample(packet, ticks)))
        self.end += ticks
        for frame in self._encoder.encode(packet, ticks):
            self._aac.append((self._aac_end, Sample(frame, AAC_FRAME)))
            self._aac_end += AAC_FRAME


def _take(queue: deque[tuple[int, Sample]], until: int) -> tuple[int, list[Sample]]:
    first = queue[0][0] if queue else until
    taken = []
    while queue and queue[0][0] < until:
        taken.append(queue.popleft()[1])
    return first, taken


class _Aac:
    """Decodes Opus and encodes AAC; a packet that cannot be decoded becomes silence of its length."""

    def __init__(self) -> None:
        self._decoder = self._new_decoder()
        self._encoder = av.CodecContext.create("aac", "w")
        self._encoder.sample_rate = SOUND_RATE
        self._encoder.layout = "stereo"
        self._encoder.format = "fltp"
        self._encoder.bit_rate = AAC_BIT_RATE
        # A third of the default's CPU; at this bitrate nobody hears the difference (FFmpeg's codecs manual, "aac").
        self._encoder.options = {"aac_coder": "fast"}
        self._fifo = av.AudioFifo()
        self._place = 0
        self._primed = False

    def encode(self, packet: bytes, ticks: int) -> list[bytes]:
        encoded: list[bytes] = []
        for frame in self._decoded(packet, ticks):
            frame.pts = None
            self._fifo.write(frame)
        while (block := self._fifo.read(AAC_FRAME)) is not None:
            block.pts = self._place
            self._place += AAC_FRAME
            for each in self._encoder.encode(block):
                # The first frame only primes a decoder, for 21 ms before the sound's beginning.
                if self._primed:
                    encoded.append(bytes(each))
                self._primed = True
        return encoded

    def _decoded(self, packet: bytes, ticks: int) -> list[av.AudioFrame]:
        try:
            frames = self._decoder.decode(av.Packet(packet))
        except FFmpegError as error:
            logger.debug("an Opus packet cannot be decoded: %s", error)
            self._decoder = self._new_decoder()
            frames = []
        if sum(frame.samples for frame in frames) == ticks and all(len(frame.layout.channels) == 2 for frame in frames):
            return frames
        # The forms must stay equally long.
        silent = av.AudioFrame(format="fltp", layout="stereo", samples=ticks)
        silent.sample_rate = SOUND_RATE
        for plane in silent.planes:
            plane.update(bytes(plane.buffer_size))
        return [silent]

    @staticmethod
    def _new_decoder() -> av.AudioCodecContext:
        decoder = av.CodecContext.create("opus", "r")
        assert isinstance(decoder, av.AudioCodecContext), "Opus is sound"
        decoder.sample_rate = SOUND_RATE
        decoder.layout = "stereo"
        return decoder

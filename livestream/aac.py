"""A recording's sound as AAC for players without Opus in MP4 (Safari): made of a segment when somebody asks for it.

Each segment is encoded by itself, with so much of the sound before it that the encoder has settled, and on one grid of
frames for the whole recording: what is decoded has no seam.
"""

import hashlib
import logging
import os
import threading

import av
from av.error import FFmpegError

from livestream import cmaf
from livestream.cmaf import AAC_BIT_RATE, SOUND_RATE, SOUND_TRACK, Sample
from livestream.recording import Places, Recording

logger = logging.getLogger(__name__)

FRAME = 1024
#: Frames by which a segment's AAC ends before its Opus does: an encoder's frame needs the sound that follows it, and
#: the newest segment's is not there yet. The next segment has them.
HELD = 3
#: Frames that are encoded before the first that is kept, and ticks of sound before those: RFC 7845 section 4.6 says
#: that an Opus decoder has converged after 80 ms.
SETTLE = 4
CONVERGE = 3840
_alone = threading.Lock()


def segment(recording: Recording, number: int) -> Places:
    """Where the AAC of a segment lies; it is encoded if nobody asked before. Takes some 30 ms of one core then.

    Raises OSError when it cannot be written.
    """
    name = f"{_folder(recording)}/{number:06}.m4s"
    path = recording.folder / name
    if not path.exists():
        with _alone:
            if not path.exists():
                path.parent.mkdir(mode=0o700, exist_ok=True)
                made = path.with_suffix(".new")
                made.write_bytes(_encode(recording, number))
                os.replace(made, path)
    size = path.stat().st_size
    return ((name, 0, size),) if size else ()


def _folder(recording: Recording) -> str:
    # A recording that was begun anew has the numbers of the one before.
    return f"aac-{hashlib.sha256(recording.head_line).hexdigest()[:12]}"


def _encode(recording: Recording, number: int) -> bytes:
    begin, packets = _opus(recording, number)
    if not packets:
        return b""
    end = begin + sum(packet.duration for packet in packets)
    wanted = (HELD + SETTLE) * FRAME + CONVERGE
    at, continued = begin, False
    for earlier in range(number - 1, -1, -1):
        before, tail = _opus(recording, earlier)
        if not tail or before + sum(packet.duration for packet in tail) != at:
            break
        continued = True
        while tail and begin - at < wanted:
            packets.insert(0, tail.pop())
            at -= packets[0].duration
        if begin - at >= wanted:
            break
    first = -(-(begin - HELD * FRAME if continued else begin) // FRAME)
    stop = -(-(end - HELD * FRAME) // FRAME)
    first = max(first, -(-at // FRAME))
    start = max(first - SETTLE, -(-at // FRAME))
    frames = _Encoder(start * FRAME - at).encode(packets)[first - start : stop - start]
    if not frames:
        return b""
    return cmaf.fragment(2 * number + 2, SOUND_TRACK, first * FRAME, [Sample(frame, FRAME) for frame in frames])


def _opus(recording: Recording, number: int) -> tuple[int, list[Sample]]:
    begin, samples = 0, list[Sample]()
    for place in recording.parts[number].sound:
        start, more = cmaf.sound_samples(b"".join(recording.blocks((place,), 0, place[2])))
        begin = start if not samples else begin
        samples += more
    return begin, samples


class _Encoder:
    """Decodes Opus and encodes AAC; a packet that cannot be decoded becomes silence of its length."""

    def __init__(self, skipped: int) -> None:
        self._decoder = self._new_decoder()
        self._encoder = av.CodecContext.create("aac", "w")
        self._encoder.sample_rate = SOUND_RATE
        self._encoder.layout = "stereo"
        self._encoder.format = "fltp"
        self._encoder.bit_rate = AAC_BIT_RATE
        # A third of the default's CPU; at this bitrate nobody hears the difference (FFmpeg's codecs manual, "aac").
        self._encoder.options = {"aac_coder": "fast"}
        self._skipped = skipped

    def encode(self, packets: list[Sample]) -> list[bytes]:
        """Encode what follows the samples that are skipped; the last frame or two stay in the encoder."""
        fifo = av.AudioFifo()
        for packet in packets:
            for frame in self._decoded(packet.data, packet.duration):
                frame.pts = None
                fifo.write(frame)
        if self._skipped:
            fifo.read(self._skipped)
        encoded: list[bytes] = []
        place = 0
        while (block := fifo.read(FRAME)) is not None:
            block.pts = place
            place += FRAME
            encoded += map(bytes, self._encoder.encode(block))
        # The first frame only primes a decoder, for 21 ms before the sound's beginning.
        return encoded[1:]

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

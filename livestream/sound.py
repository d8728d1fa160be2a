"""A room's sound: Opus as it came, without gaps."""

from collections import deque

from livestream.cmaf import SOUND_RATE, Sample

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
        self._packets: deque[tuple[int, Sample]] = deque()

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

    def take(self, until: int) -> tuple[int, list[Sample]]:
        """Hand over what begins before the tick `until`: the first tick and the samples."""
        first = self._packets[0][0] if self._packets else until
        taken = []
        while self._packets and self._packets[0][0] < until:
            taken.append(self._packets.popleft()[1])
        return first, taken

    def _append(self, packet: bytes, ticks: int) -> None:
        self._packets.append((self.end, Sample(packet, ticks)))
        self.end += ticks

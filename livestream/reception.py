"""How one source arrives: loss, jitter, what is missing (RFC 3550 section 6.4.1 and appendix A)."""

from livestream import rtcp, rtp

#: A longer gap is not asked for again: a keyframe is the shorter way.
MAX_GAP = 128
#: A packet is asked for so often, then given up; with RETRY this bounds the wait to 400 ms.
TRIES = 8
#: Seconds between two requests for one packet; more than most round trips, less than a jitter buffer.
RETRY = 0.05


class Reception:
    """Statistics and gaps of one SSRC, fed with every packet; `now` is in seconds of any steady clock."""

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.clock_rate = clock_rate
        self.received = 0
        self.missing: dict[int, tuple[int, float]] = {}
        self._base = 0
        self._highest: int | None = None
        self._cycles = 0
        self._jitter = 0.0
        self._transit: float | None = None
        self._expected_before = 0
        self._received_before = 0
        self._report = (0, 0.0)

    def take(self, sequence: int, timestamp: int, now: float) -> list[int]:
        """Count a packet and return the numbers that it shows to be missing."""
        self.received += 1
        transit = now * self.clock_rate - timestamp
        if self._transit is not None:
            # A wrapped timestamp gives one wild sample: left out.
            change = abs(transit - self._transit)
            if change < self.clock_rate * 10:
                self._jitter += (change - self._jitter) / 16
        self._transit = transit
        if self._highest is None:
            self._base = self._highest = sequence
            return []
        if not rtp.newer(sequence, self._highest):
            self.missing.pop(sequence, None)
            return []
        gap = ((sequence - self._highest) & 0xFFFF) - 1
        if sequence < self._highest:
            self._cycles += 1 << 16
        lost = [(self._highest + 1 + step) & 0xFFFF for step in range(gap)] if gap <= MAX_GAP else []
        self._highest = sequence
        for number in lost:
            self.missing[number] = (1, now + RETRY)
        return lost

    def due(self, now: float) -> list[int]:
        """Return the missing numbers that it is time to ask for again; those asked for often enough are given up."""
        again = [number for number, (_, at) in self.missing.items() if at <= now]
        for number in again:
            tries = self.missing[number][0]
            if tries >= TRIES:
                del self.missing[number]
            else:
                self.missing[number] = (tries + 1, now + RETRY)
        return [number for number in again if number in self.missing]

    def sender_report(self, ntp: int, now: float) -> None:
        """Remember when the source reported last; it computes the round trip from that."""
        self._report = (ntp >> 16 & 0xFFFFFFFF, now)

    def block(self, now: float) -> rtcp.ReportBlock:
        """Build the block of the next receiver report."""
        highest = self._cycles + (self._highest or 0)
        expected = highest - self._base + 1 if self.received else 0
        interval = expected - self._expected_before
        lost = interval - (self.received - self._received_before)
        self._expected_before, self._received_before = expected, self.received
        last, at = self._report
        return rtcp.ReportBlock(
            ssrc=self.ssrc,
            fraction=min(255, (lost << 8) // interval) if interval > 0 and lost > 0 else 0,
            lost=expected - self.received,
            highest=highest & 0xFFFFFFFF,
            jitter=int(self._jitter) & 0xFFFFFFFF,
            last_report=last,
            delay=int((now - at) * 65536) & 0xFFFFFFFF if last else 0,
        )

"""Which layer one viewer's network carries, judged once a second by what its receiver says."""

from collections.abc import Sequence
from dataclasses import dataclass

#: Share of the estimate that media may take; the rest is for sound, retransmissions and the estimate's error.
HEADROOM = 0.9
#: Loss from which a layer is too heavy, and below which a heavier one may be tried.
HEAVY_LOSS = 0.10
LIGHT_LOSS = 0.02
#: Seconds without trouble before a heavier layer is tried; doubled by each trial that fails.
FIRST_WAIT = 5.0
LONGEST_WAIT = 120.0
#: Seconds within which trouble is blamed on the last step up.
TRIAL = 4.0
#: An estimate older than this many seconds says nothing about now.
STALE = 5.0


@dataclass(slots=True)
class Adaptation:
    """The state of one viewer; `now` is in seconds of any steady clock, bitrates in bit/s."""

    estimate: float = 0.0
    estimated_at: float = float("-inf")
    loss: float = 0.0
    _bad: int = 0
    _wait: float = FIRST_WAIT
    _calm_since: float | None = None
    _stepped_up: float = float("-inf")

    def take_estimate(self, bitrate: float, now: float) -> None:
        """Take the receiver's own estimate (REMB)."""
        self.estimate, self.estimated_at = bitrate, now

    def take_loss(self, fraction: int) -> None:
        """Take a report's loss, in 1/256; one bad report may be chance, two in a row are not."""
        self.loss = fraction / 256
        self._bad = self._bad + 1 if self.loss > HEAVY_LOSS else 0

    def choose(self, rates: Sequence[float], current: int, now: float) -> int:
        """Choose a place in `rates`, which ascend; `current` is what is being sent."""
        if not rates:
            return current
        current = min(current, len(rates) - 1)
        known = now - self.estimated_at < STALE
        too_heavy = known and current > 0 and rates[current] > self.estimate / HEADROOM
        if current > 0 and (self._bad >= 2 or too_heavy):
            if now - self._stepped_up < TRIAL:
                self._wait = min(self._wait * 2, LONGEST_WAIT)
            self._calm_since, self._bad = None, 0
            return self._carried(rates, current) if too_heavy else current - 1
        if self.loss > LIGHT_LOSS:
            self._calm_since = None
            return current
        if self._calm_since is None:
            self._calm_since = now
        if current + 1 < len(rates) and now - self._calm_since >= self._wait:
            # A receiver's estimate never grows past one and a half times of what it is sent: only a trial tells more.
            self._calm_since, self._stepped_up = now, now
            return current + 1
        if now - self._stepped_up > LONGEST_WAIT:
            self._wait = FIRST_WAIT
        return current

    def _carried(self, rates: Sequence[float], current: int) -> int:
        fitting = [place for place in range(current) if rates[place] <= self.estimate * HEADROOM]
        return fitting[-1] if fitting else 0

"""How busy the media process is, for the cost of two additions a second."""

#: Share of a new second in the smoothed figures: a burst of joins does not close the door, five full seconds do.
WEIGHT = 0.3
#: Share of one core beyond which packets begin to wait for each other.
MOST_BUSY = 0.9
#: Smoothed seconds by which the one-second tick comes late; viewers would see every one of them.
MOST_LAG = 0.5


class Load:
    """Smoothed lag of the one-second tick, in seconds, and the used share of one core."""

    def __init__(self) -> None:
        self.lag = 0.0
        self.busy = 0.0
        self._before: tuple[float, float] | None = None

    def tick(self, now: float, cpu: float, interval: float = 1.0) -> None:
        """Take the clock and the CPU seconds used so far, meant to be called every `interval` seconds."""
        if self._before is not None and now > self._before[0]:
            took = now - self._before[0]
            self.lag += WEIGHT * (max(0.0, took - interval) - self.lag)
            self.busy += WEIGHT * ((cpu - self._before[1]) / took - self.busy)
        self._before = (now, cpu)

    @property
    def saturated(self) -> bool:
        """Whether one more viewer would be at the cost of those who watch."""
        return self.busy > MOST_BUSY or self.lag > MOST_LAG

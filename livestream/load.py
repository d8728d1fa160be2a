"""How busy the media process is, for the cost of two additions a second."""

from collections.abc import Callable
from typing import Any

#: Share of a new second in the smoothed figures: a burst of joins does not close the door, five full seconds do.
WEIGHT = 0.3
#: Share of one core beyond which packets begin to wait for each other.
MOST_BUSY = 0.9
#: Smoothed seconds by which the one-second tick comes late; viewers would see every one of them.
MOST_LAG = 0.5


#: Upper bounds in seconds of the classes in which beginnings are counted.
SETUP_BOUNDS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 10.0)


class Durations:
    """Counts durations in classes, as a histogram of Prometheus does."""

    def __init__(self, bounds: tuple[float, ...] = SETUP_BOUNDS) -> None:
        self._classes = dict.fromkeys(bounds, 0)
        self._count = 0
        self._sum = 0.0

    def take(self, seconds: float) -> None:
        """Count one duration."""
        self._count += 1
        self._sum += seconds
        for bound in self._classes:
            if seconds <= bound:
                self._classes[bound] += 1

    def timed(self, clock: Callable[[], float], then: Callable[[], None]) -> Callable[[], None]:
        """Return a call that counts the time from now to its coming and goes on to `then`."""
        begun = clock()

        def come() -> None:
            self.take(clock() - begun)
            then()

        return come

    def told(self) -> dict[str, float]:
        """Return how many there were up to each bound, by its name, `count` and `sum`: all can be added up."""
        return {**{str(bound): held for bound, held in self._classes.items()}, "count": self._count, "sum": self._sum}


class Load:
    """Smoothed lag of the one-second tick, in seconds, and the used share of one core."""

    def __init__(self) -> None:
        self.lag = 0.0
        self.busy = 0.0
        #: From an offer to the end of its handshake.
        self.setup = Durations()
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

    def told(self) -> dict[str, Any]:
        """Return the figures as `stats()` names them."""
        return {
            "lag_seconds": self.lag,
            "busy": self.busy,
            "saturated": self.saturated,
            "setup": self.setup.told(),
        }

"""Logs that a flood of bad packets cannot fill: of each sort of line one in a while, with the number left out."""

import logging
import time
from collections.abc import Callable

#: Seconds in which one sort of line is written once.
PAUSE = 10.0
#: Sorts of lines that are remembered; beyond it everything is forgotten and each may be written once more.
MOST_SORTS = 1000


class Seldom(logging.Filter):
    """For a handler: passes one record of each sort (logger and text before its arguments) in PAUSE seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._sorts: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide about one record, and tell in it how many like it were left out since the last."""
        now = self._clock()
        key = (record.name, str(record.msg))
        passed, left_out = self._sorts.get(key, (now - PAUSE, 0))
        if now - passed < PAUSE:
            self._sorts[key] = (passed, left_out + 1)
            return False
        if len(self._sorts) >= MOST_SORTS:
            self._sorts.clear()
        self._sorts[key] = (now, 0)
        if left_out:
            record.msg = f"{record.getMessage()} ({left_out} more like it before)"
            record.args = ()
        return True

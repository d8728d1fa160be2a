"""Where a clip's sound pauses, and how much it resembles speech: hints for the merchant, never a verdict.

Speech has most of its power between 250 and 4,000 Hz, rises and falls with its syllables (3 to 8 times a second) and
pauses between words; music and noise have one or two of the three.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from video_assembly.common_form import SAMPLE_RATE

STEP = SAMPLE_RATE // 100
"""Samples in one frame of 10 ms."""
_BAND = (250.0, 4000.0)
_SYLLABLES = (2.0, 8.0)
_PAUSE_BELOW = 18.0
"""Decibels under the loud parts from which on nobody speaks."""
_SHORTEST_PAUSE = 0.12
_QUIETEST = -65.0

SPEECH_FROM = 0.3
"""Hints from here on mean speech: of 11 spoken clips all are above, of music, noise and silence none."""


@dataclass(frozen=True)
class Voice:
    """Level of each 10 ms in dBFS within the band of speech, and the whole level."""

    band: NDArray[Any]
    whole: NDArray[Any]

    @classmethod
    def of(cls, samples: NDArray[np.float32]) -> Voice:
        """From stereo samples at 48 kHz, shape (2, n)."""
        count = samples.shape[1] // STEP
        frequencies = np.fft.rfftfreq(STEP, 1 / SAMPLE_RATE)
        inside = (frequencies >= _BAND[0]) & (frequencies <= _BAND[1])
        band, whole = np.empty(count), np.empty(count)
        for at in range(0, count, 4096):  # in pieces: three minutes at once would be hundreds of megabytes
            piece = samples[:, at * STEP : min(at + 4096, count) * STEP].mean(axis=0).reshape(-1, STEP)
            power = np.abs(np.fft.rfft(piece)) ** 2 * (2 / STEP**2)
            band[at : at + 4096] = power[:, inside].sum(axis=1)
            whole[at : at + 4096] = power[:, 1:].sum(axis=1)
        return cls(_decibels(band), _decibels(whole))

    def part(self, start: float, end: float) -> Voice:
        """What is heard between two moments, in seconds."""
        first, last = round(start * 100), round(end * 100)
        return Voice(self.band[first:last], self.whole[first:last])

    @property
    def _floor(self) -> float:
        loud = float(np.percentile(self.whole, 90)) if self.whole.size else _QUIETEST
        return max(loud - _PAUSE_BELOW, _QUIETEST)

    def speaking_at(self, time: float) -> float:
        """How much a cut at this moment would cut into sound: 0 in a pause, 1 in the middle of a word."""
        near = self.whole[max(0, round((time - 0.06) * 100)) : round((time + 0.06) * 100)]
        if not near.size:
            return 0.0
        return float(np.clip((near.mean() - self._floor) / _PAUSE_BELOW, 0, 1))

    def hint(self) -> float:
        """How much this resembles speech, 0 to 1."""
        if self.whole.size < 80 or float(np.percentile(self.whole, 90)) < _QUIETEST:
            return 0.0
        heard = self.whole > self._floor
        share = float(np.mean(10 ** ((self.band[heard] - self.whole[heard]) / 10)))
        levels = np.clip(self.band, self._floor, None)
        spectrum = np.abs(np.fft.rfft((levels - levels.mean()) * np.hanning(levels.size))) ** 2
        pace = np.fft.rfftfreq(levels.size, 0.01)
        counted = (pace >= 0.4) & (pace <= 25)
        syllables = (pace >= _SYLLABLES[0]) & (pace <= _SYLLABLES[1])
        rhythm = float(spectrum[syllables].sum() / max(spectrum[counted].sum(), 1e-9))
        depth = float(np.clip(levels.std() / 6, 0, 1))
        paused = float(np.clip(np.mean(~heard) / 0.12, 0, 1))
        return round(float(np.clip(share, 0, 1) * np.clip(rhythm / 0.45, 0, 1) * depth * (0.5 + 0.5 * paused)), 3)


def _decibels(power: NDArray[Any]) -> NDArray[Any]:
    result: NDArray[Any] = 10 * np.log10(np.maximum(power, 1e-12))
    return result

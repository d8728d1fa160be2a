"""Notes and noises from numpy: no samples, nobody's music."""

import numpy as np
import numpy.typing as npt

RATE = 48_000
Sound = npt.NDArray[np.float64]


def pitch(note: float) -> float:
    """Hertz of a MIDI note number."""
    return float(440.0 * 2 ** ((note - 69) / 12))


def _time(seconds: float) -> Sound:
    return np.arange(int(seconds * RATE)) / RATE


def _attack(sound: Sound, seconds: float = 0.004) -> Sound:
    n = min(len(sound), int(seconds * RATE))
    sound[:n] *= np.linspace(0, 1, n)
    return sound


def marimba(note: float, seconds: float = 0.9) -> Sound:
    """A wooden bar: its ground tone and the fourth harmonic, which dies first."""
    t, f = _time(seconds), pitch(note)
    body = np.sin(2 * np.pi * f * t) * np.exp(-t * 5.5)
    return _attack(body + 0.35 * np.sin(2 * np.pi * 3.93 * f * t) * np.exp(-t * 16))


def bell(note: float, seconds: float = 1.6) -> Sound:
    """A small bell by frequency modulation (Chowning 1973)."""
    t, f = _time(seconds), pitch(note)
    strike = 1.7 * np.exp(-t * 5)
    return _attack(np.sin(2 * np.pi * f * t + strike * np.sin(2 * np.pi * 3.5 * f * t)) * np.exp(-t * 2.8)) * 0.8


def keys(note: float, seconds: float = 1.2) -> Sound:
    """A soft electric piano."""
    t, f = _time(seconds), pitch(note)
    tine = 0.9 * np.exp(-t * 9)
    tone = np.sin(2 * np.pi * f * t + tine * np.sin(2 * np.pi * f * t))
    return _attack((tone + 0.25 * np.sin(4 * np.pi * f * t)) * np.exp(-t * 2.6), 0.006)


def harp(note: float, seconds: float = 1.3) -> Sound:
    """A plucked string (Karplus and Strong 1983)."""
    period = round(RATE / pitch(note) - 0.5)  # the mean of neighbours delays by half a sample
    random = np.random.default_rng(period)
    ring = np.convolve(random.uniform(-1, 1, period), np.ones(5) / 5, "same")
    out = np.empty(int(seconds * RATE))
    for start in range(0, len(out), period):
        piece = out[start : start + period]
        piece[:] = ring[: len(piece)]
        ring = 0.996 * (0.5 * ring + 0.5 * np.roll(ring, 1))
    return _attack(out, 0.002) * 1.5


def pad(notes: list[float], seconds: float) -> Sound:
    """A soft chord that swells and leaves."""
    t = _time(seconds)
    total = np.zeros(len(t))
    for note in notes:
        for detune in (-0.06, 0.05):
            f = pitch(note + detune)
            total += np.sin(2 * np.pi * f * t) + 0.22 * np.sin(4 * np.pi * f * t + 0.5)
    shape = np.minimum(1, t / 0.25) * np.minimum(1, np.maximum(0, (seconds - t) / 0.3))
    return np.asarray(total * shape / (2.2 * len(notes)))


def bass(note: float, seconds: float = 0.7) -> Sound:
    """A round bass note."""
    t, f = _time(seconds), pitch(note)
    tone = np.sin(2 * np.pi * f * t) + 0.3 * np.sin(4 * np.pi * f * t)
    return _attack(tone * np.exp(-t * 3.2) * np.minimum(1, (seconds - t) / 0.08), 0.008)


def kick() -> Sound:
    """A soft drum: a tone that falls."""
    t = _time(0.28)
    return _attack(np.sin(2 * np.pi * (46 * t + 74 / 26 * (1 - np.exp(-26 * t)))) * np.exp(-t * 13), 0.002)


def shaker(seed: int, seconds: float = 0.09) -> Sound:
    """A short bright noise."""
    t = _time(seconds)
    noise = np.random.default_rng(seed).standard_normal(len(t) + 1)
    return _attack(np.diff(noise) * np.exp(-t * 48), 0.006) * 0.35


def pop(height: float = 1.0) -> Sound:
    """A word that arrives: a short tone that rises."""
    t = _time(0.12)
    return _attack(np.sin(2 * np.pi * height * (420 * t + 1900 * t * t)) * np.exp(-t * 34), 0.003)


def rush(seconds: float, low: float, high: float, seed: int, swell: float = 0.5) -> Sound:
    """Noise between two frequencies (Hz); `swell` is where it is loudest. Wind, water, rain."""
    n = int(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(n))
    f = np.fft.rfftfreq(n, 1 / RATE)
    spectrum *= 1 / (1 + (low / np.maximum(f, 1.0)) ** 4) / (1 + (f / high) ** 4)
    noise = np.fft.irfft(spectrum, n)
    t = np.linspace(0, 1, n)
    shape = np.where(t < swell, t / swell, (1 - t) / (1 - swell)) ** 1.5
    return np.asarray(noise / np.abs(noise).max() * shape)


def room(sound: Sound, seconds: float = 1.1, share: float = 0.22) -> Sound:
    """Two channels with some of a decaying room around them; input and output have shape (2, samples)."""
    random = np.random.default_rng(11)
    tail = np.exp(-_time(seconds) * 5.5) * random.standard_normal((2, int(seconds * RATE)))
    tail /= np.sqrt((tail**2).sum(axis=1, keepdims=True))
    n = 1 << (sound.shape[1] + tail.shape[1]).bit_length()
    wet = np.fft.irfft(np.fft.rfft(sound, n) * np.fft.rfft(tail, n), n)[:, : sound.shape[1]]
    return sound * (1 - share * 0.5) + wet * share

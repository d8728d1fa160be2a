"""A clip's sound as stereo 48 kHz samples at one loudness, cut so that segments join without a click."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from av.error import EOFError as EndOfFile
from av.error import FFmpegError
from numpy.typing import NDArray

from video_assembly.common_form import AAC_FRAME, SAMPLE_RATE, UNIT_TICKS
from video_assembly.source import Opened

Samples = NDArray[np.float32]
"""Shape (2, samples), full scale is 1."""

LOUDNESS = -16.0
"""Target of the integrated loudness, LUFS (EBU R 128); what telephones play well."""
SILENT_BELOW = -60.0
"""LUFS; under this there is only noise, and it is not made louder."""
FADE = SAMPLE_RATE // 100
_MOST_GAIN_DB = 24.0
_CEILING = 10 ** (-1.5 / 20)
_SLIP = SAMPLE_RATE // 50
"""Time stamps may be this many samples off before a gap or an overlap is taken for real."""


def decode(clip: Opened, base: float, seconds: float) -> Samples | None:
    """All sound from `base` on for `seconds`; None for a clip without a usable sound track.

    Gaps become silence. Packets that cannot be decoded are passed over.
    """
    if clip.audio is None:
        return None
    samples = np.zeros((2, round(seconds * SAMPLE_RATE)), np.float32)
    resampler: Any = None
    shape: tuple[object, ...] = ()
    position: int | None = None
    clip.container.seek(0)
    for packet in clip.container.demux(clip.audio):
        try:
            frames = clip.audio.decode(packet)
        except MemoryError:
            raise
        except (EndOfFile, FFmpegError):
            continue
        for frame in frames:
            if shape != (frame.format.name, frame.layout.name, frame.sample_rate):
                shape = (frame.format.name, frame.layout.name, frame.sample_rate)
                resampler = av.AudioResampler(format="fltp", layout="stereo", rate=SAMPLE_RATE)
            if frame.time is not None:
                stamp = round((frame.time - base) * SAMPLE_RATE)
                position = stamp if position is None or abs(stamp - position) > _SLIP else position
            position = position or 0
            frame.pts = None
            for ready in resampler.resample(frame):
                position = _put(samples, ready.to_ndarray(), position)
            if position > samples.shape[1] + SAMPLE_RATE:
                return samples
    if resampler is not None and position is not None:
        for ready in resampler.resample(None):
            position = _put(samples, ready.to_ndarray(), position)
    return samples


def _put(samples: Samples, block: NDArray[Any], position: int) -> int:
    first, last = max(position, 0), min(position + block.shape[1], samples.shape[1])
    if last > first:
        samples[:, first:last] = block[:, first - position : last - position]
    return position + int(block.shape[1])


def _k_weighting(frequencies: NDArray[Any]) -> NDArray[np.float64]:
    """Power response of the two filters of ITU-R BS.1770-5 at 48 kHz."""
    z = np.exp(-2j * np.pi * frequencies / SAMPLE_RATE)
    shelf = (1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2) / (
        1 - 1.69065929318241 * z + 0.73248077421585 * z**2
    )
    high_pass = (1 - 2 * z + z**2) / (1 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    response: NDArray[np.float64] = np.abs(shelf * high_pass) ** 2
    return response


def loudness(samples: Samples) -> float:
    """Integrated loudness in LUFS (ITU-R BS.1770-5 with its two gates); -inf for silence."""
    step = SAMPLE_RATE // 10
    count = samples.shape[1] // step
    if count < 4:
        return -np.inf
    weights = _k_weighting(np.fft.rfftfreq(step, 1 / SAMPLE_RATE)) * 2 / step**2
    powers = np.empty(count)
    for at in range(0, count, 256):  # in pieces: three minutes at once would be hundreds of megabytes
        piece = samples[:, at * step : min(at + 256, count) * step].reshape(2, -1, step)
        powers[at : at + 256] = ((np.abs(np.fft.rfft(piece)) ** 2) * weights).sum(axis=(0, 2))
    blocks = np.convolve(powers, np.full(4, 0.25), "valid")

    def level(power: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(-0.691 + 10 * np.log10(np.maximum(power, 1e-12)))

    loud = blocks[level(blocks) > -70]
    if not loud.size:
        return -np.inf
    gated = loud[level(loud) > level(loud.mean()) - 10]
    return float(level(gated.mean()))


def levelled(samples: Samples) -> Samples:
    """The samples at the target loudness, peaks held under -1.5 dBFS; unchanged where there is only silence."""
    measured = loudness(samples)
    if measured < SILENT_BELOW:
        return samples
    gain = np.float32(10 ** (min(LOUDNESS - measured, _MOST_GAIN_DB) / 20))
    return _limited(samples * gain)


def _limited(samples: Samples) -> Samples:
    """Peaks turned down smoothly: the gain each millisecond needs, its minimum over 10 ms, averaged over 10 ms."""
    step, reach = SAMPLE_RATE // 1000, 5
    count = -(-samples.shape[1] // step)
    peaks = np.zeros(count * step, np.float32)
    peaks[: samples.shape[1]] = np.abs(samples).max(axis=0)
    needed = np.minimum(1, _CEILING / np.maximum(peaks.reshape(count, step).max(axis=1), 1e-6))
    if needed.min() >= 1:
        return samples
    # One millisecond further than the average reaches, since the curve runs straight between two of them.
    padded = np.pad(needed, 2 * reach + 1, mode="edge")
    lowest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 3).min(axis=1)
    smooth = np.convolve(lowest, np.full(2 * reach + 1, 1 / (2 * reach + 1)), "valid")
    centres = np.arange(count) * step + step / 2
    curve = np.interp(np.arange(samples.shape[1]), centres, smooth).astype(np.float32)
    return samples * curve


def faded(samples: Samples, start: float, units: int) -> Samples:
    """The sound of one segment: 1,024 samples of silence and a fade in of 10 ms, at the end a fade out of 10 ms."""
    length = units * UNIT_TICKS
    first = round(start * SAMPLE_RATE)
    piece = np.zeros((2, length), np.float32)
    found = samples[:, first : first + length]
    piece[:, : found.shape[1]] = found
    ramp = np.linspace(0, 1, FADE, dtype=np.float32)
    if FADE < found.shape[1] < length:
        piece[:, found.shape[1] - FADE : found.shape[1]] *= ramp[::-1]
    piece[:, :AAC_FRAME] = 0
    piece[:, AAC_FRAME : AAC_FRAME + FADE] *= ramp
    piece[:, -FADE:] *= ramp[::-1]
    return piece

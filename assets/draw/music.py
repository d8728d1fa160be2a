"""The sound of each segment: one tempo and one key for a category, so that any two segments follow each other."""

from collections.abc import Sequence

import numpy as np

from assets.draw import synthesis as synth
from assets.draw.looks import UNIT, Look
from assets.draw.synthesis import RATE, Sound

# The common form begins with 1,024 samples of silence and a fade of 10 ms: a note before 31 ms would lose its attack.
LATE = 0.034
_STEP = UNIT / 8
_CHORDS = {"I": (0, 4, 7, 12), "ii": (2, 5, 9, 14), "IV": (5, 9, 12, 17), "V": (7, 11, 14, 19), "vi": (9, 12, 16, 21)}
_MOVES = {
    "hook": ("I", "V", "vi"),
    "demo": ("I", "vi", "IV", "V"),
    "proof": ("vi", "IV", "V"),
    "offer": ("ii", "IV", "V"),
    "cta": ("IV", "I"),
}
PATTERNS = {
    "hook": (0, 2, 3, 2, 1, 2, 3, 1),
    "demo": (0, None, 2, 1, None, 3, 2, None),
    "proof": (0, None, None, 2, None, 3, None, 1),
    "offer": (0, 1, 2, 3, 2, 1, 3, 2),
    "cta": (3, 2, 3, None, 3, 2, 3, 1),
}
_VOICES = {"marimba": synth.marimba, "bell": synth.bell, "keys": synth.keys, "harp": synth.harp}


class Mix:
    """A stereo track that sounds are laid into."""

    def __init__(self, seconds: float) -> None:
        self.samples: Sound = np.zeros((2, round(seconds * RATE)))

    def add(self, sound: Sound, at: float, gain: float = 1.0, pan: float = 0.0) -> None:
        """Lay a mono sound at a time in seconds; pan -1 (left) to 1."""
        start = round((at + LATE) * RATE)
        n = min(len(sound), self.samples.shape[1] - start)
        if n > 0:
            angle = (pan + 1) * np.pi / 4
            self.samples[:, start : start + n] += np.outer([np.cos(angle), np.sin(angle)], sound[:n]) * gain

    def finished(self) -> Sound:
        """With the room around it, at a peak of 0.8."""
        wet = synth.room(self.samples)
        return np.asarray(wet / max(1e-9, np.abs(wet).max()) * 0.8)


def bed(mix: Mix, chords: Sequence[str], pattern: Sequence[int | None], voice: str, key: int, drums: bool) -> None:
    """Chords, bass and melody, one chord each 1.6 s."""
    play = _VOICES[voice]
    octave = 72 if voice in ("bell", "marimba") else 60
    for bar, name in enumerate(chords):
        start = bar * UNIT
        chord = [60 + key + n for n in _CHORDS[name]]
        mix.add(synth.pad([float(n) for n in chord[:3]], UNIT + 0.15), start, 0.16)
        low = chord[0] - 24 if chord[0] > 64 else chord[0] - 12
        for at in (0.0, 0.8, 1.2) if drums else (0.0, 0.8):
            mix.add(synth.bass(low), start + at, 0.34)
        for step, tone in enumerate(pattern):
            if tone is not None:
                accent = 1.0 if step % 4 == 0 else 0.72
                note = octave - 60 + chord[tone]
                mix.add(play(note), start + step * _STEP, 0.26 * accent, pan=0.35 * np.sin(step * 1.3))
        if drums:
            for at in (0.0, 0.8):
                mix.add(synth.kick(), start + at, 0.5)
        for step in range(8):
            if step % 2 or drums:
                mix.add(synth.shaker(step), start + step * _STEP, 0.16 if step % 2 else 0.07, pan=0.4)


def segment(look: Look, role: str) -> Sound:
    """The sound of one segment, shape (2, samples), with the noises of what is to be seen."""
    seconds = look.seconds(role)
    mix = Mix(seconds)
    chords = _MOVES[role][: look.units[role]]
    if role == "hook" and len(chords) == 2:
        chords = ("I", "V")
    bed(mix, chords, PATTERNS[role], look.voice, look.key, drums=role in ("hook", "offer", "cta"))
    if role == "hook":
        mix.add(synth.rush(0.7, 300, 4000, 1, 0.7), 0.0, 0.30, pan=0.3)
        for i in range(len(look.hook)):
            mix.add(synth.pop(1 + i * 0.25), 0.05 + i * 0.26, 0.30, pan=-0.3)
    if role == "demo":
        for i in range(3):
            mix.add(synth.pop(1.2 + i * 0.2), i * seconds / 3 + 0.1, 0.28, pan=-0.3)
        _noises(mix, look, seconds)
    if role == "proof":
        for i in range(10):
            mix.add(synth.pop(1.6 + i * 0.12), 0.15 + i * 0.125, 0.10 + 0.008 * i, pan=0.2)
        for at in (1.0, 1.4):
            mix.add(synth.bell(84 + look.key, 0.8), at, 0.14, pan=-0.2)
    if role == "offer":
        for i in range(3):
            mix.add(synth.rush(0.35, 500, 5000, 3 + i, 0.6), 0.3 + i * 0.3, 0.14, pan=-0.5 + 0.5 * i)
    if role == "cta":
        for i, note in enumerate((72, 76, 79, 84)):
            mix.add(synth.bell(note + look.key + 5, 1.2), 0.1 * i, 0.15, pan=0.4)
    return mix.finished()


def _noises(mix: Mix, look: Look, seconds: float) -> None:
    third = seconds / 3
    if look.handle == "kaffeefilter-lund":
        mix.add(synth.rush(seconds - 1.4, 500, 3200, 21, 0.3), 0.5, 0.16)
        for i in range(14):
            mix.add(synth.pop(1.8 + 0.3 * (i % 3)), 1.0 + i * 0.3, 0.07, pan=0.2)
    elif look.handle == "teekanne-isen":
        mix.add(synth.rush(third, 600, 2600, 22, 0.5), third + 0.4, 0.20, pan=-0.4)
    elif look.handle == "tischleuchte-luna":
        for i in range(3):
            mix.add(synth.bell(79 + look.key + 2 * i, 1.0), 0.7 + seconds * 0.22 * i, 0.22)
    elif look.handle == "wolldecke-moor":
        for i in range(6):
            mix.add(synth.rush(0.34, 700, 4500, 30 + i, 0.4), 0.2 + 0.4 * i, 0.13, pan=-0.6 + 1.2 * (i % 2))
    elif look.handle == "rucksack-tarn":
        for at in (0.75, seconds * 0.26 + 0.4, seconds * 0.44 + 0.4):
            mix.add(synth.kick(), at, 0.55)
        mix.add(synth.rush(0.5, 900, 5000, 41, 0.8), seconds * 0.66, 0.22)
    elif look.handle == "regenjacke-bora":
        rain = synth.rush(seconds - 0.2, 1200, 9000, 51, 0.4)
        mix.add(np.sqrt(np.abs(rain)) * np.sign(rain), 0.05, 0.05)

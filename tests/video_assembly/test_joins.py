"""Random storyboards over segments with known sound: every one decodes, ends together and joins without a click."""

from __future__ import annotations

import base64
import hashlib
import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.video_assembly.footage import DEMO, demo_segments
from video_assembly import mp4, sound
from video_assembly.candidates import SegmentCandidate
from video_assembly.common_form import AAC_FRAME, FRAME_RATE, SAMPLE_RATE, UNIT_MS, UNIT_TICKS, encode_audio
from video_assembly.lots import Subject
from video_assembly.shelf import Shelf
from video_assembly.stitch import SegmentSource, Stitched
from video_assembly.storyboard import Rules, Storyboard, plan
from video_assembly.templates import ORDER, Template

pytestmark = pytest.mark.slow

Samples = NDArray[Any]
Kind = Callable[[random.Random, Samples], Samples]
# What a join may differ by from the faded source, from the fade out to the end of the silence, in dB of full scale.
QUIET = -50.0
FADE = SAMPLE_RATE // 100


@dataclass(frozen=True)
class Known:
    """A segment, and what its sound was before it was encoded."""

    source: SegmentSource
    candidate: SegmentCandidate
    samples: Samples


def tones(dice: random.Random, time: Samples) -> Samples:
    return _sum(np.sin(2 * np.pi * dice.uniform(80, 4000) * time + dice.uniform(0, 6)) for _ in range(2))


def sweep(dice: random.Random, time: Samples) -> Samples:
    return np.sin(2 * np.pi * (dice.uniform(60, 400) * time + dice.uniform(20, 200) * time**2))


def chord(dice: random.Random, time: Samples) -> Samples:
    return _sum(np.sin(2 * np.pi * dice.uniform(80, 6000) * time + dice.uniform(0, 6)) for _ in range(24))


def music(dice: random.Random, time: Samples) -> Samples:
    """Plucked thirds, each tone with two overtones."""
    wave = np.zeros_like(time)
    for beat in np.arange(0, time[-1], 0.8):
        since = np.maximum(time - beat, 0)
        base = dice.choice([110, 131, 147, 165, 196])
        for hertz in (base, 2.52 * base):
            struck = _sum(np.sin(2 * np.pi * hertz * part * time) / part**1.5 for part in range(1, 4))
            wave += np.where(time >= beat, np.exp(-3 * since), 0) * struck
    return wave


def hissing(dice: random.Random, time: Samples) -> Samples:
    """A wavering voice through two formants, and hissing between: harsher than people's."""
    hertz = dice.uniform(90, 220)
    phase = 2 * np.pi * np.cumsum(hertz * (1 + 0.1 * np.sin(6 * np.pi * time))) / SAMPLE_RATE
    first = dice.uniform(500, 800)
    voice = np.zeros_like(time)
    for part in range(1, 30):
        formants = np.exp(-(((part * hertz - first) / 900) ** 2)) / part + 0.2 * np.exp(
            -(((part * hertz - 1800) / 500) ** 2)
        )
        voice += formants * np.sin(part * phase)
    open_mouth = np.sqrt(np.clip(np.sin(8 * np.pi * time + dice.uniform(0, 6)), 0, 1))
    hiss = np.convolve(noise(dice, time), [1, -0.9], "same")
    return voice * (0.2 + 0.8 * open_mouth) + 0.05 * hiss * (1 - open_mouth)


def noise(dice: random.Random, time: Samples) -> Samples:
    return np.random.default_rng(dice.randrange(1 << 30)).normal(size=time.size)


def _sum(waves: Iterable[Samples]) -> Samples:
    return np.sum([*waves], axis=0)


# Of these the codec leaves less than a join may.
CLEAR = (tones, sweep, chord, music)


def loud(dice: random.Random, seconds: float, kind: Kind | None = None) -> Samples:
    """Sound at the level of every clip that does not rest, not at its ends either; of a clear kind unless told."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    wave = (kind or dice.choice(CLEAR))(dice, time)
    balance = dice.uniform(0.2, 0.8)
    return sound.levelled(np.stack([wave * balance, wave * (1 - balance)]).astype(np.float32))


def made(folder: Path, number: int, dice: random.Random) -> Known:
    """The pictures of a segment of the demo shop with another sound."""
    listed = demo_segments()[number % 30]
    data = (DEMO / listed["file"]).read_bytes()

    index = mp4.SegmentIndex.unpack(base64.b64decode(listed["index"]))
    units = len(index.units)
    samples = sound.faded(loud(dice, units * 1.6 + 1), dice.uniform(0, 0.5), units)
    audio = encode_audio(samples)
    whole = data[: data.index(b"moof") - 4]
    rows = np.zeros(units, mp4.UNIT_DTYPE)
    for unit, row in enumerate(index.units):
        at = int(row["offset"]) + int(row["audio"].sum())
        pictures = []
        for size in row["video"].tolist():
            pictures.append(data[at : at + size])
            at += size
        sounds = audio[unit * 75 : (unit + 1) * 75]
        part, payload = mp4.fragment(unit, pictures, sounds)
        rows[unit] = (len(whole) + payload, [len(each) for each in sounds], [len(each) for each in pictures])
        whole += part
    digest = hashlib.sha256(whole).hexdigest()
    path = folder / f"{digest}.mp4"
    path.write_bytes(whole)
    return Known(
        SegmentSource(path, mp4.SegmentIndex(index.avcc, rows).pack(), listed["init_digest"], digest),
        SegmentCandidate(
            id=f"s{number:03}",
            clip_id=f"c{number % 7}",
            merchant_id="m",
            product_id="p",
            category="k",
            role=listed["role"],
            units=units,
            duration_ms=units * UNIT_MS,
            digest=digest,
            init_digest=listed["init_digest"],
            media_key=f"segments/{digest}.mp4",
            poster_key=f"posters/{digest}.jpg",
            language=None,
            tags=(),
            created_at=datetime(2026, 3, 1, tzinfo=UTC),
        ),
        samples,
    )


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Known]:
    folder, dice = tmp_path_factory.mktemp("segments"), random.Random(4)
    return {each.candidate.id: each for each in (made(folder, number, dice) for number in range(15))}


def board_of(known: dict[str, Known], number: int) -> Storyboard:
    """A storyboard by a random template for a random past."""
    dice = random.Random(number)
    order = list(ORDER)
    dice.shuffle(order)
    needed = dice.sample(order, dice.randint(1, 5))
    template = Template(tuple(order), frozenset(needed), 1_600 * dice.randint(1, 8), 1_600 * dice.randint(15, 20))
    used = {each: dice.uniform(0, 5) for each in known if dice.random() < 0.7}
    shelf = Shelf(each.candidate for each in known.values())
    board = plan(shelf, Subject("p", "m", "k"), Rules(None, 0.5), str(number), used=used, template=template)
    assert board is not None
    return board


def check(board: Storyboard, known: dict[str, Known], folder: Path, ffmpeg: Callable[..., None]) -> float:
    """Hold one video against its rules; returns the loudest difference at a join, in dB of full scale."""
    parts = [known[each] for each in board.segment_ids]
    path = folder / "video.mp4"
    Stitched([each.source for each in parts]).save(path)
    # Another build of FFmpeg decodes all of it and stops at the first error.
    ffmpeg("-xerror", "-err_detect", "explode", "-i", path, "-f", "null", "-")
    units = board.duration_ms // UNIT_MS
    times: dict[str, list[tuple[int, int]]] = {"video": [], "audio": []}
    pieces = []
    with av.open(str(path)) as container:
        for packet in container.demux():
            stream: Any = packet.stream
            if packet.pts is None:
                continue
            assert packet.pts == packet.dts
            times[stream.type].append((packet.pts, packet.duration))
            if stream.type == "audio":
                pieces += [frame.to_ndarray() for frame in packet.decode()]
        pieces += [frame.to_ndarray() for frame in container.streams.audio[0].codec_context.decode(None)]
    for kind, length in (("video", SAMPLE_RATE // FRAME_RATE), ("audio", AAC_FRAME)):
        stamps = np.array(times[kind])
        # Neither a gap nor an overlap, at joins or elsewhere.
        assert (stamps[:, 0] == np.arange(len(stamps)) * length).all(), kind
        assert (stamps[:, 1] == length).all(), kind
    ends = {kind: sum(stamps[-1]) / SAMPLE_RATE for kind, stamps in times.items()}
    assert abs(ends["video"] - ends["audio"]) <= 0.021
    assert ends["video"] == pytest.approx(units * UNIT_MS / 1000)
    heard = np.concatenate(pieces, axis=1)
    assert heard.shape[1] == units * UNIT_TICKS
    return max(joins_of(heard, [each.samples for each in parts]))


def joins_of(heard: Samples, pieces: Sequence[Samples]) -> list[float]:
    """What is heard at each join beside the faded source, in dB of full scale."""
    found, at = [], 0
    for one, other in itertools.pairwise(pieces):
        at += one.shape[1]
        meant = np.concatenate([one[:, -FADE:], other[:, :AAC_FRAME]], axis=1)
        found.append(decibels(heard[:, at - FADE : at + AAC_FRAME] - meant))
    return found


def decibels(difference: Samples) -> float:
    return 20 * float(np.log10(np.sqrt((difference**2).mean()) + 1e-10))


@pytest.mark.parametrize("kind", [*CLEAR, hissing, noise], ids=lambda kind: kind.__name__)
def test_a_join_adds_nothing_to_what_the_codec_leaves(kind: Kind) -> None:
    """Less than -50 dBFS, or no more than in the middle of the segments, as long at a time."""
    dice = random.Random(3)
    pieces = [sound.faded(loud(dice, 2.2, kind), dice.uniform(0, 0.5), 1) for _ in range(6)]
    decoder: Any = av.CodecContext.create("aac", "r")
    decoder.extradata, decoder.sample_rate, decoder.layout = bytes.fromhex("1190"), SAMPLE_RATE, "stereo"
    packets = [av.Packet(packet) for piece in pieces for packet in encode_audio(piece)]
    heard = np.concatenate([frame.to_ndarray() for packet in packets for frame in decoder.decode(packet)], axis=1)
    meant = np.concatenate(pieces, axis=1)[:, : heard.shape[1]]
    long = FADE + AAC_FRAME
    elsewhere = [
        decibels((heard - meant)[:, at : at + long])
        for number in range(len(pieces))
        for at in range(number * UNIT_TICKS + 8 * AAC_FRAME, (number + 1) * UNIT_TICKS - 8 * AAC_FRAME, long)
    ]
    at_joins = max(joins_of(heard, pieces))
    print(f"{kind.__name__}: {at_joins:.1f} dBFS at the loudest of 5 joins, {np.median(elsewhere):.1f} elsewhere")
    assert at_joins < QUIET or at_joins < np.median(elsewhere)
    assert (at_joins < QUIET) == (kind in CLEAR), "the document says which"


def test_a_few_random_storyboards_join_without_a_click(
    known: dict[str, Known], tmp_path: Path, ffmpeg: Callable[..., None]
) -> None:
    for number in range(2):
        assert check(board_of(known, number), known, tmp_path, ffmpeg) < QUIET


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_five_hundred_random_storyboards_join_without_a_click(
    known: dict[str, Known], tmp_path: Path, ffmpeg: Callable[..., None]
) -> None:
    found = []
    for number in range(500):
        found.append(check(board_of(known, number), known, tmp_path, ffmpeg))
        if len(found) % 20 == 0:
            print(f"{len(found)} of 500 storyboards, loudest join {max(found):.1f} dBFS", flush=True)
    print(f"500 storyboards: joins differ by {np.median(found):.1f} dBFS in the median, {max(found):.1f} at most")
    assert max(found) < QUIET

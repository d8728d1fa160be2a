"""Packets in, files out: lost and late packets, changed parameter sets, gaps, kills in the middle of a write."""

import json
import random
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from livestream import aac
from livestream.recording import JOURNAL, Places, Recording
from tests.livestream.footage import TRACKS, Recorded, pictures, tone

pytestmark = pytest.mark.slow


def load(folder: Path) -> Recording:
    return Recording(folder / "room").refresh()


def stamps(path: Path) -> list[float]:
    """Decode the pictures of a file; their times in seconds."""
    with av.open(str(path)) as container:
        return [round(float(frame.pts * frame.time_base), 3) for frame in container.decode(video=0)]


def places(found: Recording, number: int, form: str) -> Places:
    """Where picture and sound of a segment are."""
    part = found.parts[number]
    return part.video + (part.sound if form == "opus" else aac.segment(found, number))


def joined(found: Recording, form: str, folder: Path) -> Path:
    """What a player of one form gets of the first take: its init and every segment."""
    path = folder / f"joined-{form}.mp4"
    parts = [places(found, part.number, form) for part in found.parts if part.take == 0]
    path.write_bytes(b"".join(b"".join(found.blocks(each, 0, 1 << 40)) for each in (found.head(0, form), *parts)))
    return path


def heard(path: Path) -> np.ndarray:
    """Decode the sound of a file: one channel."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=48_000)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def test_segments_are_two_seconds_and_both_forms_play(tmp_path: Path) -> None:
    room = Recorded(tmp_path)
    room.feed(pictures(6.4), tone(6.4))
    room.close(6.5)
    found = load(tmp_path)
    assert [round(part.duration, 2) for part in found.parts] == [2.0, 2.0, 2.0, 0.4]
    assert [part.jump for part in found.parts] == [True, False, False, False]
    assert found.closed
    assert [take.codec for take in found.takes] == ["avc1.42c00c"]
    assert len(stamps(tmp_path / "room" / "0000.mp4")) == 160
    for form in ("opus", "aac"):
        path = joined(found, form, tmp_path)
        assert stamps(path) == [round(number / 25, 3) for number in range(160)]
        wave = heard(path)
        assert abs(len(wave) / 48_000 - 6.4) < 0.1
        # The tone is there from beginning to end, loud as it was: no hole, no jump of the wave.
        middle = np.abs(wave[4800:-9600])
        loud = middle[: len(middle) // 480 * 480].reshape(-1, 480).max(axis=1)
        assert loud.min() > 0.3
        assert loud.max() < 0.45


def test_a_keyframe_is_asked_for_where_the_publisher_sends_few(tmp_path: Path) -> None:
    room = Recorded(tmp_path)
    room.feed(pictures(6.0, gop=1000), tone(6.0))
    room.close(6.1)
    assert room.asked >= 2
    # Nobody listened: the segments end all the same.
    assert [part.key for part in load(tmp_path).parts] == [True, False, False]
    assert max(part.duration for part in load(tmp_path).parts) <= 2.4
    assert len(stamps(tmp_path / "room" / "0000.mp4")) == 150


def test_disorder_is_put_right_and_a_loss_waits_for_the_next_keyframe(tmp_path: Path) -> None:
    room = Recorded(tmp_path)
    video = pictures(6.0)
    numbers = {id(message): room.number(b"V") for message in video}
    lost = next(message for message in video if message.at > 2.3)
    order = [message for message in video if message is not lost]
    # Neighbours change places, as a retransmission does it.
    for place in range(5, len(order) - 1, 5):
        order[place], order[place + 1] = order[place + 1], order[place]
    before = room.asked
    for message in order:
        room.send(message, numbers[id(message)])
    room.close(7.5)
    assert room.asked > before
    shown = stamps(tmp_path / "room" / "0000.mp4")
    assert shown == [round(n / 25, 3) for n in range(150) if not round(lost.at * 25) <= n < 75]
    assert abs(load(tmp_path).duration - 6.0) < 0.05


def test_a_changed_parameter_set_begins_a_take(tmp_path: Path) -> None:
    room = Recorded(tmp_path)
    room.feed(pictures(3.0), pictures(3.0, size=(160, 90), start=3.0), tone(6.0))
    room.close(6.1)
    found = load(tmp_path)
    assert [(take.width, take.height) for take in found.takes] == [(320, 180), (160, 90)]
    assert [part.take for part in found.parts] == [0, 0, 1, 1]
    assert len(stamps(tmp_path / "room" / "0000.mp4")) == len(stamps(tmp_path / "room" / "0001.mp4")) == 75
    assert stamps(tmp_path / "room" / "0001.mp4")[0] == 3.0


def test_a_gap_is_closed_and_the_journal_tells_the_times(tmp_path: Path) -> None:
    room = Recorded(tmp_path)
    room.feed(pictures(2.0), tone(2.0))
    for at in range(20, 300, 5):
        room.wait(at / 10)
    # Another publisher, whose clock is an hour ahead.
    room.report(b"V", 30.0, round(30.0 * 90_000), 3600 + 30.0)
    room.feed(pictures(2.0, start=30.0), tone(2.0, start=30.0))
    room.close(32.1)
    found = load(tmp_path)
    assert [part.jump for part in found.parts] == [True, True]
    assert abs(found.duration - 4.0) < 0.05
    assert abs(found.parts[1].at - found.parts[0].at - 30.0) < 0.05
    assert len(stamps(tmp_path / "room" / "0000.mp4")) == 100
    assert abs(len(heard(tmp_path / "room" / "0000.mp4")) / 48_000 - 4.0) < 0.1
    # What was pinned in the gap begins where the recording goes on.
    assert found.place(found.parts[0].at + 15) == found.parts[1].start
    assert found.place(found.parts[1].at + 1) == pytest.approx(found.parts[1].start + 1)


def test_lips_follow_the_sender_reports(tmp_path: Path) -> None:
    """Sound that the network delays by 300 ms stands where the reports put it."""
    room = Recorded(tmp_path)
    video, sound = pictures(4.0), tone(4.0, start=0.3)
    for letter, track, shift in ((b"V", video, 0.0), (b"A", sound, 0.3)):
        # The first packet comes before the first report.
        first = track.pop(0)
        room.send(first, room.number(letter))
        room.report(letter, first.at, first.ticks, 5000.0 + first.at - shift)
    room.feed(video, sound)
    room.close(4.5)
    with av.open(str(tmp_path / "room" / "0000.mp4")) as container:
        first_sound = next(container.decode(audio=0))
        assert float(first_sound.pts * first_sound.time_base) == 0.0
    # The tone begins within the first 60 ms: the silence that its delay would have been is not there.
    wave = np.abs(heard(tmp_path / "room" / "0000.mp4"))
    assert np.argmax(wave > 0.1) < 0.06 * 48_000


def test_what_a_kill_leaves_half_written_is_cut_off_and_gone_on_from(tmp_path: Path) -> None:
    room = Recorded(tmp_path)
    room.feed(pictures(4.2), tone(4.2))
    whole = load(tmp_path)
    assert not whole.closed
    folder = tmp_path / "room"
    for name in ("0000.mp4", "0000.aac.mp4"):
        with (folder / name).open("ab") as file:
            file.write(b"\0\0\4\0moof half of it")
    with (folder / JOURNAL).open("ab") as file:
        file.write(json.dumps({"segment": 2, "take": 0})[:12].encode())
    # Nobody has cut anything yet: it plays as it is.
    assert len(stamps(folder / "0000.mp4")) == 100
    again = Recorded(tmp_path)
    again.feed(pictures(2.0, start=60.0), tone(2.0, start=60.0))
    again.close(62.1)
    found = load(tmp_path)
    assert found.parts[:2] == whole.parts
    assert [(part.number, part.take, part.jump) for part in found.parts[2:]] == [(2, 1, True)]
    assert found.parts[2].start == pytest.approx(4.0)
    assert (folder / "0000.mp4").stat().st_size == sum(found.parts[1].sound[-1][1:])
    assert stamps(folder / "0001.mp4")[0] == 4.0


def test_segments_come_in_pieces_and_a_kill_loses_half_a_second(tmp_path: Path) -> None:
    room = Recorded(tmp_path)
    room.feed(pictures(5.2), tone(5.2))
    found = load(tmp_path)
    assert [len(found.parts), len(found.unfinished)] == [2, 2]
    for part in found.parts:
        pieces = found.partials[part.number]
        assert sum(piece.duration for piece in pieces) == pytest.approx(part.duration)
        assert max(piece.duration for piece in pieces) <= 0.5
        assert [place for piece in pieces for place in piece.places] == sorted(part.video + part.sound)
        assert [piece.key for piece in pieces][:2] == [True, False]
    again = Recorded(tmp_path)
    assert load(tmp_path).parts[2].duration == pytest.approx(0.88)
    again.feed(pictures(2.0, start=60.0), tone(2.0, start=60.0))
    again.close(62.1)
    assert load(tmp_path).parts[3].start == pytest.approx(4.88)
    assert stamps(tmp_path / "room" / "0000.mp4")[-1] == pytest.approx(4.84)


def test_a_stream_without_sound_is_recorded_and_one_in_vp8_is_not(tmp_path: Path) -> None:
    room = Recorded(tmp_path, {"video": TRACKS["video"]})
    room.feed(pictures(2.0))
    room.close(2.1)
    assert not load(tmp_path).takes[0].sound
    assert len(stamps(tmp_path / "room" / "0000.mp4")) == 50
    other = Recorded(tmp_path / "other", {"video": {"codec": "vp8", "rate": 90_000}})
    other.feed(pictures(1.0))
    other.close(1.1)
    found = load(tmp_path / "other")
    assert (found.refused, found.parts, found.takes) == ("vp8", [], [])


def test_a_show_without_end_is_begun_anew(tmp_path: Path) -> None:
    room = Recorded(tmp_path)
    room.stream._longest = 3.0
    room.feed(pictures(4.4), tone(4.4))
    assert room.stream.too_long
    known = load(tmp_path)
    room.close(4.5)
    again = Recorded(tmp_path, longest=3.0)
    again.feed(pictures(2.2, start=10.0), tone(2.2, start=10.0))
    again.close(12.4)
    found = known.refresh()
    assert [(part.number, part.start) for part in found.parts] == [(0, 0.0), (1, pytest.approx(2.0))]
    assert len(stamps(tmp_path / "room" / "0000.mp4")) == 55


def test_a_hostile_publisher_breaks_nothing(tmp_path: Path) -> None:
    """Bytes, lengths, times and order as they should not be: no exception, and the journal stays true."""
    dice = random.Random(3)
    whole = 0
    footage = sorted(pictures(3.0) + tone(3.0), key=lambda message: message.at)
    for run in range(40):
        room = Recorded(tmp_path, room=f"room-{run}")
        for message in footage:
            number, body, ticks = room.number(message.letter), bytearray(message.body), message.ticks
            match dice.randrange(40):
                case 0 | 1:
                    continue
                case 2 | 3 | 4:
                    body[dice.randrange(min(len(body), 40))] = dice.randrange(256)
                case 5:
                    del body[dice.randrange(len(body)) :]
                case 6:
                    ticks = dice.randrange(1 << 32)
                case 7:
                    number += dice.randrange(-300, 3)
                case 8:
                    body = bytearray(dice.randbytes(dice.randrange(1200)))
            room.send(replace(message, ticks=ticks, body=bytes(body)), number)
        room.close(3.2)
        found = Recording(tmp_path / f"room-{run}").refresh()
        assert found.closed
        for part in found.parts:
            whole += 1
            assert sum(map(len, found.blocks(part.video + part.sound, 0, 1 << 40))) == part.size("opus")
            assert sum(map(len, found.blocks(places(found, part.number, "aac"), 0, 1 << 40))) <= part.size("aac")
    assert whole > 10, "what is in order between is recorded"


def test_parameter_sets_that_nobody_could_play_are_not_recorded(tmp_path: Path) -> None:
    room = Recorded(tmp_path)
    broken = pictures(2.2)
    for message in broken:
        if message.body[:1] == b"\x78":
            message.body = message.body[:7] + b"\x00" * (len(message.body) - 7)
    room.feed(broken, pictures(2.2, start=2.2), tone(4.4))
    room.close(4.5)
    found = load(tmp_path)
    assert [(take.width, take.height) for take in found.takes] == [(320, 180)]
    assert found.closed


def test_a_disk_that_refuses_leaves_the_journal_true(tmp_path: Path) -> None:
    room = Recorded(tmp_path)
    room.feed(pictures(2.2), tone(2.2))
    room.stream._reserve = 1 << 60
    room.feed(pictures(3.0, start=2.2), tone(3.0, start=2.2))
    room.stream._reserve = 0
    room.feed(pictures(2.0, start=5.2), tone(2.0, start=5.2))
    room.close(7.3)
    found = load(tmp_path)
    assert [(part.start, part.jump) for part in found.parts] == [
        (0.0, True),
        (pytest.approx(6.2), True),
    ]
    assert len(stamps(joined(found, "opus", tmp_path))) == 75

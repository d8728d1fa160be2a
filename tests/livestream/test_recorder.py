"""The recorder process behind a real media process: what FFmpeg publishes is on disk, whole at any instant."""

import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import av
import pytest

from livestream.client import MediaClient
from livestream.errors import MediaProcessGone
from livestream.recording import Recording
from tests.livestream import bridge
from tests.livestream.harness import is_live, start, until
from tests.livestream.test_interoperation import ffmpeg

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


def record(folder: Path) -> subprocess.Popen[bytes]:
    """Start a recorder process."""
    command = [sys.executable, "-m", "livestream.recorder", "--socket", str(folder / "rec.sock")]
    return subprocess.Popen([*command, "--directory", str(folder / "recordings"), "--reserve", "0"])


@contextlib.asynccontextmanager
async def recording(folder: Path) -> AsyncIterator[tuple[MediaClient, list[subprocess.Popen[bytes]]]]:
    """A media process and its recorder; the list holds both, and what a test puts in for those that it kills."""
    processes = [record(folder), start(folder / "media.sock", "--recorder", str(folder / "rec.sock"))]
    try:
        async with MediaClient(folder / "media.sock", timeout=20) as client:
            yield client, processes
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            process.wait(10)


def played(path: Path) -> tuple[int, float]:
    """Decode a file: how many pictures, and seconds of sound."""
    with av.open(str(path)) as container:
        count = sum(1 for _ in container.decode(video=0))
    with av.open(str(path)) as container:
        return count, sum(frame.samples for frame in container.decode(audio=0)) / 48_000


async def answers(media: MediaClient) -> bool:
    """Tell whether the media process answers; a call on its way when it was killed fails."""
    try:
        return bool(await media.stats())
    except MediaProcessGone:
        return False


async def test_a_show_outlives_the_death_of_recorder_and_media_process(tmp_path: Path) -> None:
    """All that was written plays after `kill -9` of either, media goes on without a recorder, the show is one."""
    folder = tmp_path / "recordings" / "room"
    found = Recording(folder)

    async def parts(count: int) -> None:
        await until(lambda: len(found.refresh().parts) >= count, 60)

    async with recording(tmp_path) as (media, processes), bridge.serving(media) as url:
        publisher = ffmpeg(f"{url}/whip/room", 60)
        await parts(2)
        processes[0].kill()
        processes[0].wait()
        whole = (folder / "0000.mp4").read_bytes()
        assert played(folder / "0000.mp4")[0] >= 100
        assert await is_live(media, "room")
        processes[0] = record(tmp_path)
        await parts(4)
        assert publisher.poll() is None
        assert [take.number for take in found.takes] == [0, 1]
        # What was cut off is at most a fragment that no journal names.
        assert whole.startswith((folder / "0000.mp4").read_bytes())

        processes[1].kill()
        publisher.kill()
        publisher.wait()
        await until(lambda: found.refresh().closed)
        processes[1].wait()
        before = len(found.parts)
        processes[1] = start(tmp_path / "media.sock", "--recorder", str(tmp_path / "rec.sock"))
        await until(lambda: answers(media))
        publisher = ffmpeg(f"{url}/whip/room", 4)
        await until(lambda: publisher.poll() is not None, 60)
        await until(lambda: len(found.refresh().parts) > before and found.closed)
    lengths = [played(folder / f"{take.number:04}.mp4") for take in found.takes]
    assert len(lengths) == 3
    for take, (pictures, sound) in zip(found.takes, lengths, strict=True):
        expected = sum(part.duration for part in found.parts if part.take == take.number)
        assert abs(pictures / 25 - expected) < 0.1
        assert abs(sound - expected) < 0.6
    assert abs(lengths[2][0] - 100) <= 25
    assert [part.number for part in found.parts if part.jump] == [
        next(part.number for part in found.parts if part.take == take) for take in range(3)
    ]

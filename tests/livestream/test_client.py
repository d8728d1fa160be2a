"""The client when the media process is away, restarts or is slow."""

import asyncio
import stat
from pathlib import Path

import pytest

from benchmarks.rawpeer import RawPeer
from livestream.client import MediaClient, MediaEvent
from livestream.errors import MediaProcessGone, NobodyPublishes
from tests.livestream import harness
from tests.livestream.harness import Source, is_live, join, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_call_without_a_media_process_ends_in_time(tmp_path: Path) -> None:
    """503 and when to come back, not a hanging request."""
    async with MediaClient(tmp_path / "nobody.sock", timeout=0.2) as client:
        with pytest.raises(MediaProcessGone) as gone:
            await client.stats()
        assert (gone.value.status, gone.value.retry_after) == (503, 3)


async def test_silent_media_process_is_given_up(tmp_path: Path) -> None:
    """A process that takes the call and never answers."""
    taken = asyncio.Event()

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        taken.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_unix_server(swallow, tmp_path / "silent.sock") as server:
        async with MediaClient(tmp_path / "silent.sock", timeout=0.3) as client:
            with pytest.raises(MediaProcessGone):
                await client.stats()
            assert taken.is_set()
        server.close()


async def test_killed_media_process_is_found_again(tmp_path: Path) -> None:
    """Live rooms are reported lost, waiting calls fail, later calls reach the new process."""
    path = tmp_path / "media.sock"
    events: list[MediaEvent] = []
    process = harness.start(path)
    async with MediaClient(path, timeout=10) as client:

        async def listen() -> None:
            async for event in client.events():
                events.append(event)

        listening = asyncio.create_task(listen())
        source = Source()
        session = await join(source, client.publish, "room")
        source.write("opus", 0, b"sound")
        await until(lambda: is_live(client, "room"))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        process.kill()
        process.wait(10)
        await until(lambda: [event.kind for event in events] == ["published", "lost"])
        assert events[1] == MediaEvent("lost", "room", session)
        process = harness.start(path)
        with pytest.raises(NobodyPublishes):
            await client.play("room", RawPeer().offer())
        assert not await client.close(session)
        await source.close(goodbye=False)
    await listening
    process.terminate()
    assert process.wait(10) == 0


async def test_many_calls_at_once_get_their_own_answers(media: MediaClient) -> None:
    """Answers are matched by number."""
    peers = [RawPeer(direction="sendonly") for _ in range(20)]
    answers = await asyncio.gather(*(media.publish(f"room {n}", peer.offer()) for n, peer in enumerate(peers)))
    assert len({answer.session for answer in answers}) == 20
    rooms = (await media.stats())["rooms"]
    assert {room["session"] for room in rooms.values()} == {answer.session for answer in answers}
    assert [rooms[f"room {n}"]["session"] for n in range(20)] == [answer.session for answer in answers]

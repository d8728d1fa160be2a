"""Several media processes as if they were one: where rooms go, and what becomes of them when one dies."""

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from livestream.client import MediaEvent
from livestream.errors import NobodyPublishes
from tests.livestream.harness import H264_KEY, Screen, Source, join, start, until
from web.media_processes import MediaProcesses, together

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@contextlib.asynccontextmanager
async def two(folder: Path) -> AsyncIterator[tuple[MediaProcesses, list["subprocess.Popen[bytes]"], list[MediaEvent]]]:
    """Two media processes, what calls them, and what is heard of them."""
    paths = [folder / "media.sock", folder / "media-1.sock"]
    running = [start(path, "--address", "127.0.0.1") for path in paths]
    both, heard = MediaProcesses(paths, timeout=20), list[MediaEvent]()

    async def listen() -> None:
        async for event in both.events():
            heard.append(event)

    listening = asyncio.create_task(listen())
    try:
        await until(lambda: all(client.connected for client in both.clients))
        yield both, running, heard
    finally:
        await both.aclose()
        await listening
        for process in running:
            process.terminate()
            process.wait(10)


async def go_live(both: MediaProcesses, room: str, heard: list[MediaEvent]) -> tuple[Source, str]:
    """Publish and send until it is live; returns the publisher and its session."""
    source = Source()
    session = await join(source, both.publish, room)
    source.write("h264", 0, H264_KEY)
    await until(lambda: MediaEvent("published", room, session) in heard)
    return source, session


async def test_rooms_spread_and_stay(tmp_path: Path) -> None:
    async with two(tmp_path) as (both, _, heard):
        first, one = await go_live(both, "first", heard)
        second, two_ = await go_live(both, "second", heard)
        assert "." not in one
        assert two_.startswith("1."), "the second room goes to the process with fewer"
        screen = Screen()
        session = await join(screen, lambda room, offer: both.play(room, offer, login="mia"), "second")
        assert session.startswith("1.")
        second.write("h264", 3000, H264_KEY)
        await until(lambda: screen.of("h264"))
        stats = await both.stats()
        assert sorted(stats["rooms"]) == ["first", "second"]
        assert stats["viewers"] == 1
        assert len(stats["processes"]) == 2
        with pytest.raises(NobodyPublishes):
            await both.play("third", Screen().offer())
        assert await both.close_login("mia") == 1
        for unknown in (session, "9.nothing", "-1.nothing", "²." + one, "1." + one):
            assert not await both.close(unknown)
        assert await both.close(one)
        assert await both.close(two_)
        for peer in (first, second, screen):
            await peer.close()


async def test_a_dead_ones_rooms_move_and_viewers_follow(tmp_path: Path) -> None:
    """The process is not started again here: who comes back is on the one that lives."""
    async with two(tmp_path) as (both, running, heard):
        source, session = await go_live(both, "room", heard)
        screen = Screen()
        lost = await join(screen, both.play, "room")
        assert "." not in lost
        running[0].send_signal(signal.SIGKILL)
        running[0].wait()
        await until(lambda: MediaEvent("lost", "room", session) in heard)
        for peer in (source, screen):
            await peer.close(goodbye=False)
        again, session = await go_live(both, "room", heard)
        assert session.startswith("1.")
        back = Screen()
        resumed = await join(back, lambda room, offer: both.play(room, offer, resume=lost), "room")
        assert resumed.startswith("1.")
        again.write("h264", 3000, H264_KEY)
        await until(lambda: back.of("h264"))
        for peer in (again, back):
            await peer.close()


async def test_a_new_web_process_finds_what_is_live(tmp_path: Path) -> None:
    async with two(tmp_path) as (both, _, heard):
        sources = [await go_live(both, room, heard) for room in ("first", "second")]
        paths = [tmp_path / "media.sock", tmp_path / "media-1.sock"]
        fresh = MediaProcesses(paths, timeout=20)
        events = fresh.events()
        found = [await anext(events) for _ in sources]
        assert {(event.kind, event.session) for event in found} == {("published", session) for _, session in sources}
        for room, (source, session) in zip(("first", "second"), sources, strict=True):
            screen = Screen()
            playing = await join(screen, fresh.play, room)
            assert playing.count(".") == session.count(".")
            await screen.close()
            await source.close()
        await events.aclose()  # type: ignore[attr-defined]
        await fresh.aclose()


def test_counters_are_summed() -> None:
    one = {"viewers": 2, "busy": 0.2, "saturated": False, "rooms": {"a": 1}, "dropped": {"x": 1}, "pid": 7}
    other = {"viewers": 3, "busy": 0.9, "saturated": True, "rooms": {"b": 2}, "dropped": {"x": 2, "y": 1}, "pid": 8}
    both = together([one, other])
    assert both.pop("processes") == [one, other]
    assert both == {
        "viewers": 5,
        "busy": 0.9,
        "saturated": False,
        "rooms": {"a": 1, "b": 2},
        "dropped": {"x": 3, "y": 1},
        "pid": 7,
    }

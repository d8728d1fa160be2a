"""A process of a running show is killed: everybody is back, once (T10, T11 of the reliability plan)."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from tests.end_to_end.conftest import Running, start, stop
from tests.end_to_end.survivors import Publisher, Survivor, Viewer
from web.media_processes import MediaProcesses

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
# Only an upper bound for a busy machine: nothing waits for it where things work.
PATIENCE = 60.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def until(condition: Callable[[], Any]) -> Any:
    async with asyncio.timeout(PATIENCE):
        while True:
            found = condition()
            if isinstance(found, Awaitable):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.05)


def kill(running: Running, mark: str) -> None:
    for each in psutil.Process(running.process.pid).children(recursive=True):
        if mark in " ".join(each.cmdline()):
            os.kill(each.pid, signal.SIGKILL)
            return
    raise AssertionError(f"nothing runs as {mark}")


class Show:
    """A room of the running demo with its host and `count` viewers, each of them moving."""

    def __init__(self, running: Running, count: int) -> None:
        self.running = running
        self.host = running.bearer("host")
        self.count = count
        self.everybody: list[Survivor] = []
        self.media = MediaProcesses([running.data_dir / "media.sock"])

    async def __aenter__(self) -> "Show":
        async with httpx2.AsyncClient(base_url=self.running.url, headers=self.host, timeout=10) as http:
            products = (await http.get("/v1/products?limit=1")).json()["items"]
            plan = {"title": "Survival", "product_ids": [products[0]["id"]]}
            answer = await http.post("/v1/rooms", json=plan)
            assert answer.status_code == 201, answer.text
            self.room = answer.json()["id"]
        self.publisher = Publisher(self.running.url, self.room, 0, self.host)
        self.viewers = [Viewer(self.running.url, self.room, number + 1) for number in range(self.count)]
        self.everybody = [self.publisher, *self.viewers]
        await self.publisher.start()
        await until(lambda: self.publisher.state == "live" or self.publisher.moving)
        for viewer in self.viewers:
            await viewer.start()
        await until(lambda: all(viewer.moving and viewer.greeted for viewer in self.viewers))
        await self.settled()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(each.stop() for each in self.everybody))
        await self.media.aclose()

    async def settled(self) -> None:
        """Wait until the roster and the media process count everybody, and everybody once."""
        await until(self._counts_are_right)

    async def _counts_are_right(self) -> bool:
        rooms = (await self.media.stats())["rooms"]
        watching = rooms.get(self.room, {}).get("viewers")
        shown = {viewer.presence for viewer in self.viewers}
        return watching == self.count and shown == {self.count}

    async def state(self, room: str) -> str:
        """Return the state that the service says a room is in."""
        async with httpx2.AsyncClient(base_url=self.running.url, timeout=10) as http:
            return str((await http.get(f"/v1/rooms/{room}")).json()["state"])


async def back(show: Show, mark: str, times: Callable[[Survivor], list[float]]) -> list[float]:
    """Kill a part; returns after how many seconds each viewer was back, in order."""
    before = [len(times(viewer)) for viewer in show.viewers]
    killed = asyncio.get_running_loop().time()
    kill(show.running, mark)
    await until(lambda: all(len(times(each)) > count for each, count in zip(show.viewers, before, strict=True)))
    return sorted(times(each)[count] - killed for each, count in zip(show.viewers, before, strict=True))


def tell(name: str, seconds: list[float]) -> float:
    """Print the figures of a run; returns the 95th percentile."""
    p95 = seconds[min(len(seconds) - 1, int(len(seconds) * 0.95))]
    print(f"{name}: {len(seconds)} viewers back, p50 {seconds[len(seconds) // 2]:.2f} s, p95 {p95:.2f} s, ", end="")
    print(f"max {seconds[-1]:.2f} s")
    return p95


async def cut(show: Show) -> None:
    """One viewer loses the socket, one the media, one both: each is back with what was lost, and counted once."""
    first, second, third = show.viewers[:3]
    greeted, moving = len(first.greeted), len(second.moving)
    both = len(third.greeted), len(third.moving)
    first.cut_socket()
    second.cut_media()
    third.cut_socket()
    third.cut_media()
    await until(lambda: len(first.greeted) > greeted and len(second.moving) > moving)
    await until(lambda: len(third.greeted) > both[0] and len(third.moving) > both[1])
    await show.settled()


async def kill_both(tmp_path: Path, count: int) -> dict[str, float]:
    """Kill media, then web; returns the 95th percentiles."""
    running = await asyncio.to_thread(start, tmp_path)
    try:
        async with Show(running, count) as show:
            await cut(show)
            figures = {"media": tell("media killed", await back(show, "livestream.server", lambda each: each.moving))}
            await show.settled()
            assert await show.state(show.room) == "live"
            # FFmpeg is the host of the demo's own room.
            await until(lambda: _is_live(show, running.demo["room"]))
            watched = [len(viewer.moving) for viewer in show.viewers]
            figures["web"] = tell("web killed", await back(show, "web.cli web", lambda each: each.greeted))
            await asyncio.sleep(0 if count < 50 else 15)
            await show.settled()
            assert [len(viewer.moving) for viewer in show.viewers] == watched, "the picture went on meanwhile"
            for room in (show.room, running.demo["room"]):
                await until(lambda room=room: _is_live(show, room))  # type: ignore[misc]
            return figures
    finally:
        await asyncio.to_thread(stop, running)


async def _is_live(show: Show, room: str) -> bool:
    return await show.state(room) == "live"


async def test_everybody_is_back_and_nobody_twice(tmp_path: Path) -> None:
    await kill_both(tmp_path, 5)


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_fifty_are_back_within_six_seconds(tmp_path: Path) -> None:
    figures = await kill_both(tmp_path, 50)
    assert figures["media"] <= 6
    assert figures["web"] <= 6

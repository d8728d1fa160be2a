"""All peers on one UDP port, behind an address that is announced: what an operator opens in the firewall."""

import re
import socket
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from livestream.client import Answer
from tests.livestream.harness import H264_KEY, Screen, Source, is_live, join, running, start, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
Call = Callable[[str, str], Awaitable[Answer]]
OUTSIDE = "203.0.113.7"
CANDIDATE = re.compile(r"^a=candidate:\S+ 1 udp (\d+) (\S+) (\d+) typ host$", re.MULTILINE)


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_everybody_is_on_the_one_port_and_the_announced_address_comes_first(tmp_path: Path) -> None:
    port = free_udp_port()
    wish = ("--port", str(port), "--address", OUTSIDE, "--address", "127.0.0.1")
    async with running(tmp_path, *wish) as media:
        assert (await media.stats())["addresses"] == [[OUTSIDE, port], ["127.0.0.1", port]]
        answer = await media.publish("probe", Source().offer())
        found = CANDIDATE.findall(answer.sdp.replace("\r", ""))
        assert [(host, int(number)) for _, host, number in found] == [(OUTSIDE, port), ("127.0.0.1", port)] * 2
        priorities = [int(priority) for priority, _, _ in found]
        assert priorities[0] > priorities[1], "a browser tries the announced address first"
        assert answer.sdp.count(f"c=IN IP4 {OUTSIDE}") == 2
        assert await media.close(answer.session)

        def translated(call: Call) -> Call:
            """Do what the router does: whoever goes to the outside address arrives at the local one."""

            async def through(room: str, offer: str) -> Answer:
                answer = await call(room, offer)
                return replace(answer, sdp=answer.sdp.replace(OUTSIDE, "127.0.0.1"))

            return through

        source, screens = Source(), [Screen(), Screen()]
        await join(source, translated(media.publish), "room")
        source.write("h264", 0, H264_KEY)
        await until(lambda: is_live(media, "room"))
        for screen in screens:
            await join(screen, translated(media.play), "room")
        source.write("h264", 3000, H264_KEY)
        await until(lambda: all(screen.of("h264") for screen in screens))
        for peer in (source, *screens):
            await peer.close()


async def test_a_port_that_is_taken_is_said_at_the_start(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        process = start(tmp_path / "media.sock", "--port", port, "--address", "127.0.0.1", stderr=subprocess.PIPE)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"The media process cannot start: no UDP socket can be opened" in said

"""The bad network of the loss runs."""

import asyncio
import socket

import pytest

from benchmarks.detour import Detour, Weather

pytestmark = pytest.mark.anyio


async def test_datagrams_are_lost_both_ways_and_late() -> None:
    loop = asyncio.get_running_loop()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near,
    ):
        for each in (far, near):
            each.setblocking(False)
            each.bind(("127.0.0.1", 0))
        detour = Detour(Weather(loss=0.5, delay=0.01), seed=3)
        host, port = far.getsockname()
        try:
            answer = f"v=0\r\na=candidate:1 1 udp 9 {host} {port} typ host\r\na=end-of-candidates\r\n"
            words = (await detour.around(answer)).split("\r\n")[1].split()
            assert words[5] != str(port)
            begin = loop.time()
            for number in range(64):
                near.sendto(bytes([number]), (words[4], int(words[5])))
            data, address = await loop.sock_recvfrom(far, 100)
            assert loop.time() - begin >= 0.01
            for number in range(64):
                far.sendto(bytes([number]), address)
            assert len((await loop.sock_recvfrom(near, 100))[0]) == len(data) == 1
            async with asyncio.timeout(10):
                while detour.lost + detour.passed < 128:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert 32 < detour.lost < 96
        finally:
            detour.close()


async def test_an_answer_has_only_the_address_of_the_detour() -> None:
    detour = Detour(Weather())
    try:
        lines = ["m=video 9 X 96", "a=candidate:1 1 udp 9 192.0.2.1 5000 typ host"]
        lines += ["a=candidate:2 1 udp 8 192.0.2.9 5000 typ host", "a=end-of-candidates"]
        text = await detour.around("\r\n".join(lines) + "\r\n")
    finally:
        detour.close()
    assert text.count("a=candidate:") == 1
    assert "192.0.2." not in text
    assert text.endswith("typ host\r\na=end-of-candidates\r\n")

"""A network that loses everything for moments, lets datagrams overtake each other, and delivers some twice."""

import asyncio
from typing import Any

import pytest

from benchmarks.detour import Detour, Weather
from livestream.client import MediaClient
from livestream.publisher import KEYFRAME_INTERVAL
from tests.livestream import harness
from tests.livestream.harness import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

STORM = Weather(delay=0.01, burst=0.2, calm=0.4, doubled=0.05, late=0.1)


@pytest.mark.parametrize("end", ["viewer", "publisher"])
async def test_picture_comes_back_after_bursts(media: MediaClient, end: str) -> None:
    """At either end; keyframes are asked for no more often than the interval allows, and nobody is thrown out."""
    loop = asyncio.get_running_loop()
    detour = Detour(Weather(delay=0.01))

    async def around(call: Any, room: str, offer: str, *, bad: bool) -> Any:
        answer = await call(room, offer)
        return type(answer)(**(vars(answer) | {"sdp": await detour.around(answer.sdp)})) if bad else answer

    class Far:
        """A client whose publisher is behind the detour."""

        stats = media.stats

        async def publish(self, room: str, offer: str) -> Any:
            return await around(media.publish, room, offer, bad=end == "publisher")

    async def play(room: str, offer: str) -> Any:
        return await around(media.play, room, offer, bad=end == "viewer")

    begun = loop.time()
    publisher, _ = await harness.publish(Far(), "room", "vp8")  # type: ignore[arg-type]
    viewer = harness.Viewer()
    try:
        await viewer.play(play, "room")
        await until(lambda: viewer.frames["video"] >= 10)
        detour.weather = STORM
        await until(lambda: detour.bursts >= 4 and detour.doubled and detour.late, 60)
        detour.weather = Weather(delay=0.01)
        seen = viewer.frames["video"]
        await until(lambda: viewer.frames["video"] >= seen + 30, 60)
        room = (await media.stats())["rooms"]["room"]
        assert room["viewers"] == 1
        assert room["keyframe_requests"] <= (loop.time() - begun) / KEYFRAME_INTERVAL + 1
    finally:
        await viewer.close()
        await publisher.close()
        detour.close()

"""Consent freshness (RFC 7675): who stops answering is gone, whatever still flows towards them."""

import asyncio

import pytest

from tests.livestream.harness import H264_KEY, Screen, Source, inside, join, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_a_viewer_that_says_nothing_any_more_is_ended_and_the_others_are_not() -> None:
    async with inside(viewer_silence=3.0) as process:
        source, steady, silent = Source(), Screen(), Screen()
        await join(source, process.publish, "room")
        source.write("h264", 0, H264_KEY)
        await until(lambda: process.stats()["rooms"]["room"]["published"])
        for screen in (steady, silent):
            await join(screen, process.play, "room")
        assert process.stats()["rooms"]["room"]["viewers"] == 2
        assert silent._consent is not None
        silent._consent.cancel()
        timestamp = 0

        async def one_is_left() -> bool:
            nonlocal timestamp
            timestamp += 3000
            source.write("h264", timestamp, H264_KEY)
            steady.send(steady.check_request())
            await asyncio.sleep(0.05)
            return bool(process.stats()["rooms"]["room"]["viewers"] == 1)

        await until(one_is_left)
        seen = len(steady.of("h264"))
        await one_is_left()
        await until(lambda: len(steady.of("h264")) > seen)
        for peer in (source, steady, silent):
            await peer.close()

"""Record what real peers send, as seeds for the fuzzers: `python -m tests.livestream.capture`.

Runs FFmpeg, Chromium (where there is one) and aiortc against a media process inside this one, and keeps a few packets
of each shape. Run it again when a peer learns to say something new.
"""

import asyncio
import hashlib
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from playwright.async_api import async_playwright

from benchmarks import chromium
from livestream.client import Answer, MediaClient
from livestream.packets import Ingress, Peer
from livestream.server import MediaProcess
from tests.livestream import bridge
from tests.livestream.harness import Viewer, inside, publish, until
from tests.livestream.test_interoperation import ffmpeg

SEEDS = Path(__file__).parent / "seeds"
#: Packets of one shape that are kept of one peer.
ENOUGH = 2


class Recorder:
    """Keeps what passes, a few of each shape."""

    def __init__(self) -> None:
        self.peer = ""
        self._kept: Counter[tuple[str, str, Any]] = Counter()

    def keep(self, target: str, data: bytes, shape: Any) -> None:
        """Write `data` unless there are enough like it."""
        self._kept[target, self.peer, shape] += 1
        if self._kept[target, self.peer, shape] <= ENOUGH:
            folder = SEEDS / target
            folder.mkdir(parents=True, exist_ok=True)
            name = f"{self.peer}-{hashlib.sha256(data).hexdigest()[:10]}"
            (folder / name).write_bytes(data)

    def offer(self, target: str, text: str) -> None:
        """Keep an offer without the addresses of the machine that it was made on."""
        text = re.sub(r"(?m)^(a=candidate:\S+ \d \S+ \d+) \S+", r"\1 192.0.2.7", text)
        text = re.sub(r"(?m)^((?:c|o)=.*IN IP[46]) \S+", r"\1 192.0.2.7", text)
        self.keep(target, text.encode(), "offer")


def rtcp_shape(data: bytes) -> tuple[int, ...]:
    """The packet types of a compound packet."""
    shape, position = [], 0
    while position + 4 <= len(data):
        shape += [data[position + 1], data[position] & 0x1F]
        position += 4 + 4 * int.from_bytes(data[position + 2 : position + 4], "big")
    return tuple(shape)


def listen(recorder: Recorder) -> None:
    """Put the recorder behind the guard and behind decryption."""
    take_check, start = Ingress._take_check, Peer.start

    def check(self: Ingress, data: bytes, *rest: Any) -> None:
        recorder.keep("stun", data, len(data))
        take_check(self, data, *rest)

    def begin(self: Peer, *arguments: Any) -> None:
        start(self, *arguments)
        on_rtp, on_rtcp = self.on_rtp, self.on_rtcp

        def watch() -> None:
            nonlocal on_rtp, on_rtcp
            on_rtp, on_rtcp = self.on_rtp, self.on_rtcp
            self.on_rtp = both("rtp", lambda data: (data[1] & 0x7F, data[0], len(data) > 600), lambda d: on_rtp(d))
            self.on_rtcp = both("rtcp", rtcp_shape, lambda d: on_rtcp(d))

        asyncio.get_running_loop().call_soon(watch)

    def both(target: str, shape: Callable[[bytes], Any], then: Callable[[bytes], None]) -> Callable[[bytes], None]:
        def take(data: bytes) -> None:
            recorder.keep(target, data, shape(data))
            then(data)

        return take

    Ingress._take_check = check  # type: ignore[method-assign]
    Peer.start = begin  # type: ignore[method-assign]


class Direct:
    """What a client does, without a socket between."""

    def __init__(self, process: MediaProcess, recorder: Recorder) -> None:
        self._process = process
        self._recorder = recorder
        self.close = process.close

    async def publish(self, room: str, offer: str) -> Answer:
        """Keep the offer, publish."""
        self._recorder.offer("publish", offer)
        return Answer(**await self._process.publish(room, offer))

    async def play(self, room: str, offer: str) -> Answer:
        """Keep the offer, play."""
        self._recorder.offer("play", offer)
        return Answer(**await self._process.play(room, offer))

    async def stats(self) -> dict[str, Any]:
        """Ask the process."""
        return self._process.stats()


async def main() -> None:
    """Let every peer publish and play for some seconds."""
    recorder = Recorder()
    listen(recorder)
    async with inside() as process:
        client = cast(MediaClient, Direct(process, recorder))
        for codec in ("vp8", "h264"):
            recorder.peer = f"aiortc-{codec}"
            publisher, session = await publish(client, "room", codec)
            viewer = Viewer()
            await viewer.play(client.play, "room")
            await until(lambda viewer=viewer: viewer.frames["video"] >= 60)  # type: ignore[misc]
            await client.close(session)
            await viewer.close()
            await publisher.close()
        async with bridge.serving(client) as url:
            recorder.peer = "ffmpeg"
            encoder = ffmpeg(f"{url}/whip/room", 4)
            await until(lambda: encoder.poll() is not None)
            if (path := chromium.find()) is None:
                return
            async with async_playwright() as playwright:
                flags = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
                browser = await playwright.chromium.launch(executable_path=path, args=flags)
                for codec in ("h264", "vp8"):
                    recorder.peer = f"chromium-{codec}"
                    studio, room = await browser.new_page(), await browser.new_page()
                    for page in (studio, room):
                        await page.goto(url)
                    location = await studio.evaluate("codec => publish('room', codec)", codec)
                    await until(lambda: process.stats()["rooms"]["room"]["published"])
                    await room.evaluate("play('room')")
                    await asyncio.sleep(8)
                    await studio.evaluate("url => fetch(url, {method: 'DELETE'})", location)
                await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
    sys.stdout.write(f"{sum(1 for path in SEEDS.rglob('*') if path.is_file())} seeds in {SEEDS}\n")

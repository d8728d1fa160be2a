"""What it costs the media process to forward one packet to one viewer: 720p30, about 1.6 Mbit/s H.264 and Opus.

The viewers and the publisher run in this process, as peers without a codec, so that a second core is enough for them;
the packets are those of a clip encoded beforehand. `python -m benchmarks.forwarding [--quick] [--json FILE]`.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg

from benchmarks.rawpeer import CODECS, RawPeer
from livestream import rtcp, rtp
from livestream.client import MediaClient

FPS = 30
#: RTP payload bytes, as browsers choose them.
PAYLOAD = 1180


def encode(seconds: int) -> list[list[bytes]]:
    """Encode a moving picture; one list of RTP payloads (RFC 6184) for each frame."""
    source = f"testsrc2=size=1280x720:rate={FPS}:duration={seconds},noise=alls=8:allf=t"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-f", "lavfi", "-i", source]
    command += ["-c:v", "libx264", "-profile:v", "baseline", "-preset", "veryfast", "-tune", "zerolatency"]
    command += ["-b:v", "1600k", "-maxrate", "1600k", "-bufsize", "800k", "-g", str(FPS)]
    command += ["-x264-params", "aud=1:slices=3", "-f", "h264", "pipe:1"]
    stream = subprocess.run(command, check=True, capture_output=True).stdout
    frames: list[list[bytes]] = []
    for unit in stream.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]:
        if unit[0] & 0x1F == 9:
            frames.append([])
        else:
            frames[-1].extend(packetise(unit))
    return frames


def packetise(unit: bytes) -> Iterator[bytes]:
    """Split one NAL unit into RTP payloads."""
    if len(unit) <= PAYLOAD:
        yield unit
        return
    indicator, kind = unit[0] & 0xE0 | 28, unit[0] & 0x1F
    for start in range(1, len(unit), PAYLOAD - 2):
        first, last = start == 1, start + PAYLOAD - 2 >= len(unit)
        yield bytes([indicator, kind | first << 7 | last << 6]) + unit[start : start + PAYLOAD - 2]


class Publisher:
    """Sends a clip over and over at its own speed, 50 packets of sound a second between."""

    def __init__(self, frames: list[list[bytes]]) -> None:
        self.peer = RawPeer(direction="sendonly")
        self.sent = 0
        self._frames = frames
        self._numbers = {"h264": 1000, "opus": 1000}

    def _send(self, name: str, timestamp: int, marker: bool, payload: bytes) -> None:
        number = self._numbers[name] = (self._numbers[name] + 1) & 0xFFFF
        kind = CODECS[name][1] | (0x80 if marker else 0)
        header = rtp.HEADER.pack(0x80, kind, number, timestamp & 0xFFFFFFFF, self.peer.ssrcs[name])
        self.peer.send_rtp(header + payload)
        self.sent += 1

    async def run(self) -> None:
        """Send until cancelled."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        sound = 0
        frame = 0
        while True:
            payloads = self._frames[frame % len(self._frames)]
            for index, payload in enumerate(payloads):
                self._send("h264", frame * 90000 // FPS, index == len(payloads) - 1, payload)
            frame += 1
            while sound / 50 < frame / FPS:
                self._send("opus", sound * 960, False, os.urandom(80))
                sound += 1
            await asyncio.sleep(max(0.0, start + frame / FPS - loop.time()))


async def report(viewers: list[RawPeer]) -> None:
    """Send receiver reports as a browser does, about one a second."""
    while True:
        await asyncio.sleep(1.0)
        for viewer in viewers:
            blocks = [rtcp.ReportBlock(ssrc, 0, 0, 0, 0, 0, 0) for ssrc in viewer.remote_ssrcs]
            viewer.send_rtcp(rtcp.receiver_report(1, blocks))


async def measure(client: MediaClient, frames: list[list[bytes]], count: int, seconds: float) -> dict[str, float]:
    """Forward to `count` viewers for `seconds`; returns the figures of this run."""
    publisher = Publisher(frames)
    answer = await client.publish(f"room-{count}", publisher.peer.offer())
    publisher.peer.accept(answer.sdp)
    await publisher.peer.connect()
    tasks = [asyncio.create_task(publisher.run())]
    while not (await client.stats())["rooms"][f"room-{count}"]["published"]:
        await asyncio.sleep(0.05)
    viewers = [RawPeer() for _ in range(count)]
    for viewer in viewers:
        viewer.accept((await client.play(f"room-{count}", viewer.offer())).sdp)
        await viewer.connect()
    tasks.append(asyncio.create_task(report(viewers)))
    await asyncio.sleep(1.5)
    before, began = await client.stats(), time.monotonic()
    received, sent = sum(viewer.rtp_count for viewer in viewers), publisher.sent
    await asyncio.sleep(seconds)
    after, took = await client.stats(), time.monotonic() - began
    received, sent = sum(viewer.rtp_count for viewer in viewers) - received, publisher.sent - sent
    cpu = after["cpu_seconds"] - before["cpu_seconds"]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await client.close(answer.session)
    for peer in (publisher.peer, *viewers):
        await peer.close()
    return {
        f"viewers_{count}_cpu_us_per_packet": cpu / max(received, 1) * 1e6,
        f"viewers_{count}_cpu_percent": cpu / took * 100,
        f"viewers_{count}_cpu_percent_per_viewer": cpu / took * 100 / count,
        f"viewers_{count}_packets_in_per_s": sent / took,
        f"viewers_{count}_delivered_percent": received / max(sent * count, 1) * 100,
    }


async def run(counts: list[int], seconds: float) -> dict[str, float]:
    """Start a media process and measure each number of viewers."""
    frames = encode(4)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "media.sock"
        media = subprocess.Popen([sys.executable, "-m", "livestream.server", "--socket", str(path)])
        try:
            async with MediaClient(path, timeout=20) as client:
                for count in counts:
                    figures |= await measure(client, frames, count, seconds)
        finally:
            media.terminate()
            media.wait(10)
    return figures


def main() -> None:
    """Measure, print a table, write the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forwarding")
    parser.add_argument("--quick", action="store_true", help="3 s instead of 8 s for each number of viewers")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    counts = [1, 20] if given.quick else [1, 20, 40]
    figures = asyncio.run(run(counts, 3.0 if given.quick else 8.0))
    print(f"{'viewers':>8} {'us/packet':>10} {'CPU %':>7} {'CPU %/viewer':>13} {'in/s':>6} {'delivered %':>12}")
    for count in counts:
        row = {name: value for name, value in figures.items() if name.startswith(f"viewers_{count}_")}
        us, cpu, each, sent, delivered = row.values()
        print(f"{count:>8} {us:>10.1f} {cpu:>7.1f} {each:>13.2f} {sent:>6.0f} {delivered:>12.2f}")
    if given.json:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
        result: dict[str, Any] = {"name": "forwarding", "commit": commit.stdout.strip(), "figures": figures}
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

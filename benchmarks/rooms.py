"""What a viewer in Chromium gets of a room: first picture, age of the picture, and freezes, on good and bad networks.

`python -m benchmarks.rooms [--quick] [--json FILE] [--loss 1,5,10] [--publisher clip|chromium]`. Loss is random, both
ways, with a round trip of 40 ms. Both browsers run on this machine: it should have nothing else to do.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from benchmarks import chromium, clip, servers, source
from benchmarks.detour import Detour, Weather
from livestream.client import Answer, MediaClient
from tests.livestream import bridge

ROOM = str(servers.ROOM)
CHROMIUM = chromium.find()
FLAGS = [
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
    # The media process is on 127.0.0.1 only.
    "--allow-loopback-in-peer-connection",
]
#: Seconds of one way: a round trip of 40 ms.
ONE_WAY = 0.02
#: Seconds after the first picture in which freezes at the start of a call are counted.
EARLY = 3.0
#: All is lost for 200 ms on average, every three seconds; besides 5 % come 20 ms late, and 2 % twice.
BURSTS = Weather(delay=ONE_WAY, burst=0.2, calm=3.0, late=0.05, doubled=0.02)
#: What is allowed, in percent of the time.
GOALS = {"loss_0": 0.0, "loss_1": 0.5, "loss_5": 3.0, "loss_10": 8.0, "bursts": 5.0}
WIDTH, HEIGHT = 1280, 720
Figures = dict[str, float]


@dataclass
class Place:
    """A running media process, its page, and the viewer's network."""

    url: str
    client: "Through"
    browser: Browser
    #: Whether viewers are as browsers are by themselves, not as Vitrine's player makes them.
    plain: bool = False


class Through(MediaClient):
    """Sends viewers through a detour."""

    detour: Detour | None = None

    async def play(self, room: str, offer_sdp: str, *more: Any, **named: Any) -> Answer:
        """Answer with the detour's address."""
        answer = await super().play(room, offer_sdp, *more, **named)
        if self.detour is None:
            return answer
        return Answer(**(vars(answer) | {"sdp": await self.detour.around(answer.sdp)}))


@contextlib.asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    """Open the bridge and a browser on the media process that runs in `folder`."""
    async with (
        Through(folder / "socket", timeout=20) as client,
        bridge.serving(client) as url,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield Place(url, client, browser)
        await browser.close()


async def publish(there: Place) -> Page:
    """Publish a clock, 720p, from a page."""
    page = await there.browser.new_page()
    await page.goto(there.url)
    await page.evaluate(f"publishClock('{ROOM}', {WIDTH}, {HEIGHT})")
    return page


async def wait_live(there: Place) -> None:
    """Wait until media of the publisher arrives."""
    async with asyncio.timeout(20):
        while not (await there.client.stats())["rooms"].get(ROOM, {}).get("published"):
            await asyncio.sleep(0.05)


async def inbound(page: Page) -> dict[str, Any]:
    """The viewer's statistics of the picture."""
    found: list[dict[str, Any]] = await page.evaluate("stats()")
    return next((each for each in found if each["type"] == "inbound-rtp" and each["kind"] == "video"), {})


async def joins(there: Place, count: int) -> Figures:
    """Click so many times; milliseconds from the click to the first picture."""
    page = await there.browser.new_page()
    await page.goto(there.url)
    times, early = [], []
    for _ in range(count):
        times.append((await page.evaluate(f"play('{ROOM}')"))["first"])
        await asyncio.sleep(EARLY)
        early.append((await inbound(page)).get("freezeCount", 0))
        await page.evaluate("pc.close()")
    await page.close()
    print("first picture after, ms:", *(f"{each:.0f}" for each in sorted(times)))
    print(f"freezes in the first {EARLY:g} s of each call:", *early, flush=True)
    figures = {"first_picture_ms_p50": statistics.median(times), "first_picture_ms_p95": p95(times)}
    return figures | {"early_freezes_per_call": statistics.mean(early)}


def p95(values: list[float]) -> float:
    """The value that 95 % do not exceed."""
    return sorted(values)[max(0, -(-95 * len(values) // 100) - 1)]


async def watch(there: Place, seconds: float, name: str) -> Figures:
    """Watch for so long and say when the picture stood still."""
    page = await there.browser.new_page()
    await page.goto(there.url)
    ours = "false" if there.plain else "true"
    first = (await page.evaluate(f"play('{ROOM}', {ours})"))["first"]
    loop = asyncio.get_running_loop()
    begin, seen = loop.time(), 0
    freezes: list[str] = []
    now: dict[str, Any] = {}
    while loop.time() - begin < seconds:
        await asyncio.sleep(0.5)
        now = await inbound(page)
        if now.get("freezeCount", 0) > seen:
            seen = now["freezeCount"]
            freezes.append(f"{loop.time() - begin:.1f}")
    took = loop.time() - begin
    await page.close()
    frozen = now.get("totalFreezesDuration", 0.0)
    wanted = ("framesDecoded", "framesDropped", "nackCount", "pliCount", "packetsLost", "retransmittedPacketsReceived")
    counts = {key: now.get(key, 0) for key in wanted}
    emitted = max(now.get("jitterBufferEmittedCount", 1), 1)
    counts["buffer_ms"] = round(1e3 * now.get("jitterBufferDelay", 0) / emitted)
    print(
        f"{name}: {seen} freezes, {frozen:.2f} s of {took:.0f} s, at {', '.join(freezes) or '-'} s; {counts}",
        flush=True,
    )
    return {
        f"{name}_freeze_percent": 100 * frozen / took,
        f"{name}_freezes": seen,
        f"{name}_frames_per_s": counts["framesDecoded"] / took,
        f"{name}_first_picture_ms": first,
        f"{name}_buffer_ms": counts["buffer_ms"],
    }


async def age(there: Place, seconds: float) -> Figures:
    """Read the clock in the pictures."""
    page = await there.browser.new_page()
    await page.goto(there.url)
    await page.evaluate(f"play('{ROOM}')")
    await asyncio.sleep(2)
    read = await page.evaluate(f"watchClock({seconds}, {WIDTH}, {HEIGHT})")
    await page.close()
    # A block that was blurred by the encoder gives a nonsense clock; an hour ago or tomorrow is not an age.
    ages = [each for each in read["delays"] if 0 <= each < 10_000]
    print(f"age of the picture: {len(ages)} of {len(read['delays'])} pictures read")
    return {"glass_to_glass_ms_p50": statistics.median(ages), "glass_to_glass_ms_p95": p95(ages)}


async def measure(given: argparse.Namespace, folder: Path) -> Figures:
    """Everything with one publisher."""
    figures: Figures = {}
    async with place(folder) as there:
        if given.publisher == "chromium":
            await publish(there)
        await wait_live(there)
        there.plain = given.plain
        if given.joins:
            figures |= await joins(there, given.joins)
        if given.publisher == "chromium":
            figures |= await age(there, min(10, given.seconds))
        figures |= await watch(there, given.seconds, "loss_0")
        networks = {f"loss_{percent:g}": Weather(loss=percent / 100, delay=ONE_WAY) for percent in given.loss}
        for name, weather in {**networks, "bursts": BURSTS}.items():
            detour = there.client.detour = Detour(weather)
            try:
                figures |= await watch(there, given.seconds, name)
                print(f"  datagrams passed {detour.passed}, lost {detour.lost} in {detour.bursts} bursts or none")
            finally:
                detour.close()
    return figures


def run(given: argparse.Namespace) -> Figures:
    """Start the media process and the publisher, measure, stop them."""
    with tempfile.TemporaryDirectory(prefix="rooms-") as folder:
        server = servers.Vitrine(Path(folder), None)
        process = None
        try:
            server.start()
            if given.publisher == "clip":
                fork = multiprocessing.get_context("fork")
                ours, theirs = fork.Pipe()
                film = clip.encode(4)
                process = fork.Process(target=source.run, args=(server, film, source.Ledger(film), theirs), daemon=True)
                process.start()
            return asyncio.run(measure(given, Path(folder)))
        finally:
            if process is not None:
                ours.send("stop")
                process.join(10)
                process.kill()
            server.stop()


def table(figures: Figures, losses: list[float]) -> str:
    """The Markdown table for docs/live.md."""
    rows = [
        "| network, both ways | freeze ratio % | goal | freezes | pictures/s | buffer ms |",
        "|---|---|---|---|---|---|",
    ]
    for name in ("loss_0", *(f"loss_{percent:g}" for percent in losses), "bursts"):
        frozen, freezes, pictures, _, buffer = (value for key, value in figures.items() if key.startswith(f"{name}_"))
        said = name.replace("loss_", "loss % ")
        goal = GOALS.get(name, 0)
        rows.append(f"| {said} | {frozen:.2f} | {goal:g} | {freezes:.0f} | {pictures:.1f} | {buffer:.0f} |")
    return "\n".join(rows)


def main() -> None:
    """Measure, print the tables, write the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rooms", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="5 joins and 15 s instead of 20 joins and 60 s")
    parser.add_argument("--loss", type=lambda text: [float(word) for word in text.split(",")], default=[1.0, 5.0, 10.0])
    parser.add_argument("--seconds", type=float, help="seconds of watching for each network")
    parser.add_argument("--joins", type=int, help="clicks")
    parser.add_argument("--publisher", choices=["clip", "chromium"], default="chromium")
    parser.add_argument("--plain", action="store_true", help="a browser by itself instead of Vitrine's player")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if CHROMIUM is None:
        sys.exit("There is no Chromium on this machine.")
    given.seconds = given.seconds or (15.0 if given.quick else 60.0)
    given.joins = given.joins if given.joins is not None else (5 if given.quick else 20)
    figures = run(given)
    print(table(figures, given.loss))
    for name in ("first_picture_ms_p50", "first_picture_ms_p95", "glass_to_glass_ms_p50", "glass_to_glass_ms_p95"):
        if name in figures:
            print(f"{name}: {figures[name]:.0f}")
    if given.json:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
        result = {"name": "rooms", "commit": commit.stdout.strip(), "figures": figures}
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

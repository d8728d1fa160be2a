"""How videos start, seek and play in Chromium, as MP4 and through hls.js, with 50 ms before every answer.

`python -m benchmarks.players [--quick] [--json FILE]`. The videos are random ones of the demo shop's segments; the page
and the answers are served here, so that nothing but the player and the delay is measured.
"""

import argparse
import base64
import json
import random
import re
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import assets
from benchmarks import chromium, growth
from video_assembly import playlists
from video_assembly.common_form import LARGE, SMALL
from video_assembly.stitch import SegmentSource, Stitched

ROOT = Path(__file__).parents[1]
DEMO = Path(assets.__file__).parent / "demo"
HLS_JS = ROOT / "web" / "static" / "vendor" / "hls.js"
WAYS = ("mp4", "hls")
DELAY = 0.05
Figures = dict[str, float]

PAGE = b"""<!doctype html><meta charset="utf-8">
<video muted playsinline preload="auto" width="180" height="320"></video>
<script type="module">
import Hls from "/hls.js";
import PRELOAD from "/preload.json" with { type: "json" };
const video = document.querySelector("video");
const once = (name) => new Promise((done) => video.addEventListener(name, done, { once: true }));
const seen = [];
for (const name of ["waiting", "stalled", "error", "ended"]) video.addEventListener(name, () => seen.push(name));
// As docs/api.md tells players.
function preload() {
  for (const href of PRELOAD) {
    const link = { rel: "preload", as: "fetch", crossOrigin: "", href };
    document.head.append(Object.assign(document.createElement("link"), link));
  }
}
function open(way) {
  if (way === "mp4") { video.src = "/v.mp4"; return; }
  preload();
  const hls = new Hls({ maxBufferLength: 120 });
  hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) seen.push("error"); });
  hls.loadSource("/v.m3u8");
  hls.attachMedia(video);
}
// As the feed has its next video: prepared while the one before it plays.
window.next = async (way) => {
  open(way);
  await new Promise((done) => setTimeout(done, 1000));
  const begun = performance.now(), playing = once("playing");
  video.play();
  await playing;
  return { start: performance.now() - begun };
};
window.quick = async (way) => {
  const begun = performance.now(), playing = once("playing");
  open(way);
  video.play();
  await playing;
  const start = performance.now() - begun, seeks = [];
  await new Promise((done) => setTimeout(done, 700));
  for (const share of [0.3, 0.8, 0.55]) {
    const asked = performance.now(), there = once("seeked");
    video.currentTime = share * video.duration;
    await there;
    seeks.push(performance.now() - asked);
    await new Promise((done) => setTimeout(done, 400));
  }
  return { start, seeks };
};
window.whole = async (way) => {
  open(way);
  while (video.readyState < 4 || !video.buffered.length || video.buffered.end(0) < video.duration - 0.1) {
    if (seen.includes("error")) return { seen };
    await new Promise((done) => setTimeout(done, 20));
  }
  seen.length = 0;
  const over = once("ended");
  video.play();
  await over;
  const { totalVideoFrames: frames, droppedVideoFrames: dropped } = video.getVideoPlaybackQuality();
  return { seen, frames, dropped, duration: video.duration, height: video.videoHeight };
};
window.ready = true;
</script>"""


class Video:
    """Segments in an order, in both sizes, as a server needs them."""

    def __init__(self, listed: Sequence[dict[str, Any]]) -> None:
        self.forms = {"large": [_source(each) for each in listed], "small": [_source(each["small"]) for each in listed]}
        self.stitched = Stitched(self.forms["large"])
        self.paths = {part.digest: part.path for parts in self.forms.values() for part in parts}
        self.frames = sum(each["units"] for each in listed) * 48

    def file(self, path: str) -> tuple[str, bytes]:
        """Return kind and content of what a player may ask for, the MP4 aside; raises LookupError."""
        if path == "/":
            return "text/html", PAGE
        if path == "/hls.js":
            return "text/javascript", HLS_JS.read_bytes()
        if path == "/preload.json":
            first = playlists.preload("/u", self.forms["large"][0].digest)
            return "application/json", json.dumps(["/v.m3u8", "/large.m3u8", *first]).encode()
        if path == "/v.m3u8":
            sizes = (("large", LARGE), ("small", SMALL))
            variants = [playlists.variant(self.forms[name], form, f"/{name}.m3u8") for name, form in sizes]
            return playlists.content_type, playlists.multivariant_playlist(variants).encode()
        if path.removesuffix(".m3u8")[1:] in self.forms:
            return playlists.content_type, playlists.media_playlist(self.forms[path[1:-5]], "/u").encode()
        unit = re.fullmatch(r"/u/([0-9a-f]+)/(?:init\.mp4|(\d+)-(\d+)\.m4s)", path)
        if unit is None:
            raise LookupError(path)
        source = self.paths[unit[1]]
        body = playlists.fragment(source, int(unit[2]), int(unit[3])) if unit[2] else playlists.init(source)
        return "video/mp4", body


def demo_segments() -> list[dict[str, Any]]:
    """What the demo shop's list says of its segments."""
    found: list[dict[str, Any]] = json.loads((DEMO / "segments.json").read_text())["segments"]
    return found


def _source(form: dict[str, Any]) -> SegmentSource:
    return SegmentSource(DEMO / form["file"], base64.b64decode(form["index"]), form["init_digest"], form["digest"])


@contextmanager
def served(stitched: Stitched, file: Callable[[str], tuple[str, bytes]], delay: float = 0.0) -> Iterator[str]:
    """A page on loopback with the video at `/v.mp4`, in ranges, each answer `delay` seconds late; the page's address.

    `file` returns kind and content of everything else by its path, or raises LookupError.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: object) -> None:
            pass

        def handle(self) -> None:
            with suppress(ConnectionResetError):  # a page that was closed
                super().handle()

        def do_GET(self) -> None:
            time.sleep(delay)
            try:
                if self.path == "/v.mp4":
                    self._ranged()
                    return
                kind, body = file(self.path)
                self._head(200, kind, len(body))
                self.wfile.write(body)
            except LookupError:
                self._head(404, "text/plain", 0)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the browser has what it wanted

        def _ranged(self) -> None:
            asked = self.headers.get("Range", "")
            first, last = 0, stitched.size - 1
            extra = {"Accept-Ranges": "bytes", "ETag": stitched.etag}
            if asked:
                low, _, high = asked.removeprefix("bytes=").partition("-")
                first, last = int(low), int(high or last)
                extra["Content-Range"] = f"bytes {first}-{last}/{stitched.size}"
            self._head(206 if asked else 200, stitched.content_type, last + 1 - first, **extra)
            for block in stitched.read(first, last + 1):
                self.wfile.write(block)

        def _head(self, status: int, kind: str, size: int, **extra: str) -> None:
            self.send_response(status)
            kept = {"Cache-Control": "private, max-age=3600"}
            for name, value in {"Content-Type": kind, "Content-Length": str(size), **kept, **extra}.items():
                self.send_header(name, value)
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def play(browser: Any, address: str, what: str, way: str) -> dict[str, Any]:
    """Let the page `quick`ly start and seek, start a prepared (`next`) or play the `whole` video; what it saw."""
    page = browser.new_page()
    try:
        page.goto(address)
        page.wait_for_function("window.ready")
        found: dict[str, Any] = page.evaluate("([what, way]) => window[what](way)", [what, way])
        return found
    finally:
        page.close()


def videos(count: int, parts: int = 6) -> Iterator[Video]:
    """Random videos of the demo shop's segments, always the same."""
    dice, listed = random.Random(7), demo_segments()
    for _ in range(count):
        yield Video(dice.sample(listed, parts))


def main() -> None:
    """Prints the table and writes the figures."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(prog="python -m benchmarks.players")
    parser.add_argument("--quick", action="store_true", help="3 videos instead of 20")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    starts: dict[str, list[float]] = {way: [] for way in WAYS}
    seeks: dict[str, list[float]] = {way: [] for way in WAYS}
    prepared: dict[str, list[float]] = {way: [] for way in WAYS}
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=arguments)
        for video in videos(3 if given.quick else 20):
            with served(video.stitched, video.file, DELAY) as address:
                for way in WAYS:
                    found = play(browser, address, "quick", way)
                    starts[way].append(found["start"])
                    seeks[way] += found["seeks"]
                    prepared[way].append(play(browser, address, "next", way)["start"])
        browser.close()
    figures: Figures = {}
    for way in WAYS:
        figures |= {
            f"{way}_start_p50_ms": round(statistics.median(starts[way]), 1),
            f"{way}_start_max_ms": round(max(starts[way]), 1),
            f"{way}_next_p50_ms": round(statistics.median(prepared[way]), 1),
            f"{way}_next_max_ms": round(max(prepared[way]), 1),
            f"{way}_seek_p50_ms": round(statistics.median(seeks[way]), 1),
            f"{way}_seek_max_ms": round(max(seeks[way]), 1),
        }
    for name, value in figures.items():
        print(f"{name:<24}{value:>10.1f}")
    if given.json:
        result = {"name": "players", "commit": growth.commit(), "figures": figures}
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

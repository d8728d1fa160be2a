"""The host of the demo's running room: FFmpeg publishes a drawn show in a loop, and what it shows is what is pinned.

It speaks to the service as any program would: WHIP and the public interface, with the host's token of demo.json.
"""

import json
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import cache, partial
from typing import IO, Any

import av
import structlog
from imageio_ffmpeg import get_ffmpeg_exe

from storage.settings import Settings
from web.certificate import CERTIFICATE, client_context
from web.demo import DEMO, catalogue

log = structlog.get_logger("showcase")

Ask = Callable[..., Any]
SHOW = DEMO / "live.mkv"
# How often FFmpeg tells where in the show it is.
TOLD_SECONDS = 0.25
# A product leaves the picture in the last half second of its turn, and the next one comes in the second after that; a
# pin reaches viewers up to 0.9 s after it was due.
AHEAD_SECONDS = 0.4
PAUSE_SECONDS = 3.0
ANSWER_SECONDS = 5.0


def broadcast(settings: Settings) -> None:
    """Publish and pin until a signal ends the process; what breaks is begun again."""
    demo = json.loads((settings.data_dir / "demo.json").read_text())
    base, room, token = demo["base_url"], demo["room"], demo["tokens"]["host"]
    ask = partial(_ask, client_context(settings.data_dir) if settings.https else None)
    command = _publish_command(f"{base}/live/{room}/whip", token)
    if settings.https:
        # FFmpeg's OpenSSL takes from there whom it trusts.
        command = ["env", f"SSL_CERT_FILE={settings.data_dir.resolve() / CERTIFICATE}", *command]
    while True:
        publisher = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert publisher.stdout is not None
        try:
            _pin_what_is_shown(ask, base, room, token, publisher.stdout)
        finally:
            publisher.terminate()
            publisher.wait()
            publisher.stdout.close()
        log.warning("the publisher ended; beginning again")
        time.sleep(PAUSE_SECONDS)


def shown_at(seconds: float, products: int) -> int:
    """Return which of the show's products is in the picture so long after the first loop's start."""
    return int(seconds % loop_seconds() / loop_seconds() * products)


@cache
def loop_seconds() -> float:
    """Length of one loop as FFmpeg plays it: sound is a little longer than pictures, and hours of that add up."""
    with av.open(str(SHOW)) as show:
        assert show.duration is not None, "the show's file says how long it is"
        return show.duration / av.time_base


def _pin_what_is_shown(ask: Ask, base: str, room: str, token: str, told: IO[bytes]) -> None:
    """Pin each product as it comes into the picture, until the publisher, who says where it is, says nothing more."""
    drawn = len(catalogue()["room"]["products"])
    products = [each["id"] for each in ask("GET", f"{base}/v1/rooms/{room}", token)["products"][:drawn]]
    pinned = None
    for line in told:
        name, _, value = line.decode().strip().partition("=")
        # Until the first packet is out there is no time yet ("N/A").
        if name != "out_time_us" or not value.isdecimal():
            continue
        product = products[shown_at(int(value) / 1e6 + AHEAD_SECONDS, len(products))]
        if product == pinned:
            continue
        try:
            ask("POST", f"{base}/v1/rooms/{room}/pins", token, {"product_id": product})
            pinned = product
        except (urllib.error.URLError, OSError) as error:
            log.warning("could not pin", error=str(error))


def _publish_command(url: str, token: str) -> list[str]:
    # The show is drawn in the very form that rooms carry, so nothing is encoded here.
    return [
        str(get_ffmpeg_exe()),
        *("-hide_banner", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", str(SHOW)),
        *("-progress", "pipe:1", "-stats_period", str(TOLD_SECONDS)),
        *("-c", "copy", "-f", "whip", "-authorization", token, url),
    ]


def _ask(trust: ssl.SSLContext | None, method: str, url: str, token: str, body: dict[str, Any] | None = None) -> Any:
    request = urllib.request.Request(  # noqa: S310
        url,
        json.dumps(body).encode() if body is not None else None,
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS, context=trust) as answer:  # noqa: S310
        return json.load(answer)

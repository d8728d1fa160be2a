"""The host of the demo's running room: FFmpeg publishes a drawn show in a loop, and the products are pinned in turn.

It speaks to the service as any program would: WHIP and the public interface, with the host's token of demo.json.
"""

import itertools
import json
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from imageio_ffmpeg import get_ffmpeg_exe

from storage.settings import Settings
from web.certificate import CERTIFICATE, client_context
from web.demo import DEMO

log = structlog.get_logger("showcase")

Ask = Callable[..., Any]
SHOW = DEMO / "live.mkv"
PIN_SECONDS = 20.0
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
        publisher = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        try:
            _pin_in_turn(ask, base, room, token, publisher)
        finally:
            publisher.terminate()
            publisher.wait()
        log.warning("the publisher ended; beginning again")
        time.sleep(PAUSE_SECONDS)


def _pin_in_turn(ask: Ask, base: str, room: str, token: str, publisher: "subprocess.Popen[bytes]") -> None:
    show = ask("GET", f"{base}/v1/rooms/{room}", token)
    for product in itertools.cycle(show["products"]):
        _wait(PIN_SECONDS / 4, publisher)
        if publisher.poll() is not None:
            return
        try:
            ask("POST", f"{base}/v1/rooms/{room}/pins", token, {"product_id": product["id"]})
        except (urllib.error.URLError, OSError) as error:
            log.warning("could not pin", error=str(error))
        _wait(PIN_SECONDS * 3 / 4, publisher)


def _wait(seconds: float, publisher: "subprocess.Popen[bytes]") -> None:
    try:
        publisher.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def _publish_command(url: str, token: str) -> list[str]:
    # The show is drawn in the very form that rooms carry, so nothing is encoded here.
    return [
        str(get_ffmpeg_exe()),
        *("-hide_banner", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", str(SHOW)),
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

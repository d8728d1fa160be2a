"""A real media process behind a test's application, and peers that publish and watch over its WHIP and WHEP."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal
from starlette.testclient import TestClient, WebSocketTestSession

from benchmarks.rawpeer import RawPeer
from tests.livestream.harness import H264_DELTA, H264_KEY, Screen, Source
from web.services import Services
from web.supervisor import answers

SDP = {"Content-Type": "application/sdp"}
PATIENCE = 20.0


@pytest.fixture
def media_process(services: Services) -> Iterator[subprocess.Popen[bytes]]:
    """A media process at the socket that the application calls."""
    arguments = ["--socket", str(services.settings.media_socket), "--address", "127.0.0.1"]
    process = subprocess.Popen([sys.executable, "-m", "livestream.server", *arguments])
    until(lambda: answers(services.settings.media_socket))
    yield process
    process.terminate()
    process.wait(10)


def until(condition: Callable[[], Any]) -> Any:
    """Wait until a condition gives something."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.01)
    return found


def offer(direction: str, *codecs: str) -> str:
    """Return an offer that nobody will connect."""
    return RawPeer(codecs or ("h264", "opus"), direction).offer()


def beside(client: TestClient, /, **options: Any) -> TestClient:
    """Return another browser or program, without a session, in the application that `client` runs already."""
    other = TestClient(client.app, **options)
    other.portal = client.portal
    return other


def make_room(client: TestClient, *product_ids: str, **more: Any) -> dict[str, Any]:
    """Plan a show as the host who is signed in."""
    answer = client.post("/v1/rooms", json={"title": "Spring", "product_ids": list(product_ids), **more})
    assert answer.status_code == 201, answer.text
    room: dict[str, Any] = answer.json()
    return room


class Broadcast:
    """A host's encoder: it publishes a keyframe and small frames until it is closed, on the application's loop."""

    def __init__(self, client: TestClient, room: str, headers: dict[str, str] | None = None) -> None:
        assert client.portal is not None, "enter the client first"
        self._portal: BlockingPortal = client.portal
        self._client = client
        self._source = self._portal.call(self._make)
        answer = client.post(f"/live/{room}/whip", content=self._source.offer(), headers={**SDP, **(headers or {})})
        assert answer.status_code == 201, answer.text
        self.location = answer.headers["location"]
        self._source.accept(answer.text)
        self._portal.call(self._source.connect)
        self._going = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        until(lambda: client.get(f"/v1/rooms/{room}").json()["state"] == "live")

    async def _make(self) -> Source:
        return Source()

    def _run(self) -> None:
        timestamp = 0
        while not self._going.wait(0.02):
            timestamp += 1800
            payload = H264_KEY if timestamp % 18000 == 1800 else H264_DELTA
            with contextlib.suppress(RuntimeError):
                self._portal.call(self._source.write, "h264", timestamp, payload)

    def close(self, *, goodbye: bool = True) -> None:
        """Leave; without a goodbye as a crash does."""
        if not self._going.is_set():
            self._going.set()
            self._thread.join()
            self._portal.call(self._source.close, goodbye)

    def __enter__(self) -> "Broadcast":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def watch(client: TestClient, room: str) -> tuple[Screen, str]:
    """Play a room until packets arrive; returns the peer and its session's address."""
    assert client.portal is not None, "enter the client first"

    async def make() -> Screen:
        return Screen()

    screen = client.portal.call(make)
    answer = client.post(f"/live/{room}/whep", content=screen.offer(), headers=SDP)
    assert answer.status_code == 201, answer.text
    screen.accept(answer.text)
    client.portal.call(screen.connect)
    until(lambda: screen.of("h264"))
    return screen, answer.headers["location"]


def heard(socket: WebSocketTestSession, kind: str) -> dict[str, Any]:
    """Return the next message of a kind."""
    while True:
        message: dict[str, Any] = socket.receive_json()
        if message["type"] == kind:
            return message

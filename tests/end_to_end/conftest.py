"""A whole Vitrine with its demo shop on loopback, and a real browser."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.end_to_end import timecode
from tests.end_to_end.rooms import DESK, PHONE, Person, Visit, open_page

START_SECONDS = 120
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
)


@dataclass(frozen=True)
class Running:
    """A `vitrine up --demo` that answers at `url`."""

    url: str
    data_dir: Path
    process: subprocess.Popen[str]

    @cached_property
    def drain(self) -> threading.Thread:
        """Reads what it goes on to say, up to its end: a full pipe would stop it."""

        def read() -> None:
            assert self.process.stdout is not None
            with self.process.stdout as said:
                said.read()

        return threading.Thread(target=read, daemon=True)

    def ended(self) -> int:
        """Wait until the process has ended; returns its code."""
        code = self.process.wait(40)
        self.drain.join()
        return code

    @property
    def demo(self) -> dict[str, Any]:
        """What demo.json says: tokens by role and persona, and the room."""
        content: dict[str, Any] = json.loads((self.data_dir / "demo.json").read_text())
        return content

    def bearer(self, who: str) -> dict[str, str]:
        """Return the header that makes a request the host's, the merchant's, the operator's or a persona's."""
        tokens = self.demo["tokens"]
        return {"Authorization": f"Bearer {tokens[who] if who in tokens else tokens['viewers'][who]}"}


def start(data_dir: Path, *options: str) -> Running:
    """Start `vitrine up --demo` on a free port and wait for its line `ready URL`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "web.cli", "up", "--demo", "--port", "0", "--data-dir", str(data_dir), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    alarm = threading.Timer(START_SECONDS, process.kill)
    alarm.start()
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("ready "):
            alarm.cancel()
            running = Running(line.split()[1], data_dir, process)
            running.drain.start()
            return running
    alarm.cancel()
    process.stdout.close()
    process.wait()
    logs = "\n".join(f"{log.name}: {log.read_text()[-2000:]}" for log in sorted((data_dir / "logs").glob("*.log")))
    raise AssertionError(f"it did not start:\n{''.join(said)}\n{logs}")


def stop(running: Running) -> None:
    """Stop it as Ctrl-C does, and see that it ends."""
    running.process.send_signal(signal.SIGINT)
    try:
        running.ended()
    finally:
        running.process.kill()
        if running.process.stdout is not None:
            running.process.stdout.close()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The demo, shared by the tests of one run; a test that stops or breaks it starts its own."""
    it = start(tmp_path_factory.mktemp("demo"))
    yield it
    stop(it)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver; while it lives no other event loop can run in this process."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def browser(playwright: Playwright, chromium_path: str) -> Iterator[Browser]:
    """A headless Chromium that may play with sound at once."""
    chromium = playwright.chromium.launch(executable_path=chromium_path, args=list(CHROMIUM_FLAGS))
    yield chromium
    chromium.close()


@pytest.fixture(scope="module")
def camera_browser(
    playwright: Playwright, chromium_path: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """A Chromium whose camera shows numbered pictures."""
    camera = timecode.write_camera(tmp_path_factory.mktemp("camera") / "camera.mjpeg")
    flags = (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
    )
    chromium = playwright.chromium.launch(executable_path=chromium_path, args=[*CHROMIUM_FLAGS, *flags])
    yield chromium
    chromium.close()


@pytest.fixture
def visit(browser: Browser, running: Running) -> Iterator[Visit]:
    """Open pages of viewers; nobody's console may complain."""
    people: list[Person] = []

    def come(size: dict[str, int] = PHONE, locale: str = "de") -> Person:
        people.append(open_page(browser, running, size, locale))
        return people[-1]

    yield come
    for person in people:
        person.context.close()
    assert [complaint for person in people for complaint in person.complaints] == []


@pytest.fixture
def host(camera_browser: Browser, running: Running) -> Iterator[Person]:
    """The demo's host, signed in, in the studio."""
    person = open_page(camera_browser, running, DESK)
    person.context.grant_permissions(["camera", "microphone"])
    person.page.goto("/sign-in?next=/studio")
    person.page.locator(".persona", has_text="Lena").first.click()
    person.page.wait_for_url("**/studio")
    yield person
    person.context.close()
    assert person.complaints == []

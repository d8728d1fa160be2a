"""What breaks under a running show comes back by itself, and nobody sees black meanwhile."""

import re
import signal
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser, expect

from tests.end_to_end.conftest import Running, start, stop
from tests.end_to_end.rooms import (
    INBOUND,
    NOTE_DARKNESS,
    PHONE,
    WAIT_MS,
    Person,
    go_live,
    inbound,
    moves,
    open_page,
    set_up_show,
    wait_until,
    watch,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]
# What the browser itself notes of answers that were refusals.
REFUSALS = re.compile(r"Failed to load resource|WebSocket connection to")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A demo of their own for tests that break it."""
    it = start(tmp_path_factory.mktemp("broken"))
    yield it
    stop(it)


@pytest.fixture
def viewer(browser: Browser, running: Running) -> Iterator[Person]:
    """Somebody who watches while refusals are to be expected."""
    person = open_page(browser, running, PHONE)
    yield person
    person.context.close()
    assert [each for each in person.complaints if not REFUSALS.search(each)] == []


def kill(running: Running, mark: str) -> None:
    """Kill a part of the running demo as an out-of-memory killer would."""
    for each in psutil.Process(running.process.pid).children(recursive=True):
        if mark in " ".join(each.cmdline()):
            each.send_signal(signal.SIGKILL)
            return
    raise AssertionError(f"nothing runs as {mark}")


def test_the_media_process_dies_and_host_and_viewer_come_back(host: Person, viewer: Person, running: Running) -> None:
    room = set_up_show(host.page, "Nach dem Absturz")
    go_live(host.page)
    watch(viewer, room)
    page = viewer.page
    moves(page)
    page.evaluate(NOTE_DARKNESS)
    before: Any = page.evaluate("window.connections.length")
    kill(running, "livestream.server")
    begun = time.monotonic()
    expect(page.locator('.stage[data-playing="false"][data-picture="true"] .stage-say')).to_be_visible(timeout=WAIT_MS)
    moves(page, 5)
    print({"picture_again_s": round(time.monotonic() - begun, 1)})
    expect(host.page.locator(".air-bar .chip-live")).to_be_visible(timeout=WAIT_MS)
    assert page.evaluate("window.connections.length") > before
    assert page.evaluate("window.darkest") > 60, "it was never black"
    frames = inbound(page)["video"]["framesDecoded"]
    wait_until(page, f"({INBOUND})().then(found => found.video?.framesDecoded > {frames + 10})")
    host.complaints[:] = [each for each in host.complaints if not REFUSALS.search(each)]

"""A viewer whose network carries nothing to us but through a relay sees the room: Chromium, our page, coturn."""

import json
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.end_to_end.conftest import start, stop
from tests.web import coturn

pytestmark = [pytest.mark.browser, pytest.mark.soak]

# What a network does that drops UDP to everybody but the relay.
RELAY_ONLY = """
const Plain = window.RTCPeerConnection;
window.connections = [];
window.RTCPeerConnection = class extends Plain {
  constructor(configuration) {
    super({ ...configuration, iceTransportPolicy: "relay" });
    window.connections.push(this);
  }
};
"""
PATIENCE = 90.0
PLAYS = "[...document.querySelectorAll('video')].some((video) => video.currentTime > 1)"
PAIRS = """async () => {
  const found = [];
  for (const connection of window.connections) {
    const reports = new Map((await connection.getStats()).entries());
    for (const report of reports.values()) {
      if (report.type === "candidate-pair" && report.nominated)
        found.push([reports.get(report.localCandidateId).candidateType, report.bytesReceived]);
    }
  }
  return found;
}"""


def test_a_viewer_behind_a_relay_sees_the_room(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with coturn.running() as url:
        monkeypatch.setenv("VITRINE_TURN_URLS", url)
        monkeypatch.setenv("VITRINE_TURN_SECRET", coturn.SECRET)
        monkeypatch.setenv("VITRINE_MEDIA_ADDRESS", "127.0.0.1")
        running = start(tmp_path)
        try:
            page = browser.new_page()
            page.add_init_script(RELAY_ONLY)
            page.goto(f"{running.url}/live/{json.loads((tmp_path / 'demo.json').read_text())['room']}")
            page.wait_for_selector("video")
            deadline = time.monotonic() + PATIENCE
            while not page.evaluate(PLAYS):
                assert time.monotonic() < deadline, page.evaluate(PAIRS)
                page.wait_for_timeout(200)
            pairs = page.evaluate(PAIRS)
            assert any(kind == "relay" and received > 50_000 for kind, received in pairs), pairs
            assert {kind for kind, _ in pairs} == {"relay"}
            page.close()
        finally:
            stop(running)

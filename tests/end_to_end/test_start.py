"""`vitrine up`: one URL, everything still there the second time, no orphan, and what dies comes back."""

import contextlib
import json
import os
import signal
import sqlite3
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.end_to_end.conftest import Running, start, stop

pytestmark = pytest.mark.slow

CONTACT = {"name": "Ada", "email": "ada@example.org", "street": "Weg 1", "postcode": "20095", "city": "Hamburg"}
# A generous bound for a machine that is busy; nothing here waits for it on a quiet one.
PATIENCE = 60.0


def ask(running: Running, method: str, path: str, who: str, body: Any = None, **headers: str) -> Any:
    request = urllib.request.Request(
        running.url + path,
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json", **running.bearer(who), **headers},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def family(running: Running) -> list[psutil.Process]:
    return psutil.Process(running.process.pid).children(recursive=True)


def command(process: psutil.Process) -> str:
    """Return a process's command line, or nothing when it has ended."""
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def alive(processes: list[psutil.Process]) -> list[str]:
    return [line for line in map(command, processes) if line]


def running_as(running: Running, mark: str) -> list[int]:
    return [each.pid for each in family(running) if mark in command(each)]


def wait_for(what: Any, patience: float = PATIENCE) -> Any:
    deadline = time.monotonic() + patience
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not come true"
        time.sleep(0.1)


def is_ready(running: Running) -> bool:
    try:
        with urllib.request.urlopen(running.url + "/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def react(running: Running, who: str, event: str, video: dict[str, Any]) -> int:
    message = {"messageId": str(uuid.uuid4()), "event": event, "properties": {"video_id": video["id"]}}
    counts = ask(running, "POST", "/v1/batch", who, {"batch": [message]})
    assert counts["stored"] == 1
    return int(counts["version"])


def assembled_by(running: Running, version: int) -> list[str]:
    """Return who put the places of a profile version together, read from the database itself."""
    with contextlib.closing(sqlite3.connect(running.data_dir / "vitrine.sqlite3")) as database:
        rows = database.execute("SELECT assembled_by FROM slots WHERE profile_version = ?", (version,)).fetchall()
    return [who for (who,) in rows]


def without_a_worker(running: Running) -> None:
    """With every worker halted the feed still follows the viewer."""
    halted = [psutil.Process(pid) for pid in running_as(running, "web.cli worker")]
    for process in halted:
        process.suspend()
    video = ask(running, "GET", "/v1/feed?limit=1", "jonas")["videos"][0]
    version = react(running, "jonas", "Video Liked", video)
    feed = ask(running, "GET", "/v1/feed?limit=10", "jonas")
    assert feed["version"] == version
    assert len(feed["videos"]) == 10
    assert assembled_by(running, version) == ["web"] * 10
    for process in halted:
        process.resume()


def test_the_worker_puts_the_feed_together_ahead_of_need(running: Running) -> None:
    """Nobody asks for the feed after the reaction, and yet its ten places are filled."""
    video = ask(running, "GET", "/v1/feed?limit=1", "ellen")["videos"][0]
    version = react(running, "ellen", "Video Liked", video)
    wait_for(lambda: len(assembled_by(running, version)) == 10)
    assert assembled_by(running, version).count("worker") >= 9
    assert ask(running, "GET", "/v1/feed?limit=10", "ellen")["version"] == version


@pytest.mark.slow
def test_stopped_and_started_again_everything_is_still_there(tmp_path: Path) -> None:
    first = start(tmp_path)
    assert oct((tmp_path / "demo.json").stat().st_mode & 0o777) == "0o600"
    variant = ask(first, "GET", "/v1/products?q=bora", "mia")["items"][0]["variants"][0]
    order = {"items": [{"variant_id": variant["id"], "quantity": 2}], "contact": CONTACT}
    key = {"Idempotency-Key": str(uuid.uuid4())}
    placed = ask(first, "POST", "/v1/orders", "mia", order, **key)
    video = ask(first, "GET", "/v1/feed?limit=1", "mia")["videos"][0]
    children = family(first)
    stop(first)
    assert first.process.returncode == 0
    assert alive(children) == []

    second = start(tmp_path)
    try:
        assert ask(second, "GET", "/v1/feed?limit=1", "mia")["videos"][0]["id"] == video["id"]
        assert ask(second, "GET", "/v1/orders", "mia")["items"][0]["id"] == placed["id"]
        assert ask(second, "POST", "/v1/orders", "mia", order, **key)["replayed"] is True
        left = ask(second, "GET", "/v1/products?q=bora", "mia")["items"][0]["variants"][0]["stock"]
        assert left == variant["stock"] - 2
    finally:
        children = family(second)
        # A supervisor that is killed cannot tidy up: the kernel has to.
        second.process.send_signal(signal.SIGKILL)
        second.ended()
    wait_for(lambda: not alive(children), 30)


@pytest.mark.slow
def test_what_dies_is_started_again(tmp_path: Path) -> None:
    running = start(tmp_path)
    try:
        for mark in ("livestream.server", "web.cli web", "--queue assemble", "valkey-server"):
            victim = running_as(running, mark)[0]
            os.kill(victim, signal.SIGKILL)
            wait_for(lambda mark=mark, old=victim: set(running_as(running, mark)) - {old})  # type: ignore[misc]
            wait_for(lambda: is_ready(running))
        without_a_worker(running)
    finally:
        stop(running)


def test_two_cannot_share_a_data_directory(running: Running) -> None:
    with pytest.raises(AssertionError, match="already runs"):
        start(running.data_dir)


def test_the_demo_listens_on_loopback_only(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"127\.0\.0\.1 only"):
        start(tmp_path, "--host", "0.0.0.0")


def test_no_log_holds_a_token(running: Running) -> None:
    ask(running, "GET", "/v1/feed?limit=1", "ellen")
    tokens = running.demo["tokens"]
    secrets = [token for token in tokens.values() if isinstance(token, str)] + list(tokens["viewers"].values())
    logs = "".join(path.read_text(errors="replace") for path in (running.data_dir / "logs").glob("*.log"))
    assert logs
    assert not [secret for secret in secrets if secret in logs]

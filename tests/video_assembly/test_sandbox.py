"""A child that misbehaves ends with a reason, and takes nothing with it."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from video_assembly import sandbox
from video_assembly.refusals import Refused

SMALL = sandbox.Bounds(memory=1 << 30, cpu=5, file=1 << 20, wall=10.0)
BRIEF = sandbox.Bounds(memory=1 << 30, cpu=5, file=1 << 20, wall=2.0)


def run(name: str, bounds: sandbox.Bounds = SMALL, **arguments: object) -> dict[str, object]:
    return sandbox.run(f"tests.video_assembly.misbehaving:{name}", dict(arguments), bounds)


def test_a_loop_ends_by_the_processor_limit() -> None:
    with pytest.raises(Refused) as refused:
        run("spin", sandbox.Bounds(memory=1 << 30, cpu=1, file=0, wall=30.0))
    assert refused.value.code == "media-too-demanding"


def test_waiting_ends_by_the_wall_clock() -> None:
    with pytest.raises(Refused) as refused:
        run("wait", BRIEF)
    assert (refused.value.code, refused.value.cause) == ("media-too-demanding", "wall clock")


def test_a_child_of_the_child_is_not_left_behind() -> None:
    pids: list[int] = []
    with pytest.raises(Refused):
        sandbox.run("tests.video_assembly.misbehaving:wait", {}, BRIEF, lambda step, pid: pids.append(int(pid)))
    assert len(pids) == 1
    assert not psutil.pid_exists(pids[0])
    grandchild = int(str(run("leave_a_child", BRIEF)["pid"]))
    deadline = time.monotonic() + 10
    while lives(grandchild) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not lives(grandchild)


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


def test_memory_is_limited() -> None:
    with pytest.raises(Refused) as refused:
        run("take_memory")
    assert refused.value.code == "media-too-demanding"


def test_a_file_cannot_grow_without_end(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        run("fill_the_disk", path=str(tmp_path / "large"))
    assert refused.value.code == "media-too-demanding"
    assert (tmp_path / "large").stat().st_size <= 1 << 20


def test_a_crash_is_told() -> None:
    with pytest.raises(Refused) as refused:
        run("crash")
    assert refused.value.code == "media-crashed"
    assert "SIGSEGV" in refused.value.cause


def test_what_a_library_prints_is_not_an_answer() -> None:
    told: list[tuple[str, float]] = []
    answer = sandbox.run(
        "tests.video_assembly.misbehaving:chatter", {}, SMALL, lambda step, fraction: told.append((step, fraction))
    )
    assert answer == {"forged": False}
    assert told == [("step", 0.5)]


def test_descriptors_are_limited() -> None:
    with pytest.raises(sandbox.SandboxFailed, match="Too many open files"):
        run("open_many_files")


def test_any_error_of_a_parser_is_a_broken_file() -> None:
    with pytest.raises(Refused) as refused:
        run("stumble")
    assert refused.value.code == "media-broken"
    assert "UnicodeDecodeError" in refused.value.cause


def test_a_refusal_keeps_its_values() -> None:
    with pytest.raises(Refused, match="coded as magicyuv") as refused:
        run("refuse")
    assert (refused.value.code, refused.value.extra, refused.value.cause) == (
        "media-codec",
        {"codec": "magicyuv"},
        "for the log",
    )


def test_the_child_knows_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:secret@example/0")
    seen = run("look_around")
    assert "REDIS_URL" not in str(seen["environment"])
    assert seen["session"] is True


def test_the_child_has_no_network() -> None:
    allowed = subprocess.run(["unshare", "--user", "--net", "true"], capture_output=True, check=False)
    if allowed.returncode:
        pytest.skip("this kernel does not let a process leave its network")
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert run("reach", port=server.getsockname()[1])["error"] in (errno.ENETUNREACH, errno.EADDRNOTAVAIL)


PARENT = """
import sys
import time
from video_assembly import sandbox
bounds = sandbox.Bounds(memory=1 << 30, cpu=60, file=0, wall=60.0)
sandbox.run("tests.video_assembly.misbehaving:wait", {}, bounds, lambda step, pid: print(int(pid), flush=True))
"""


def test_the_child_dies_with_a_killed_parent() -> None:
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=root, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        os.kill(parent.pid, signal.SIGKILL)
        gone, alive = psutil.wait_procs([child], timeout=5)
    assert (len(gone), alive) == (1, [])

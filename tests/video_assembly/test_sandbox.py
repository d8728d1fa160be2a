"""A child that misbehaves ends with a reason, and takes nothing with it."""

from __future__ import annotations

import errno
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from tests.conftest import missing
from tests.video_assembly import misbehaving
from video_assembly import confinement, ingest, sandbox, walls
from video_assembly.refusals import Refused

pytestmark = pytest.mark.slow

SMALL = sandbox.Bounds(memory=1 << 30, cpu=5, file=1 << 20, wall=10.0)
BRIEF = sandbox.Bounds(memory=1 << 30, cpu=5, file=1 << 20, wall=2.0)


TESTS = Path(__file__).parents[1]


def run(
    name: str,
    bounds: sandbox.Bounds = SMALL,
    *,
    progress: sandbox.Tell | None = None,
    writes: Sequence[Path] = (),
    **arguments: object,
) -> dict[str, object]:
    task = f"tests.video_assembly.misbehaving:{name}"
    return sandbox.run(task, dict(arguments), bounds, progress, reads=[TESTS], writes=writes)


def test_a_loop_ends_by_the_processor_limit() -> None:
    with pytest.raises(Refused) as refused:
        run("spin", sandbox.Bounds(memory=1 << 30, cpu=1, file=0, wall=30.0))
    assert refused.value.code == "media-too-demanding"


def test_waiting_ends_by_the_wall_clock() -> None:
    with pytest.raises(Refused) as refused:
        run("wait", BRIEF)
    assert (refused.value.code, refused.value.cause) == ("media-too-demanding", "wall clock")


def test_what_a_child_used_is_counted_once() -> None:
    def counted() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime + sandbox.uncounted()

    before = counted()
    run("work", seconds=1.0)
    assert 1 <= counted() - before < 1.9


def test_nothing_of_the_child_is_left_behind() -> None:
    others = set(psutil.Process().children(recursive=True))
    seen: list[psutil.Process] = []
    with pytest.raises(Refused):
        run("wait", BRIEF, progress=lambda step, pid: seen.extend(psutil.Process().children(recursive=True)))
    seen = [each for each in seen if each not in others]
    assert seen
    assert psutil.wait_procs(seen, timeout=5)[1] == []


@pytest.mark.parametrize("kind", ["bubblewrap", "kernel"])
def test_the_child_cannot_leave(kind: walls.Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "bubblewrap" and walls.kind() != "bubblewrap":
        missing("bubblewrap, or a kernel that lets it make namespaces")
    if kind == "kernel" and not confinement.landlock_version():
        pytest.skip("this kernel has no Landlock")
    monkeypatch.setattr(walls, "kind", lambda: kind)
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
        (folder / "mine").write_bytes(b"secret")
    arguments = {"allowed": str(ours), "sibling": str(theirs / "mine"), "outside": str(theirs / "new")}
    ends = run("try_everything", writes=[ours], **arguments)
    assert {name for name, end in ends.items() if end == "done"} == {"read", "write", "thread"}, ends
    assert {ends[name] for name in ("fork", "program", "socket", "signal", "symlink", "hard link")} == {"EPERM"}
    assert sorted(path.name for path in ours.iterdir()) == ["mine", "new"]
    assert [path.name for path in theirs.iterdir()] == ["mine"]


def test_a_concat_script_cannot_reach_its_sibling(
    ffmpeg: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sibling, script = tmp_path / "sibling.mp4", tmp_path / "upload.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:r=10:d=1", "-c:v", "libx264", sibling)
    script.write_text(f"ffconcat version 1.0\nfile '{sibling}'\n")
    assert misbehaving.open_naively(str(script), lambda step, fraction: None) == {"frames": 10}, "the danger is real"
    with pytest.raises(Refused) as refused:
        ingest.probe(script)
    assert refused.value.code == "media-not-video"
    for kind in ("bubblewrap", "kernel"):
        if kind == "bubblewrap" and walls.kind() != "bubblewrap":
            continue  # the test above says that it is missing
        with monkeypatch.context() as patch:
            patch.setattr(walls, "kind", lambda kind=kind: kind)
            task = "tests.video_assembly.misbehaving:open_naively"
            ended = sandbox.run(task, {"path": str(script)}, SMALL, reads=[TESTS, script])
        assert "error" in ended, f"{kind} let the decoder read {ended}"


def test_memory_is_limited() -> None:
    with pytest.raises(Refused) as refused:
        run("take_memory")
    assert refused.value.code == "media-too-demanding"


def test_a_file_cannot_grow_without_end(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        run("fill_the_disk", writes=[tmp_path], path=str(tmp_path / "large"))
    assert refused.value.code == "media-too-demanding"
    assert (tmp_path / "large").stat().st_size <= 1 << 20


def test_a_crash_is_told() -> None:
    with pytest.raises(Refused) as refused:
        run("crash")
    assert refused.value.code == "media-crashed"
    assert "SIGSEGV" in refused.value.cause


def test_what_a_library_prints_is_not_an_answer() -> None:
    told: list[tuple[str, float]] = []
    answer = run("chatter", progress=lambda step, fraction: told.append((step, fraction)))
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


def test_the_child_has_no_network() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert run("reach", port=server.getsockname()[1])["error"] == errno.EPERM


PARENT = """
from pathlib import Path
from video_assembly import sandbox
bounds = sandbox.Bounds(memory=1 << 30, cpu=60, file=0, wall=60.0)
told = lambda step, pid: print("works", flush=True)
sandbox.run("tests.video_assembly.misbehaving:wait", {}, bounds, told, reads=[Path("tests").resolve()])
"""


def test_the_child_dies_with_a_killed_parent() -> None:
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=root, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "works\n"
        children = psutil.Process(parent.pid).children(recursive=True)
        os.kill(parent.pid, signal.SIGKILL)
        gone, alive = psutil.wait_procs(children, timeout=20)
    assert gone
    assert alive == []

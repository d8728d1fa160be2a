"""Untrusted files are opened in a child process that may use little memory, time and disk, and has no network.

It sees the one file that it is about and the one folder that it writes to; `walls` says by what means here.
The parent's half starts the child, hands it a task, listens to its progress and ends it; the child's half comes last.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from video_assembly import confinement, walls
from video_assembly.refusals import Refused

_PR_SET_PDEATHSIG = 1
_LONGEST_LINE = 1 << 20
_MOST_COMPLAINTS = 4096


_counting = threading.Lock()
_used = [0.0]


class SandboxFailed(RuntimeError):
    """The child could not do its work for a reason that lies here (disk full, broken installation), not in the file."""


@dataclass(frozen=True)
class Bounds:
    """What a child may use: bytes of address space, CPU seconds, bytes in one written file, seconds on the wall."""

    memory: int
    cpu: int
    file: int
    wall: float
    files: int = 64


Tell = Callable[[str, float], None]


def run(
    task: str,
    arguments: dict[str, Any],
    bounds: Bounds,
    progress: Tell | None = None,
    *,
    reads: Sequence[Path] = (),
    writes: Sequence[Path] = (),
) -> dict[str, Any]:
    """Runs `task` (`module:function`, called with these JSON arguments and `progress`) in a child.

    Of the disk the child sees Python, our code, `reads`, and `writes`, the folders in which it may make files.
    Returns what the function returned. Raises Refused as the child did, or for a child that crashed or used too much;
    SandboxFailed when the child met a fault of this machine.
    """
    enclosed = walls.kind() == "bubblewrap"
    job = {
        "task": task,
        "arguments": arguments,
        "bounds": asdict(bounds),
        "parent": None if enclosed else os.getpid(),
        "reads": [str(path) for path in (*walls.programs(), *reads)],
        "writes": [str(path) for path in writes],
    }
    environment = {"PATH": "/nonexistent", "LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    command = [sys.executable, "-s", "-B", "-m", "video_assembly.sandbox"]
    child = subprocess.Popen(
        walls.enclosed(command, reads, writes) if enclosed else command,
        cwd=Path(__file__).parent.parent,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert child.stdin is not None, "the child has a pipe for its job"
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps(job).encode())
            child.stdin.close()
        answer, complaints, in_time = _listen(child, time.monotonic() + bounds.wall, progress, bounds.cpu)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()
    # Bubblewrap says by its own status, as a shell does, which signal ended what it enclosed.
    status = 128 - child.returncode if enclosed and child.returncode > 128 else child.returncode
    return _outcome(answer, complaints, in_time, status)


def _listen(
    child: subprocess.Popen[bytes], deadline: float, progress: Tell | None, most_cpu: int
) -> tuple[dict[str, Any] | None, str, bool]:
    """The child's answer if it gave one, the end of what it wrote to stderr, and whether it ended in time."""
    assert child.stdout is not None, "the child has a pipe for its answers"
    assert child.stderr is not None, "the child has a pipe for its complaints"
    answer: dict[str, Any] | None = None
    buffer, complaints = b"", b""
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        selector.register(child.stderr, selectors.EVENT_READ)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                return answer, complaints.decode(errors="replace"), False
            for key, _ in selector.select(left):
                data = os.read(key.fd, 65_536)
                if not data:
                    selector.unregister(key.fileobj)
                elif key.fileobj is child.stderr:
                    complaints = (complaints + data)[-_MOST_COMPLAINTS:]
                else:
                    *lines, buffer = (buffer + data).split(b"\n")
                    if len(buffer) > _LONGEST_LINE:
                        raise Refused("media-crashed", "the child wrote an endless line")
                    for line in lines:
                        message = _message(line)
                        if "used" in message:
                            _note(message["used"], most_cpu)
                        elif "step" not in message:
                            answer = message
                        elif progress is not None:
                            progress(str(message["step"]), float(message["fraction"]))
    return answer, complaints.decode(errors="replace"), True


def _note(used: object, most_cpu: int) -> None:
    """Count what a child says it used; more than it could have used is no news."""
    if walls.kind() == "bubblewrap" and isinstance(used, int | float) and 0 <= used <= most_cpu + 1:
        with _counting:
            _used[0] += used


def uncounted() -> float:
    """Return the processor seconds of ended children that the kernel does not count among this process's.

    Bubblewrap ends before it has waited for what it enclosed, so nobody inherits its count. A child that was killed
    has told nothing.
    """
    return _used[0]


def _message(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError as error:
        raise Refused("media-crashed", "the child wrote what is not JSON") from error
    if not isinstance(message, dict):
        raise Refused("media-crashed", "the child wrote what is not a message")
    return message


def _outcome(answer: dict[str, Any] | None, complaints: str, in_time: bool, status: int) -> dict[str, Any]:
    if answer is not None and "result" in answer:
        result = answer["result"]
        assert isinstance(result, dict), "a task answers with an object"
        return result
    if answer is not None and "refused" in answer:
        raise Refused(answer["refused"], answer["cause"], **answer["extra"])
    if answer is not None and "failed" in answer:
        raise SandboxFailed(answer["failed"])
    if not in_time:
        raise Refused("media-too-demanding", "wall clock")
    if status in (-signal.SIGXCPU, -signal.SIGKILL, -signal.SIGXFSZ):
        raise Refused("media-too-demanding", signal.Signals(-status).name)
    if status < 0:
        raise Refused("media-crashed", f"{signal.Signals(-status).name} {complaints}")
    raise SandboxFailed(f"the child ended with status {status}: {complaints}")


def _confine(job: dict[str, Any]) -> None:
    confinement.no_new_privileges()
    if job["parent"] is not None:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != job["parent"]:
            os._exit(1)
        confinement.leave_network()
        reads = [Path(path) for path in (*job["reads"], "/dev/null", "/dev/urandom")]
        confinement.allow_paths(reads, [Path(path) for path in job["writes"]])
    bounds = {name: value for name, value in job["bounds"].items() if name != "wall"}
    confinement.limit(**bounds)
    confinement.filter_calls()


def _work(job: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    from importlib import import_module

    module, function = job["task"].split(":")
    last: list[Any] = ["", -1.0]

    def progress(step: str, fraction: float) -> None:
        if step != last[0] or fraction >= 1 or fraction - last[1] >= 0.01:
            last[:] = step, fraction
            say({"step": step, "fraction": round(fraction, 3)})

    try:
        run_task = getattr(import_module(module), function)
    except ImportError as error:
        say({"failed": repr(error)})
        return
    try:
        say({"result": run_task(progress=progress, **job["arguments"])})
    except Refused as refused:
        say({"refused": refused.code, "cause": refused.cause, "extra": refused.extra})
    except MemoryError as error:
        say({"refused": "media-too-demanding", "cause": repr(error), "extra": {}})
    except Exception as error:
        from av.error import FFmpegError

        number = getattr(error, "errno", None)
        if isinstance(error, OSError) and not isinstance(error, FFmpegError) and number in _OUR_FAULTS:
            say({"failed": repr(error)})
        elif number == errno.EFBIG:
            say({"refused": "media-too-demanding", "cause": repr(error), "extra": {}})
        else:
            # Hostile bytes raise anything: UnicodeDecodeError, AttributeError, FFmpegError. The log gets the place.
            import traceback

            say({"refused": "media-broken", "cause": traceback.format_exc(limit=-4), "extra": {}})


_OUR_FAULTS = frozenset(
    {errno.ENOENT, errno.EACCES, errno.ENFILE, errno.EMFILE, errno.ENOSPC, errno.EROFS, errno.EDQUOT}
)


def main() -> None:
    """The child: reads its job from stdin, confines itself before any file is looked at, answers in JSON lines."""
    job = json.load(sys.stdin)
    # PySceneDetect would load it for a reader that nobody uses, and MoviePy starts programs to find an FFmpeg.
    sys.modules["moviepy"] = None  # type: ignore[assignment]
    _confine(job)
    out = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints must not be taken for a message

    def say(message: dict[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(out, data) :]

    _work(job, say)
    used = resource.getrusage(resource.RUSAGE_SELF)
    say({"used": round(used.ru_utime + used.ru_stime, 3)})


if __name__ == "__main__":
    main()

"""Tasks that a sandboxed child should not get away with."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from video_assembly.refusals import Refused

Progress = Callable[[str, float], None]


def spin(progress: Progress) -> dict[str, Any]:
    while True:
        pass


def work(seconds: float, progress: Progress) -> dict[str, Any]:
    while time.process_time() < seconds:
        pass
    return {}


def wait(progress: Progress) -> dict[str, Any]:
    progress("pid", float(os.getpid()))
    os.read(os.pipe()[0], 1)
    return {}


def try_everything(allowed: str, sibling: str, outside: str, progress: Progress) -> dict[str, Any]:
    """What each attempt to leave ended with: the name of an error number, or `done`."""
    ours = Path(allowed)
    attempts: dict[str, Callable[[], object]] = {
        "read": lambda: (ours / "mine").read_bytes(),
        "write": lambda: (ours / "new").write_bytes(b"x"),
        "passwords": lambda: Path("/etc/passwd").read_bytes(),
        "sibling": lambda: Path(sibling).read_bytes(),
        "list": lambda: os.listdir(Path(sibling).parent),
        "outside": lambda: Path(outside).write_bytes(b"x"),
        "program": lambda: os.execv(sys.executable, [sys.executable, "-c", ""]),
        "fork": os.fork,
        "socket": socket.socket,
        "signal": lambda: os.kill(os.getppid(), 0),
        "symlink": lambda: (ours / "link").symlink_to("/etc/passwd"),
        "hard link": lambda: (ours / "hard").hardlink_to(sibling),
        "thread": lambda: threading.Thread(target=lambda: None).start(),
    }
    ends = {}
    for name, attempt in attempts.items():
        try:
            attempt()
            ends[name] = "done"
        except OSError as error:
            ends[name] = errno.errorcode[error.errno or 0]
    return ends


def take_memory(progress: Progress) -> dict[str, Any]:
    return {"taken": len(bytearray(4 << 30))}


def fill_the_disk(path: str, progress: Progress) -> dict[str, Any]:
    with Path(path).open("wb") as file:
        while True:
            file.write(bytes(1 << 20))


def crash(progress: Progress) -> dict[str, Any]:
    ctypes.string_at(0)
    return {}


def chatter(progress: Progress) -> dict[str, Any]:
    """Prints what looks like an answer, and much to stderr."""
    print('{"result": {"forged": true}}', flush=True)
    sys.stderr.write("x" * 1_000_000)
    progress("step", 0.5)
    return {"forged": False}


def reach(port: int, progress: Progress) -> dict[str, Any]:
    try:
        with socket.socket() as connection:
            connection.settimeout(2)
            return {"error": connection.connect_ex(("127.0.0.1", port))}
    except OSError as error:
        return {"error": error.errno}


def open_naively(path: str, progress: Progress) -> dict[str, Any]:
    """Opens a file as a careless program does: whatever it says it is."""
    import av

    try:
        with av.open(path, options={"safe": "0"}) as container:
            return {"frames": sum(1 for _ in container.decode(video=0))}
    except av.FFmpegError as error:
        return {"error": type(error).__name__}


def open_many_files(progress: Progress) -> dict[str, Any]:
    return {"files": len([os.open("/dev/null", os.O_RDONLY) for _ in range(1000)])}


def stumble(progress: Progress) -> dict[str, Any]:
    b"\xff".decode()
    return {}


def refuse(progress: Progress) -> dict[str, Any]:
    raise Refused("media-codec", "for the log", codec="magicyuv")


def look_around(progress: Progress) -> dict[str, Any]:
    return {"environment": dict(os.environ)}

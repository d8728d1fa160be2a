"""Tasks that a sandboxed child should not get away with."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from video_assembly.refusals import Refused

Progress = Callable[[str, float], None]


def spin(progress: Progress) -> dict[str, Any]:
    while True:
        pass


def wait(progress: Progress) -> dict[str, Any]:
    progress("pid", float(os.getpid()))
    os.read(os.pipe()[0], 1)
    return {}


def leave_a_child(progress: Progress) -> dict[str, Any]:
    """Its own child would wait for ever, holding the pipes open."""
    if not (child := os.fork()):
        os.read(os.pipe()[0], 1)
    return {"pid": child}


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
    with socket.socket() as connection:
        connection.settimeout(2)
        return {"error": connection.connect_ex(("127.0.0.1", port))}


def open_many_files(progress: Progress) -> dict[str, Any]:
    return {"files": len([os.open("/dev/null", os.O_RDONLY) for _ in range(1000)])}


def stumble(progress: Progress) -> dict[str, Any]:
    b"\xff".decode()
    return {}


def refuse(progress: Progress) -> dict[str, Any]:
    raise Refused("media-codec", "for the log", codec="magicyuv")


def look_around(progress: Progress) -> dict[str, Any]:
    return {"environment": dict(os.environ), "session": os.getsid(0) == os.getpid()}

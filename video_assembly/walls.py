"""Which walls a decoder gets on this machine: bubblewrap's namespaces, else the kernel's own, else limits alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from video_assembly import confinement

Kind = Literal["bubblewrap", "kernel", "limits"]

SYSTEM_PACKAGES = "bubblewrap"
"""Debian's name of the best wall."""
_OURS = Path(__file__).parent
_SYSTEM = tuple(Path(path) for path in ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/etc/ld.so.cache"))
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")


@cache
def kind() -> Kind:
    """Return what stands around a child here; bubblewrap counts only when it was seen to work."""
    if _bubblewrap_works():
        return "bubblewrap"
    return "kernel" if confinement.landlock_version() else "limits"


def programs() -> list[Path]:
    """Return what Python needs to run our code, for reading alone; other people's files are not among it."""
    found = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.exec_prefix), Path(sys.executable).resolve().parent]
    found += [path for path in _SYSTEM if path.exists()]
    found.append(_OURS)
    return list(dict.fromkeys(found))


def enclosed(command: Sequence[str], reads: Sequence[Path], writes: Sequence[Path]) -> list[str]:
    """The command inside bubblewrap: no network, no other process, of the disk only Python, `reads` and `writes`."""
    arguments = ["--unshare-user", "--unshare-all", "--die-with-parent", "--cap-drop", "ALL"]
    # A folder comes before what lies in it: a later mount would hide an earlier one below.
    for path in sorted({*programs(), *reads}, key=lambda path: len(path.parts)):
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), str(path)]
        else:
            arguments += ["--ro-bind", str(path), str(path)]
    for device in _DEVICES:
        arguments += ["--dev-bind-try", device, device]
    for path in writes:
        arguments += ["--bind", str(path), str(path)]
    return [_program(), *arguments, "--chdir", str(_OURS.parent), "--", *command]


def _program() -> str:
    return shutil.which("bwrap") or "bwrap"


def _bubblewrap_works() -> bool:
    if shutil.which("bwrap") is None:
        return False
    try:
        tried = subprocess.run(
            enclosed([sys.executable, "-S", "-c", ""], [], []), capture_output=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0

"""Builds the optional native part of the forwarding path; without a compiler there is none, and pure Python serves."""

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("livestream/native.c")
LIBRARY = Path("livestream/_native.so")
FLAGS = ["-O2", "-fPIC", "-shared", "-Wall", "-Wextra", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2"]


class NativeBuild(BuildHookInterface[Any]):
    """Runs the machine's C compiler."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before files are collected; a failure says why and is none."""
        if self.target_name != "wheel" or not sys.platform.startswith("linux"):
            return
        root = Path(self.root)
        compiler = shutil.which(os.environ.get("CC", "cc"))
        if compiler is None:
            self.app.display_warning("no C compiler: rooms are forwarded by Python alone")
            return
        made = root / LIBRARY.with_suffix(".new")
        command = [compiler, *FLAGS, "-o", str(made), str(root / SOURCE), "-ldl"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            self.app.display_warning(f"rooms are forwarded by Python alone: {done.stderr.strip()[-500:]}")
            return
        made.replace(root / LIBRARY)
        if version != "editable":
            build_data["artifacts"].append(LIBRARY.as_posix())
            build_data["pure_python"] = False
            tag = sysconfig.get_platform().replace("-", "_").replace(".", "_") or platform.machine()
            build_data["tag"] = f"py3-none-{tag}"

    def clean(self, versions: list[str]) -> None:
        """Remove what was compiled."""
        (Path(self.root) / LIBRARY).unlink(missing_ok=True)

"""`vitrine up`: starts every part in order, waits for each, restarts what dies, stops all in reverse.

Children run in sessions of their own, so that Ctrl-C reaches this process only, and ask the kernel for a signal when
it dies, so that even a killed supervisor leaves no orphan.
"""

import fcntl
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import click

from storage.processes import die_with_parent

POLL_SECONDS = 0.05
STOP_SECONDS = 12.0
# Viewers wait for what died: the first pause is short, and none is longer than a broken part deserves.
FIRST_BACK_OFF, LONGEST_BACK_OFF = 0.3, 5.0
# A part that ran this long is healthy: its next death starts from the first back-off again.
STEADY_SECONDS = 20.0
LARGEST_LOG = 10 * 1024 * 1024
SHOWN_LOG_LINES = 15


class StartFailed(click.ClickException):
    """A part did not come up; the message says which and shows the end of its log."""


@dataclass
class Part:
    """One child process: how it is started and how one sees that it is ready."""

    name: str
    command: Sequence[str]
    ready: Callable[[], bool]
    # A loaded machine takes half a minute to load the modules of six processes.
    patience: float = 60.0
    nice: int = 0
    # What the kernel sends when the supervisor is killed; SIGKILL for parts that could wait for what dies beside them.
    last_signal: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    back_off: float = FIRST_BACK_OFF
    due: float | None = field(default=None)

    def pause(self, lived: float) -> float:
        """Return the seconds to wait after a death: twice the last ones, but the first again after a steady life."""
        pause = FIRST_BACK_OFF if lived > STEADY_SECONDS else self.back_off
        self.back_off = min(pause * 2, LONGEST_BACK_OFF)
        return pause


class Supervisor:
    """Runs parts over one data directory, of which it holds the lock."""

    def __init__(self, data_dir: Path, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._logs = data_dir / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(data_dir / "vitrine.lock")
        self._stages: list[Sequence[Part]] = []
        self._stopping = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)

    def start(self, *stages: Sequence[Part]) -> None:
        """Start stages of parts and wait for each part in turn; raises StartFailed when one ends or takes too long.

        All load their modules side by side; the one that needs another waits for it by itself.
        """
        self._stages += stages
        parts = [part for stage in stages for part in stage]
        for part in parts:
            self._spawn(part)
        for part in parts:
            self._wait_for(part)

    def _wait_for(self, part: Part) -> None:
        deadline = part.started + part.patience
        while not part.ready():
            assert part.process is not None, "the part was spawned above"
            if self._stopping:
                raise click.Abort
            if part.process.poll() is not None:
                raise StartFailed(f"{part.name} ended with code {part.process.returncode}.\n{self._log_end(part)}")
            if time.monotonic() > deadline:
                raise StartFailed(f"{part.name} was not ready in {part.patience:.0f} s.\n{self._log_end(part)}")
            time.sleep(POLL_SECONDS)

    def run(self) -> None:
        """Watch over the parts until a signal asks to stop; what dies is started again with growing pauses."""
        while not self._stopping:
            for part in (part for stage in self._stages for part in stage):
                self._look_after(part)
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Stop the stages in reverse order; each part gets a SIGTERM and, when it does not follow, a SIGKILL."""
        for stage in reversed(self._stages):
            running = [(part, part.process) for part in stage if part.process is not None]
            for _, process in running:
                _signal(process, signal.SIGTERM, group=False)
            for part, process in running:
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    click.echo(f"{part.name} did not stop and is killed", err=True)
                _signal(process, signal.SIGKILL, group=True)
                process.wait()
        self._lock.close()

    def _ask_to_stop(self, _signal: int, _frame: object) -> None:
        self._stopping = True

    def _look_after(self, part: Part) -> None:
        assert part.process is not None, "only started parts are looked after"
        code = part.process.poll()
        if code is None:
            return
        now = time.monotonic()
        if part.due is None:
            pause = part.pause(now - part.started)
            part.due = now + pause
            click.echo(f"{part.name} ended with code {code}; it is started again in {pause:.1f} s", err=True)
        elif now >= part.due:
            self._spawn(part)

    def _spawn(self, part: Part) -> None:
        part.started, part.due = time.monotonic(), None
        with _log_file(self._logs / f"{part.name}.log") as log:
            part.process = subprocess.Popen(
                part.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
                preexec_fn=_prepare_child(os.getpid(), part),
            )

    def _log_end(self, part: Part) -> str:
        lines = (self._logs / f"{part.name}.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-SHOWN_LOG_LINES:])


def vitrine_command(*arguments: str) -> list[str]:
    """Return the command line of a part of ours, run by this very Python."""
    return [sys.executable, "-m", "web.cli", *arguments]


def answers(path: Path) -> bool:
    """Tell whether somebody listens on a unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def is_ready(url: str, trust: ssl.SSLContext | None = None) -> bool:
    """Tell whether `GET url` answers 200, over HTTPS to whom `trust` accepts."""
    try:
        with urllib.request.urlopen(url, timeout=2, context=trust) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def free_port(host: str, wish: int) -> int:
    """Return `wish` when it is free on `host`, any free port for 0; raises ClickException when it is taken."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wish))
        except OSError as error:
            raise click.ClickException(f"Port {wish} is taken. Choose another one: --port {wish + 1}") from error
        return int(probe.getsockname()[1])


def _lock(path: Path) -> IO[str]:
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        message = f"Vitrine already runs on {path.parent}. Stop it, or take another --data-dir."
        raise click.ClickException(message) from error
    return file


def _log_file(path: Path) -> IO[bytes]:
    if path.exists() and path.stat().st_size > LARGEST_LOG:
        path.replace(path.with_suffix(".old.log"))
    return path.open("ab")


def _prepare_child(parent: int, part: Part) -> Callable[[], None]:
    def prepare() -> None:
        die_with_parent(parent, part.last_signal)
        if part.nice:
            os.nice(part.nice)

    return prepare


def _signal(process: subprocess.Popen[bytes], number: signal.Signals, *, group: bool) -> None:
    try:
        if group:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
    except ProcessLookupError:
        pass

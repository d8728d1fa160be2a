"""The servers under test, each on one core and on loopback: Vitrine's media process, and Debian's Janus."""

import asyncio
import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import psutil
from aioice.ice import get_host_addresses

from benchmarks.endpoint import Endpoint
from livestream.client import MediaClient
from livestream.errors import NobodyPublishes

ROOM = 1234
PLUGINS = Path("/usr/lib/x86_64-linux-gnu/janus")


class Signalling(Protocol):
    """One process's way to the server: both calls end with the endpoint's first check on its way."""

    def publish(self, endpoint: Endpoint) -> None:
        """Let `endpoint` be the room's publisher."""

    def play(self, endpoint: Endpoint) -> None:
        """Let `endpoint` watch."""


class Server:
    """A process pinned to one core that dies with this one at the latest."""

    name = ""

    def __init__(self, folder: Path, core: int | None) -> None:
        self.folder = folder
        #: Other processes of the same server.
        self.helpers: list[subprocess.Popen[bytes]] = []
        self._core = core
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """What to run."""
        raise NotImplementedError

    def signalling(self) -> contextlib.AbstractContextManager[Signalling]:
        """Open a way to the server from this process."""
        raise NotImplementedError

    def ready(self) -> bool:
        """Tell whether calls are answered."""
        return (self.folder / "socket").exists()

    def start(self) -> None:
        """Start, pinned, and wait until calls are answered; raises TimeoutError after 20 s.

        Janus now and then gives up in its first moments: its socket's thread may run before it is counted as there.
        """
        end = time.monotonic() + 20
        while not self.ready():
            if time.monotonic() > end:
                raise TimeoutError(f"{self.name} did not start:\n{(self.folder / 'log').read_text()[-2000:]}")
            if self._process is None or self._process.poll() is not None:
                self._process = self.launch(self.command())
            time.sleep(0.05)

    def launch(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Run one process of the server on its core."""
        pin = None if self._core is None else functools.partial(os.sched_setaffinity, 0, {self._core})
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=pin)

    def processes(self) -> list[int]:
        """The main process first, then the others."""
        assert self._process is not None, "start first"
        return [self._process.pid, *(helper.pid for helper in self.helpers)]

    def cpu_seconds(self) -> list[float]:
        """User and system time of each process of the server, all its threads and children included."""
        used = []
        for whole in map(psutil.Process, self.processes()):
            times = [one.cpu_times() for one in (whole, *whole.children(recursive=True))]
            used.append(sum(one.user + one.system for one in times))
        return used

    def stop(self) -> None:
        """End the server and wait for it."""
        for process in (self._process, *self.helpers):
            if process is not None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


class VitrineSignalling:
    """Calls over the media process's unix socket, one at a time."""

    def __init__(self, path: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = MediaClient(path, timeout=20)

    def publish(self, endpoint: Endpoint) -> None:
        """Offer to publish."""
        endpoint.start(self._loop.run_until_complete(self._client.publish(str(ROOM), endpoint.offer())).sdp)

    def play(self, endpoint: Endpoint) -> None:
        """Offer to play; waits up to ten seconds for the publisher's first packet."""
        end = time.monotonic() + 10
        while True:
            try:
                answer = self._loop.run_until_complete(self._client.play(str(ROOM), endpoint.offer()))
            except NobodyPublishes:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
                continue
            endpoint.start(answer.sdp, batched=True)
            return

    def close(self) -> None:
        """Hang up."""
        self._loop.run_until_complete(self._client.aclose())
        self._loop.close()


class Vitrine(Server):
    """`python -m livestream.server` with its recorder, as `vitrine up` starts them; both are on the server's core."""

    name = "vitrine"

    def __init__(self, folder: Path, core: int | None, arguments: tuple[str, ...] = (), recorder: bool = True) -> None:
        super().__init__(folder, core)
        self._arguments = arguments
        self._records = recorder

    def start(self) -> None:
        """Start the recorder, then the media process."""
        if self._records:
            command = [sys.executable, "-m", "livestream.recorder", "--socket", str(self.folder / "recorder")]
            self.helpers.append(self.launch([*command, "--directory", str(self.folder / "recordings")]))
        super().start()

    def command(self) -> list[str]:
        """Run the media process, with room for every viewer."""
        command = [sys.executable, "-m", "livestream.server", "--socket", str(self.folder / "socket")]
        command += ["--address", "127.0.0.1", "--max-peers", "5000", "--max-viewers", "5000"]
        command += ["--recorder", str(self.folder / "recorder")] if self._records else []
        return [*command, *self._arguments]

    @contextlib.contextmanager
    def signalling(self) -> Iterator[VitrineSignalling]:
        """Open a way to the server from this process."""
        made = VitrineSignalling(self.folder / "socket")
        try:
            yield made
        finally:
            made.close()


class JanusSignalling:
    """The Janus API over a unix socket: a session and a VideoRoom handle for each end."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.connect(str(path))
        self._socket.settimeout(10)
        self._number = 0

    def _call(self, what: str, wanted: str, **more: Any) -> dict[str, Any]:
        """Send a request and wait for the answer to it that is of the kind `wanted`."""
        self._number += 1
        transaction = str(self._number)
        self._socket.send(json.dumps({"janus": what, "transaction": transaction, **more}).encode())
        while True:
            heard: dict[str, Any] = json.loads(self._socket.recv(1 << 18))
            if heard.get("transaction") == transaction and heard["janus"] in (wanted, "error"):
                problem = heard.get("error") or heard.get("plugindata", {}).get("data", {}).get("error")
                if problem:
                    raise RuntimeError(f"Janus refused {what}: {problem}")
                return heard

    def _handle(self) -> dict[str, int]:
        session = self._call("create", "success")["data"]["id"]
        handle = self._call("attach", "success", session_id=session, plugin="janus.plugin.videoroom")["data"]["id"]
        return {"session_id": session, "handle_id": handle}

    def publish(self, endpoint: Endpoint) -> None:
        """Make the room and publish in it."""
        handle = self._handle()
        room = {"request": "create", "room": ROOM, "publishers": 1, "bitrate": 0, "fir_freq": 0}
        room |= {"videocodec": "h264", "h264_profile": "42e01f", "audiocodec": "opus"}
        self._call("message", "success", **handle, body=room)
        body = {"request": "joinandconfigure", "room": ROOM, "ptype": "publisher", "id": 1}
        offer = {"type": "offer", "sdp": endpoint.offer()}
        endpoint.start(self._call("message", "event", **handle, body=body, jsep=offer)["jsep"]["sdp"])

    def play(self, endpoint: Endpoint) -> None:
        """Subscribe to the publisher: in this API the server offers."""
        handle = self._handle()
        body = {"request": "join", "room": ROOM, "ptype": "subscriber", "streams": [{"feed": 1}]}
        offer = self._call("message", "event", **handle, body=body)["jsep"]["sdp"]
        answer = {"type": "answer", "sdp": endpoint.answer(offer)}
        self._call("message", "event", **handle, body={"request": "start"}, jsep=answer)
        endpoint.start(offer, batched=True)

    def close(self) -> None:
        """Hang up, which ends the sessions."""
        self._socket.close()


class Janus(Server):
    """Debian's Janus with its VideoRoom, ICE-lite, nothing else switched on."""

    name = "janus"

    @staticmethod
    def installed() -> bool:
        """Tell whether the package is here (`apt-get install janus`)."""
        return shutil.which("janus") is not None and PLUGINS.exists()

    def command(self) -> list[str]:
        """Write the settings and run it in the foreground.

        It refuses the loopback interface, so it gets an address of this machine: the kernel leads that over `lo` too.
        """
        own = get_host_addresses(use_ipv4=True, use_ipv6=False)
        (self.folder / "janus.jcfg").write_text(
            f'general: {{ configs_folder = "{self.folder}"; plugins_folder = "{PLUGINS}/plugins"; '
            f'transports_folder = "{PLUGINS}/transports"; events_folder = "{PLUGINS}/events"; '
            f'loggers_folder = "{PLUGINS}/loggers"; interface = "127.0.0.1"; debug_level = 3; session_timeout = 0; }}\n'
            f'nat: {{ ice_lite = true; ice_enforce_list = "{own[0] if own else ""}"; }}\n'
            'plugins: { disable = "'
            + ",".join(p.name for p in (PLUGINS / "plugins").glob("*.so") if "videoroom" not in p.name)
            + '" }\ntransports: { disable = "'
            + ",".join(p.name for p in (PLUGINS / "transports").glob("*.so") if "pfunix" not in p.name)
            + '" }\n'
        )
        (self.folder / "janus.transport.pfunix.jcfg").write_text(
            f'general: {{ enabled = true; path = "{self.folder}/socket"; type = "SOCK_SEQPACKET"; json = "plain"; }}\n'
        )
        (self.folder / "janus.plugin.videoroom.jcfg").write_text("general: { }\n")
        return ["janus", "--configs-folder", str(self.folder), "--config", str(self.folder / "janus.jcfg")]

    @contextlib.contextmanager
    def signalling(self) -> Iterator[JanusSignalling]:
        """Open a way to the server from this process."""
        made = JanusSignalling(self.folder / "socket")
        try:
            yield made
        finally:
            made.close()

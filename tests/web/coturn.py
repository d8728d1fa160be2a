"""Debian's coturn on loopback, as docs/live.md sets it up but for what loopback needs."""

import contextlib
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import missing

SECRET = "north"


@contextlib.contextmanager
def running() -> Iterator[str]:
    """A relay that our credentials open; gives its URL."""
    program = shutil.which("turnserver")
    if program is None:
        missing("there is no coturn on this machine: apt-get install coturn")
    assert program is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder) / "turnserver.conf"
        configuration.write_text(
            f"""
listening-ip=127.0.0.1
relay-ip=127.0.0.1
listening-port={port}
realm=vitrine.test
use-auth-secret
static-auth-secret={SECRET}
user-quota=12
stale-nonce=600
no-multicast-peers
no-tcp-relay
no-tls
no-dtls
no-cli
no-software-attribute
allow-loopback-peers
pidfile={folder}/turnserver.pid
userdb={folder}/turndb
log-file=stdout
simple-log
"""
        )
        process = subprocess.Popen([program, "-c", str(configuration)], stdout=subprocess.DEVNULL, cwd=folder)
        try:
            yield f"turn:127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)

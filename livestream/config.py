"""What the media process is told at its start."""

import argparse
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Config:
    """Settings of the media process; times in seconds."""

    socket: Path
    #: Addresses to offer. Local ones are bound, others announced as leading here; none means all local ones.
    addresses: tuple[str, ...] = ()
    #: The one UDP port of each address; 0 lets the system choose.
    port: int = 0
    #: Viewers beyond this are sent to HLS; who resumes a lost session is not, up to `max_peers` of all connections.
    max_viewers: int = 200
    max_peers: int = 256
    connect_timeout: float = 10.0
    #: Silence after which a publisher counts as lost, and a viewer as gone.
    publisher_silence: float = 5.0
    viewer_silence: float = 30.0
    #: How long viewers are kept while a lost publisher may come back.
    grace: float = 60.0
    #: Unix socket of the recorder process; without it nothing is recorded and there is no HLS.
    recorder: Path | None = None


def read_arguments(arguments: list[str] | None = None) -> tuple[Config, str]:
    """Read the command line; returns the settings and the log level."""
    parser = argparse.ArgumentParser(prog="python -m livestream.server", description="The media process.")
    parser.add_argument("--socket", type=Path, required=True, help="unix socket for calls; created with mode 0600")
    parser.add_argument("--address", action="append", default=[], help="address to offer; repeat for more")
    parser.add_argument("--port", type=int, default=0, help="UDP port of every address; 0: any")
    parser.add_argument(
        "--max-peers", type=int, default=Config.max_peers, help="connections of publishers and viewers together"
    )
    parser.add_argument(
        "--max-viewers", type=int, default=Config.max_viewers, help="viewers beyond these are refused with 503"
    )
    parser.add_argument(
        "--grace", type=float, default=Config.grace, help="seconds that viewers wait for a lost publisher"
    )
    parser.add_argument("--recorder", type=Path, help="unix socket of the recorder process")
    parser.add_argument("--log-level", default="WARNING")
    given = parser.parse_args(arguments)
    config = Config(
        socket=given.socket,
        addresses=tuple(given.address),
        port=given.port,
        max_peers=given.max_peers,
        max_viewers=given.max_viewers,
        grace=given.grace,
        recorder=given.recorder,
    )
    return config, given.log_level

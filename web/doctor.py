"""What `vitrine doctor` looks at: the machine, then the parts that run or should. Nothing is changed."""

import asyncio
import ctypes
import fcntl
import os
import resource
import shutil
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

import pysqlite3.dbapi2 as sqlite
from cryptography import x509

from livestream import native
from livestream.addresses import local_addresses
from livestream.client import MediaClient
from livestream.errors import LiveError
from livestream.relay import allocate
from storage import broker, jobs, schema
from storage.clock import utcnow
from storage.database import OLDEST_SAFE_SQLITE, Database
from storage.messages import Messages
from storage.settings import Settings
from web.certificate import CERTIFICATE, RENEW_BEFORE
from web.ice import host_and_port, turn_credentials
from web.media_processes import together
from web.supervisor import answers

State = Literal["OK", "WARN", "FAIL"]

OLDEST_PYTHON = (3, 11)
# libavcodec of FFmpeg 8.1.2, which closes CVE-2026-8461
OLDEST_AVCODEC = (62, 28, 102)
# What the media process asks for; the kernel gives no more than its own limit.
SOCKET_BUFFER = 4 * 1024 * 1024
MOST_FILES = 4096
MEBIBYTE = 1024 * 1024
# adjtimex(2): the clock is not held by anything
TIME_ERROR = 5
SIZE_OF_TIMEX = 256
OLDEST_YEAR = 2026
MEDIA_PATIENCE = 3.0
UP = "Start it with `vitrine up`."


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, how it is, in words, and what to do about it."""

    name: str
    state: State
    detail: str
    fix: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; blocking, a few seconds at most where something does not answer."""
    database = _database(settings)
    try:
        return [
            *_software(),
            *_disk(settings),
            *_kernel(),
            *_broker(settings),
            *_rows(settings, database),
            *_media(settings),
            *_web(settings),
            *_relays(settings),
        ]
    finally:
        if database is not None:
            database.dispose()


def _software() -> Iterator[Finding]:
    import av

    found = ".".join(map(str, sys.version_info[:3]))
    fine = sys.version_info[:2] >= OLDEST_PYTHON
    yield Finding("Python", "OK" if fine else "FAIL", found, "" if fine else "Install Python 3.11 or newer.")
    fine = sqlite.sqlite_version_info >= OLDEST_SAFE_SQLITE
    fix = "" if fine else "Older ones can corrupt the database: run scripts/install again."
    yield Finding("SQLite", "OK" if fine else "FAIL", ".".join(map(str, sqlite.sqlite_version_info)), fix)
    codec = av.library_versions["libavcodec"]
    fine = codec >= OLDEST_AVCODEC
    text = f"{av.ffmpeg_version_info} (libavcodec {'.'.join(map(str, codec))})"
    fix = "" if fine else "Uploads could reach a known hole (CVE-2026-8461): run scripts/install again."
    yield Finding("FFmpeg", "OK" if fine else "FAIL", text, fix)
    yield _walls()
    absent = [package for name, package in SYSTEM_LIBRARIES.items() if not _loads(name)]
    text = f"{' and '.join(absent)} missing: clips are cut evenly instead of at their scenes" if absent else "there"
    fix = f"apt-get install {' '.join(absent)}" if absent else ""
    yield Finding("OpenCV's libraries", "WARN" if absent else "OK", text, fix)
    text = "compiled" if native.available else "in Python alone: about half as many viewers a core"
    fix = "" if native.available else "apt-get install gcc libc6-dev, delete .venv/installed-*, run scripts/install."
    yield Finding("Forwarding", "OK" if native.available else "WARN", text, fix)


def _walls() -> Finding:
    from video_assembly import walls

    kind = walls.kind()
    fix = f"apt-get install {walls.SYSTEM_PACKAGES}" if kind != "bubblewrap" else ""
    text = {
        "bubblewrap": "uploads are decoded inside bubblewrap",
        "kernel": "bubblewrap is missing or may not make namespaces: uploads are decoded behind Landlock and seccomp",
        "limits": "nothing but limits of time and memory stands around the decoders: workers do not start",
    }[kind]
    states: dict[str, State] = {"bubblewrap": "OK", "kernel": "WARN", "limits": "FAIL"}
    return Finding("Sandbox", states[kind], text, fix)


SYSTEM_LIBRARIES = {"libGL.so.1": "libgl1", "libgthread-2.0.so.0": "libglib2.0-0"}


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir.resolve()
    there = folder
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    fine = free > settings.disk_reserve
    text = f"{free // MEBIBYTE:,} MiB free, {settings.disk_reserve // MEBIBYTE:,} MiB are kept back"
    fix = "" if fine else "Free some space, or move the data directory to a larger disk."
    yield Finding("Disk", "OK" if fine else "FAIL", text, fix)
    yield _rights(folder)


def _rights(folder: Path) -> Finding:
    name = "Data directory"
    if not folder.exists():
        return Finding(
            name, "WARN", f"{folder} is not there yet", "The first start makes it; or name another --data-dir."
        )
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return Finding(name, "FAIL", f"{folder} cannot be written", f"chown -R $(id -un) {folder}")
    open_ones = [each for each in (folder, folder / "secret.key", folder / "https.key") if _readable_by_others(each)]
    if open_ones:
        said = ", ".join(map(str, open_ones))
        return Finding(name, "WARN", f"others on this machine can read {said}", f"chmod go-rwx {said}")
    return Finding(name, "OK", f"{folder}, private")


def _readable_by_others(path: Path) -> bool:
    return path.exists() and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def _kernel() -> Iterator[Finding]:
    for name, file in (("UDP receive buffer", "rmem_max"), ("UDP send buffer", "wmem_max")):
        try:
            most = int(Path(f"/proc/sys/net/core/{file}").read_text())
        except (OSError, ValueError):
            yield Finding(name, "WARN", "cannot be read on this system")
            continue
        fine = most >= SOCKET_BUFFER
        fix = "" if fine else f"sysctl -w net.core.{file}={SOCKET_BUFFER} (and in /etc/sysctl.d, to stay)"
        yield Finding(name, "OK" if fine else "WARN", f"at most {most // 1024:,} KiB", fix)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    fine = soft >= MOST_FILES or soft == resource.RLIM_INFINITY
    fix = "" if fine else f"ulimit -n {MOST_FILES}, or LimitNOFILE={MOST_FILES} in the systemd unit"
    yield Finding("Open files", "OK" if fine else "WARN", f"at most {soft:,} ({hard:,} on request)", fix)
    now = utcnow()
    # A buffer of zeros asks and changes nothing.
    held = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(SIZE_OF_TIMEX))
    fix = "Let chrony or systemd-timesyncd hold it: certificates, sign-ins and relays depend on the time."
    if now.year < OLDEST_YEAR:
        yield Finding("Clock", "FAIL", f"{now:%Y-%m-%d %H:%M} UTC is long gone", fix)
    elif held == TIME_ERROR:
        yield Finding(
            "Clock", "WARN", f"{now:%Y-%m-%d %H:%M:%S} UTC, synchronized by nothing that the kernel knows", fix
        )
    else:
        yield Finding("Clock", "OK", f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _broker(settings: Settings) -> Iterator[Finding]:
    messages = Messages(settings.redis_url or broker.url(settings))
    try:
        if not messages.ping():
            yield _absent("Broker", settings, settings.redis_url != "", "Check REDIS_URL and that Redis runs.")
        elif messages.keeps_writes():
            yield Finding("Broker", "OK", "answers, and appends every write to a file")
        else:
            fix = "Set `appendonly yes`: a broker that is killed forgets its queue otherwise."
            yield Finding("Broker", "WARN", "answers, but keeps nothing on disk", fix)
    finally:
        messages.close()


def _absent(name: str, settings: Settings, expected: bool, fix: str) -> Finding:
    """Return FAIL for what should run and does not, WARN when nothing of this installation does."""
    if expected or _is_up(settings):
        return Finding(name, "FAIL", "does not answer", fix)
    return Finding(name, "WARN", "does not run", UP)


def _is_up(settings: Settings) -> bool:
    try:
        with (settings.data_dir / "vitrine.lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _database(settings: Settings) -> Database | None:
    # SQLite would make the file that we only came to look at.
    if not settings.database_url and not (settings.data_dir / "vitrine.sqlite3").exists():
        return None
    return Database(settings.resolved_database_url)


def _rows(settings: Settings, database: Database | None) -> Iterator[Finding]:
    if database is None:
        yield Finding(
            "Database", "WARN", "is not there yet", "The first start makes it, and so does `vitrine migrate`."
        )
        return
    try:
        current, newest, known = schema.state(database)
        with database.reading() as tx:
            beat = jobs.last_beat(tx) if current is not None else None
    except Exception as error:
        # Whatever the driver raises: that it cannot be read is the finding.
        said = str(error).splitlines()[0][:120]
        yield Finding("Database", "FAIL", f"cannot be read: {said}", "Check DATABASE_URL, the disk and the rights.")
        return
    if not known:
        yield Finding("Database", "FAIL", f"schema {current} is from a newer Vitrine", "Install that version again.")
    elif current != newest:
        fix = "Run `vitrine migrate`; `vitrine up` does it by itself."
        yield Finding("Database", "WARN", f"schema {current or 'none'} is older than this version's {newest}", fix)
    else:
        yield Finding("Database", "OK", f"schema {current}")
    if beat is not None and utcnow() - beat < jobs.BEAT_TOO_OLD:
        yield Finding("Worker", "OK", f"swept {max(0, round((utcnow() - beat) / timedelta(seconds=1)))} s ago")
    else:
        yield _absent("Worker", settings, False, "Start `vitrine worker` and `vitrine beat`; see their logs.")


def _media(settings: Settings) -> Iterator[Finding]:
    sockets = settings.media_sockets
    media = [found for found in asyncio.run(_stats(sockets)) if found is not None]
    if len(media) < len(sockets):
        fix = "See its log; the UDP port may be taken by something else."
        yield _absent("Media process", settings, bool(media), fix)
    addresses = [*settings.media_addresses, *local_addresses()]
    if media:
        stats = together(media)
        text = f"{len(media)} of {len(sockets)}, {stats['peers']} connections in {len(stats['rooms'])} rooms"
        busy = bool(stats.get("saturated"))
        fix = "This machine forwards all it can: add media processes on free cores, or another host." if busy else ""
        yield Finding("Media process", "WARN" if busy else "OK", text, fix)
        addresses = [address for address, _ in stats["addresses"]]
        ports = sorted({port for _, port in stats["addresses"]})
        fixed = settings.media_port != 0
        text = f"UDP {', '.join(map(str, ports))}" + ("" if fixed else ", another one after each start")
        fix = "" if fixed else "Take one with --media-port and open it in the firewall, unless all viewers are near."
        yield Finding("Live port", "OK" if fixed else "WARN", text, fix)
    far = [address for address in addresses if ip_address(address).is_global]
    text = ", ".join(dict.fromkeys(addresses)) or "none but loopback"
    fix = "" if far else "Viewers outside this network need --media-address with the outer address."
    yield Finding("Live addresses", "OK" if far else "WARN", text + ("" if far else " (private)"), fix)
    cores, wanted = os.cpu_count() or 1, len(sockets)
    fine = wanted <= cores
    fix = "" if fine else f"More media processes than cores wait for each other: take {cores}."
    yield Finding("Cores", "OK" if fine else "WARN", f"{cores}, media processes: {wanted}", fix)


async def _stats(sockets: Sequence[Path]) -> list[dict[str, Any] | None]:
    return await asyncio.gather(*(_stats_of(socket) for socket in sockets))


async def _stats_of(socket: Path) -> dict[str, Any] | None:
    if not answers(socket):
        return None
    async with MediaClient(socket, timeout=MEDIA_PATIENCE) as client:
        try:
            return await client.stats()
        except LiveError:
            return None


def _web(settings: Settings) -> Iterator[Finding]:
    name = "HTTPS"
    if settings.trust_proxy:
        yield Finding(name, "OK", "a proxy in front is trusted with it")
    elif settings.https or (settings.data_dir / CERTIFICATE).exists():
        yield _certificate(settings.data_dir / CERTIFICATE)
    else:
        fix = "Use --https on the local network, or a proxy with a certificate and VITRINE_TRUST_PROXY=1."
        yield Finding(name, "WARN", "off: cameras and phones work at this machine only", fix)


def _certificate(path: Path) -> Finding:
    fix = "The next `vitrine up --https` makes a new one."
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return Finding("HTTPS", "WARN", f"{path} cannot be read", fix)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uncovered = set(local_addresses()) - {str(each.value) for each in names}
    if uncovered:
        return Finding("HTTPS", "WARN", f"the certificate does not name {', '.join(sorted(uncovered))}", fix)
    end = found.not_valid_after_utc
    if end - utcnow() < RENEW_BEFORE:
        return Finding("HTTPS", "WARN", f"the certificate ends on {end:%Y-%m-%d}", fix)
    return Finding("HTTPS", "OK", f"own certificate until {end:%Y-%m-%d}, for phones on the local network")


def _relays(settings: Settings) -> Iterator[Finding]:
    if not settings.ice_urls("turn"):
        yield Finding("Relay", "OK", "none set: whoever cannot send UDP here gets the delayed stream")
    for url in settings.ice_urls("turn"):
        yield _relay(settings, url)


def _relay(settings: Settings, url: str) -> Finding:
    host, port, transport = host_and_port(url)
    made = turn_credentials(settings.turn_key, "doctor", utcnow().timestamp())
    tls = url.startswith("turns:")
    try:
        address, _ = asyncio.run(allocate(host, port, made.username, made.password, transport=transport, tls=tls))
    except TimeoutError:
        return Finding("Relay", "FAIL", f"{url} does not answer", "Is coturn running, and its port open?")
    except ConnectionError as refused:
        fix = "Compare static-auth-secret with VITRINE_TURN_SECRET, and the clocks of both machines."
        return Finding("Relay", "FAIL", f"{url} refuses our credentials ({refused})", fix)
    except OSError as error:
        return Finding(
            "Relay", "FAIL", f"{url} cannot be reached ({error})", "Check the name, the port and the firewall."
        )
    return Finding("Relay", "OK", f"{url} relays from {address}")

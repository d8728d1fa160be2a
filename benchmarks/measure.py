"""One load run: server, publisher and viewers as processes of their own, and what the viewers' notes say afterwards."""

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy
import psutil

from benchmarks import source
from benchmarks.clip import Clip
from benchmarks.crowd import Crowd
from benchmarks.endpoint import AUDIO, VIDEO
from benchmarks.servers import Server
from benchmarks.source import RING, Ledger

#: Seconds between the last join and the measured seconds, and after them for what is still on its way.
WARM, LATE = 1.5, 0.3
#: From here on a core counts as full, in percent; the viewers' earlier, because it would distort the delays.
SERVER_FULL, VIEWERS_FULL = 95.0, 90.0
#: Of a full core at least this much must be the tool's own or the server's, or else other programs filled it.
OWN_PART = 0.8
Result = dict[str, Any]


@dataclass(frozen=True)
class Window:
    """The measured seconds: instants (CLOCK_REALTIME, ns) and for each kind the publisher's first and last number."""

    begin: int
    end: int
    first: tuple[int, int]
    last: tuple[int, int]


def busy(core: int) -> tuple[int, int]:
    """Ticks of a core in which it worked, for whomever, and all ticks."""
    with open("/proc/stat") as table:
        ticks = next([int(word) for word in line.split()[1:9]] for line in table if line.startswith(f"cpu{core} "))
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def share(core: int, before: tuple[int, int]) -> float:
    """Percent of the time since `before` that a core worked."""
    worked, all_ticks = busy(core)
    return 100 * (worked - before[0]) / max(all_ticks - before[1], 1)


def watch(server: Server, ledger: Ledger, count: int, seconds: float, cores: tuple[int, int], pipe: Connection) -> None:
    """Be the viewers' process: join, watch, judge, and send the figures."""
    with server.signalling() as signalling:
        crowd = Crowd(signalling.play, ledger)
        try:
            for _ in range(count):
                crowd.join()
            crowd.run(WARM)
            crowd.forget()
            dropped, ticks = crowd.dropped(), [busy(core) for core in cores]
            own, cpu = load_seconds(ledger), server.cpu_seconds()
            begin, first = time.time_ns(), tuple(ledger.sent)
            crowd.run(seconds)
            end, last = time.time_ns(), tuple(ledger.sent)
            own = load_seconds(ledger) - own
            each = [after - before for after, before in zip(server.cpu_seconds(), cpu, strict=True)]
            full = [share(core, before) for core, before in zip(cores, ticks, strict=True)]
            crowd.run(LATE)
            dropped = crowd.dropped() - dropped
            figures = judge(crowd, ledger, Window(begin, end, first, last))
            figures["cpu_us_per_packet"] = 1e6 * sum(each) / max(figures["reached"], 1)
            figures["media_us_per_packet"] = 1e6 * each[0] / max(figures["reached"], 1)
            figures["server_cpu_percent"] = 1e11 * sum(each) / (end - begin)
            figures["helpers_cpu_percent"] = 1e11 * sum(each[1:]) / (end - begin)
            figures["load_cpu_percent"] = 1e11 * own / (end - begin)
            figures["server_core_percent"], figures["viewers_core_percent"] = full
            figures["unread"] = dropped
            pipe.send(figures | verdict(figures))
        except (TimeoutError, OSError, RuntimeError) as reason:
            pipe.send({"counts": False, "why": f"{type(reason).__name__}: {reason}", "limit": "failed"})
        finally:
            crowd.close()


def load_seconds(ledger: Ledger) -> float:
    """User and system time of the publisher and of this process."""
    used = [psutil.Process(pid).cpu_times() for pid in (ledger.pid[0], os.getpid())]
    return sum(one.user + one.system for one in used)


def verdict(figures: Result) -> Result:
    """Say whether the run counts, why not, and who was the limit."""
    limit = "none"
    full = figures["viewers_core_percent"] >= VIEWERS_FULL
    if full:
        limit = "viewers' core" if figures["load_cpu_percent"] >= OWN_PART * VIEWERS_FULL else "other programs"
    elif figures["server_core_percent"] >= SERVER_FULL:
        limit = "server core" if figures["server_cpu_percent"] >= OWN_PART * SERVER_FULL else "other programs"
    faults = {
        "packets that were not what was sent": figures["strange"],
        "renumbered on the way": figures["renumbered"],
        "unread by the viewers": figures["unread"],
        "received is not sent - loss": figures["received"] + figures["lost"] - figures["sent"],
        "the viewers' core was full, %": full * round(figures["viewers_core_percent"]),
    }
    why = ", ".join(f"{name} ({number})" for name, number in faults.items() if number)
    return {"counts": not why, "why": why, "limit": limit}


def judge(crowd: Crowd, ledger: Ledger, window: Window) -> Result:
    """Compare the viewers' notes with the publisher's ledger."""
    notes = crowd.notes
    counts = numpy.array(notes.counts, dtype=numpy.int64)
    viewers = numpy.repeat(numpy.array(notes.viewers, dtype=numpy.int64), counts)
    times = numpy.repeat(numpy.array(notes.times, dtype=numpy.int64), counts)
    headers = numpy.frombuffer(bytes(notes.headers), dtype=numpy.uint8).reshape(-1, 12).astype(numpy.int64)
    numbers = headers[:, 2] << 8 | headers[:, 3]
    types = headers[:, 1] & 0x7F
    found = Received()
    for kind, ours in ((0, AUDIO), (1, VIDEO)):
        of_kind = types == crowd.viewers[0].endpoint.payload_types[ours]
        places = numpy.flatnonzero(of_kind)
        places = places[numpy.argsort(viewers[places], kind="stable")]
        edges = numpy.searchsorted(viewers[places], numpy.arange(len(crowd.viewers) + 1))
        probes: list[list[tuple[int, int]]] = [[] for _ in crowd.viewers]
        for place, viewer, of, shift in notes.probes:
            if of == kind:
                probes[viewer].append((place, shift))
        sent = numpy.array(ledger.times[kind], dtype=numpy.int64)
        for viewer in range(len(crowd.viewers)):
            mine = places[edges[viewer] : edges[viewer + 1]]
            found.add(mine, numbers[mine], times[mine], probes[viewer], sent, (window.first[kind], window.last[kind]))
        found.end_kind()
    delays, latest = (numpy.concatenate(each) / 1e6 for each in (found.delays, found.latest))
    reached = int(((times >= window.begin) & (times < window.end)).sum())
    seconds = (window.end - window.begin) / 1e9
    joins = crowd.joins()
    figures: Result = {
        "viewers": len(crowd.viewers),
        "srtp": crowd.viewers[0].endpoint.profile,
        "sent": found.sent,
        "received": found.received,
        "lost": found.lost,
        "reached": reached,
        "repeated": found.repeated,
        "resent": notes.again,
        "renumbered": found.renumbered,
        "strange": notes.strange,
        "decrypted_percent": 100 * notes.decrypted / max(len(headers), 1),
        "packets_per_s": reached / seconds,
        "packets_in_per_s": found.sent / len(crowd.viewers) / seconds,
        "packets_per_read": len(headers) / max(len(counts), 1),
        "loss_percent": 100 * found.lost / max(found.sent, 1),
    }
    for name, values, shares in (
        ("delay_ms", delays, (50, 99)),
        ("last_viewer_ms", latest, (50, 99)),
        ("join_ms", joins["join"], (50, 95)),
        ("picture_ms", joins["picture"], (50, 95)),
    ):
        for one in shares:
            figures[f"{name}_p{one}"] = float(numpy.percentile(values, one)) if len(values) else float("nan")
    return figures


class Received:
    """Sums over viewers and kinds."""

    def __init__(self) -> None:
        self.sent = self.received = self.lost = self.repeated = self.renumbered = 0
        self.delays: list[Any] = [numpy.zeros(0)]
        self.latest: list[Any] = [numpy.zeros(0)]
        self._latest: Any = None

    def add(
        self, places: Any, numbers: Any, times: Any, probes: list[tuple[int, int]], sent: Any, span: tuple[int, int]
    ) -> None:
        """Take what one viewer got of one kind; `span` is the publisher's first number and the one after the last."""
        first, wanted = span[0], span[1] - span[0]
        self.sent += wanted
        if not probes:
            self.lost += wanted
            return
        at, shifts = numpy.array(probes).T
        self.renumbered += int((numpy.diff(shifts) != 0).sum())
        shift = shifts[numpy.maximum(numpy.searchsorted(at, places, side="right") - 1, 0)]
        known = (numbers - shift) % RING
        inside = (known - first) % RING < wanted
        distinct, where = numpy.unique((known - first)[inside] % RING, return_index=True)
        delay = times[inside][where] - sent[known[inside][where]]
        self.received += len(distinct)
        self.repeated += int(inside.sum()) - len(distinct)
        # Gaps in the viewer's own numbers, from the first that it should have to the last.
        own = numpy.unique((numbers[inside] - shifts[0] - first) % RING)
        self.lost += wanted - len(own)
        self.delays.append(delay)
        if self._latest is None:
            self._latest = numpy.full(wanted, -1, dtype=numpy.int64)
        numpy.maximum.at(self._latest, distinct, delay)

    def end_kind(self) -> None:
        """All viewers of one kind have been added."""
        if self._latest is not None:
            self.latest.append(self._latest[self._latest >= 0])
        self._latest = None


def run(
    make: Callable[[Path], Server], clip: Clip, count: int, seconds: float, cores: tuple[int, int], paced: bool = False
) -> Result:
    """Start everything, measure `count` viewers for so many seconds, stop everything; `cores` is (server's, load's)."""
    fork = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory(prefix="live-") as folder:
        server = make(Path(folder))
        processes = []
        try:
            server.start()
            ledger = Ledger(clip)
            ours, theirs = fork.Pipe()
            processes.append(fork.Process(target=source.run, args=(server, clip, ledger, theirs, paced), daemon=True))
            processes[0].start()
            theirs.close()
            if not ours.poll(20) or ours.recv() != "live":
                raise TimeoutError("the publisher is not live")
            results, given = fork.Pipe()
            processes.append(
                fork.Process(target=watch, args=(server, ledger, count, seconds, cores, given), daemon=True)
            )
            processes[1].start()
            given.close()
            figures: Result = results.recv() if results.poll(60 + seconds + count) else {"counts": False, "why": "hung"}
            ours.send("stop")
        except (EOFError, OSError) as reason:
            figures = {"counts": False, "why": str(reason), "limit": "failed"}
        finally:
            for process in processes:
                process.join(10)
                process.kill()
            server.stop()
        log = (Path(folder) / "log").read_text(errors="replace")
    return {"server": server.name, "viewers": count, "log": log, "limit": "failed"} | figures

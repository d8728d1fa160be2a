"""The viewers of a load run: one process, one loop, a connected UDP socket for each.

Every tenth viewer decrypts every packet and compares it with what was sent. The others note the headers as they are and
decrypt one packet in 64 of each kind, which tells by how much the server renumbers. What was noted is judged after the
measured seconds, so that judging costs nothing in them.
"""

import array
import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pylibsrtp import Error as SrtpError

from benchmarks.endpoint import RETRY, SO_TIMESTAMPNS, UDP_GRO, VIDEO, VIDEO_AGAIN, Certificate, Endpoint
from benchmarks.source import Ledger
from livestream import rtcp, rtp

#: One viewer in so many decrypts everything.
THOROUGH = 10
PROBE_EVERY = 64
JOIN_LIMIT = 30.0
#: What browsers with a good line tell about it, in bit/s.
ESTIMATE = 10_000_000
ANCILLARY = socket.CMSG_SPACE(16) + socket.CMSG_SPACE(4)
TIMESPEC = struct.Struct("qq")


@dataclass
class Viewer:
    """One viewer; times in seconds of `time.monotonic`."""

    index: int
    endpoint: Endpoint
    asked: float
    connected: float = 0.0
    first: float = 0.0
    picture: float = 0.0
    kinds: dict[int, int] = field(default_factory=dict)
    #: Packets until the next one is decrypted, for sound and picture.
    patience: list[int] = field(default_factory=lambda: [0, 0])
    #: By how much its numbers are ahead of the publisher's, for sound and picture.
    shifts: list[int] = field(default_factory=lambda: [0, 0])
    #: The newest known (SSRC, sequence number) for reports.
    newest: dict[int, int] = field(default_factory=dict)


@dataclass
class Notes:
    """What arrived: for each read its viewer, instant (ns) and number of headers; the headers; and the probes.

    A probe is (position among the headers, viewer, kind, number of the viewer - number of the publisher).
    """

    viewers: "array.array[int]" = field(default_factory=lambda: array.array("H"))
    times: "array.array[int]" = field(default_factory=lambda: array.array("q"))
    counts: "array.array[int]" = field(default_factory=lambda: array.array("H"))
    headers: bytearray = field(default_factory=bytearray)
    probes: list[tuple[int, int, int, int]] = field(default_factory=list)
    decrypted: int = 0
    #: Packets that were not authentic or not what was sent.
    strange: int = 0
    again: int = 0
    control: int = 0


class Crowd:
    """Joins viewers one after another and reads what they get."""

    def __init__(self, play: Callable[[Endpoint], None], ledger: Ledger) -> None:
        self._play = play
        self._ledger = ledger
        self._certificate = Certificate()
        self._context = self._certificate.context()
        self._poll = select.epoll()
        self._by_socket: dict[int, Viewer] = {}
        self._buffer = bytearray(1 << 16)
        self._view = memoryview(self._buffer)
        self._turn = 0
        self._cared = time.monotonic()
        self.viewers: list[Viewer] = []
        self.notes = Notes()

    def join(self) -> Viewer:
        """Add a viewer and wait for its first packet; raises TimeoutError."""
        asked = time.monotonic()
        endpoint = Endpoint(self._certificate, self._context)
        self._play(endpoint)
        viewer = Viewer(len(self.viewers), endpoint, asked)
        viewer.kinds = {theirs: ours for ours, theirs in endpoint.payload_types.items()}
        self.viewers.append(viewer)
        self._by_socket[endpoint.socket.fileno()] = viewer
        self._poll.register(endpoint.socket, select.EPOLLIN)
        retry = time.monotonic() + RETRY
        while not viewer.first:
            self.pump(0.005)
            now = time.monotonic()
            if now > asked + JOIN_LIMIT:
                raise TimeoutError(f"viewer {viewer.index} is {endpoint.state} and got nothing")
            if now > retry:
                endpoint.retry()
                retry = now + RETRY
        return viewer

    def run(self, seconds: float) -> None:
        """Watch for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.pump(min(left, 0.05))

    def pump(self, wait: float) -> None:
        """Read each socket that has something once, then let those report whose turn it is."""
        for number, _ in self._poll.poll(wait, 1024):
            self._read(self._by_socket[number])
        now = time.monotonic()
        due = int((now - self._cared) * len(self.viewers))
        if due:
            self._cared = now
            for _ in range(min(due, len(self.viewers))):
                self._turn += 1
                self._report(self.viewers[self._turn % len(self.viewers)], self._turn // len(self.viewers))

    def _read(self, viewer: Viewer) -> None:
        try:
            size, ancillary, _, _ = viewer.endpoint.socket.recvmsg_into([self._buffer], ANCILLARY)
        except OSError:
            return
        step, stamp = size, 0
        for _, kind, data in ancillary:
            if kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = TIMESPEC.unpack(data)
                stamp = seconds * 1_000_000_000 + nanoseconds
            elif kind == UDP_GRO:
                step = int.from_bytes(data[:4], "little")
        if size < 12 or self._buffer[0] < 128:
            self._take_other(viewer, size)
            return
        if not viewer.first:
            viewer.first = time.monotonic()
        notes, view, buffer = self.notes, self._view, self._buffer
        thorough = viewer.index % THOROUGH == 0 or not viewer.picture
        found = 0
        for at in range(0, size, step):
            if 192 <= buffer[at + 1] < 224:
                notes.control += 1
                continue
            kind = viewer.kinds.get(buffer[at + 1] & 0x7F)
            if kind == VIDEO_AGAIN or kind is None:
                notes.again += 1
                notes.strange += kind is None
                continue
            picture = kind == VIDEO
            viewer.patience[picture] -= 1
            if thorough or viewer.patience[picture] < 0:
                self._decrypt(viewer, int(picture), bytes(view[at : min(at + step, size)]), thorough)
            notes.headers += view[at : at + 12]
            found += 1
        if found:
            notes.viewers.append(viewer.index)
            notes.times.append(stamp)
            notes.counts.append(found)

    def _take_other(self, viewer: Viewer, size: int) -> None:
        if size and viewer.endpoint.state != "connected":
            viewer.endpoint.take(bytes(self._view[:size]))
            if viewer.endpoint.state == "connected":
                viewer.connected = time.monotonic()
        elif size and self._buffer[0] < 4:
            viewer.endpoint.take(bytes(self._view[:size]))

    def _decrypt(self, viewer: Viewer, kind: int, data: bytes, thorough: bool) -> None:
        notes = self.notes
        if viewer.endpoint.state != "connected":
            return
        try:
            packet = rtp.parse(viewer.endpoint.receiving.unprotect(data))
            assert packet is not None, "the packet is not well-formed"
            body = packet.body[: -packet.body[-1]] if packet.padded else packet.body
            number = self._ledger.number(kind, body, (packet.sequence - viewer.shifts[kind]) & 0xFFFF)
        except (SrtpError, KeyError, AssertionError):
            notes.strange += 1
            return
        notes.decrypted += 1
        if kind and not viewer.picture and rtp.is_h264_keyframe(body):
            viewer.picture = time.monotonic()
        if number is None:
            return
        viewer.patience[kind] = PROBE_EVERY
        viewer.newest[struct.unpack_from("!L", data, 8)[0]] = packet.sequence
        viewer.shifts[kind] = (packet.sequence - number) & 0xFFFF
        notes.probes.append((len(notes.headers) // 12, viewer.index, kind, viewer.shifts[kind]))

    def _report(self, viewer: Viewer, second: int) -> None:
        """Once a second: receiver report and estimate; every third time a consent check."""
        endpoint = viewer.endpoint
        if endpoint.state != "connected" or not viewer.newest:
            return
        blocks = [rtcp.ReportBlock(ssrc, 0, 0, number, 0, 0, 0) for ssrc, number in viewer.newest.items()]
        said = rtcp.receiver_report(1, blocks)
        exponent = max(0, ESTIMATE.bit_length() - 18)
        ssrcs = b"".join(struct.pack("!L", ssrc) for ssrc in viewer.newest)
        rate = struct.pack("!L", len(viewer.newest) << 24 | exponent << 18 | ESTIMATE >> exponent)
        said += rtcp.packet(rtcp.PAYLOAD_FEEDBACK, 15, struct.pack("!LL", 1, 0) + b"REMB" + rate + ssrcs)
        endpoint.send(endpoint.sending.protect_rtcp(said))
        if second % 3 == 0:
            endpoint.send(endpoint.check())

    def forget(self) -> None:
        """Start with empty notes; where each viewer's numbers stand is kept."""
        shifts = {(viewer, kind): shift for _, viewer, kind, shift in self.notes.probes}
        self.notes = Notes(probes=[(0, *key, shift) for key, shift in shifts.items()])

    def dropped(self) -> int:
        """Datagrams that the kernel threw away because this process did not read them in time."""
        ports = {viewer.endpoint.socket.getsockname()[1] for viewer in self.viewers}
        with open("/proc/net/udp") as table:
            rows = [line.split() for line in table][1:]
        return sum(int(row[-1]) for row in rows if int(row[1].split(":")[1], 16) in ports)

    def joins(self) -> dict[str, list[float]]:
        """Milliseconds from asking to the first packet, and to the first packet of a keyframe, for each viewer."""
        return {
            "join": [1e3 * (viewer.first - viewer.asked) for viewer in self.viewers],
            "picture": [1e3 * (viewer.picture - viewer.asked) for viewer in self.viewers if viewer.picture],
        }

    def close(self) -> None:
        """Leave."""
        for viewer in self.viewers:
            viewer.endpoint.close()
        self._poll.close()

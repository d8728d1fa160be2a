"""The recorder's ear in the media process: each stream's packets over a unix socket, dropped when it is full.

One SOCK_SEQPACKET connection a stream. Messages to the recorder begin with a letter: `S` describes the stream (JSON:
room, session, tracks), `B` holds what came within some 100 ms, each behind its length and its time (`RECORD`): `V` and
`A` are packets of picture and sound (`PACKET`, then the body), `v` and `a` the publisher's clock (`CLOCK`). `E` is the
end. The recorder sends `K` when it needs a keyframe.
"""

import asyncio
import contextlib
import json
import logging
import socket
import struct
from collections.abc import Iterable
from pathlib import Path
from time import monotonic

from livestream import rtp
from livestream.layer import Packet
from livestream.stream import Stream, Track

logger = logging.getLogger(__name__)

#: Letter, sequence number of the stream, timestamp, flags.
PACKET = struct.Struct("!cqIB")
MARKER, PADDED = 1, 2
#: Letter, NTP time (64 bits), timestamp.
CLOCK = struct.Struct("!cQI")
#: Length of what follows, and when it came: seconds of the machine's monotonic clock, which both processes read.
RECORD = struct.Struct("!Hd")
STREAM, BATCH, END, KEYFRAME = b"S", b"B", b"E", b"K"
LETTERS = {"video": b"V", "audio": b"A"}
#: Bytes on the way to the recorder; the kernel doubles it and may allow less. Half a second of a room at 4 Mbit/s.
BUFFER = 512 * 1024
#: One message to the recorder wakes it up once: it holds so many bytes, or so many seconds, and one packet more.
BATCH_BYTES = 32 * 1024
BATCH_SECONDS = 0.1


class TrackTap:
    """Hands one track's packets to the recorder; what a full socket has no room for is dropped and counted."""

    def __init__(self, connection: "Tap", track: Track) -> None:
        self.track = track
        self._connection = connection
        self._letter = LETTERS[track.kind]

    def write(self, packet: Packet) -> None:
        """Send a packet."""
        flags = (MARKER if packet.marker else 0) | (PADDED if packet.flags & rtp.PADDING else 0)
        head = PACKET.pack(self._letter, packet.sequence, packet.timestamp, flags)
        self._connection.send(head, packet.body)

    def report(self, ntp: int, timestamp: int) -> None:
        """Send the publisher's clock."""
        self._connection.send(CLOCK.pack(self._letter.lower(), ntp, timestamp))


class Tap:
    """One stream's connection to the recorder."""

    def __init__(self, path: Path, stream: Stream, session: str) -> None:
        self.stream = stream
        self.dropped = 0
        #: Whether the recorder is gone.
        self.broken = False
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        tracks = {kind: {"codec": track.codec, "rate": track.clock_rate} for kind, track in stream.tracks.items()}
        self._batch: list[bytes] = []
        self._size = 0
        self._since = 0.0
        self._say(STREAM + json.dumps({"room": stream.room, "session": session, "tracks": tracks}).encode())
        self._readers = [TrackTap(self, track) for track in stream.tracks.values()]
        self._loop.add_reader(self._socket, self._hear)
        for reader in self._readers:
            reader.track.join(reader, self._loop.time())

    def send(self, head: bytes, body: bytes = b"") -> None:
        """Put a message into the batch, and send that when it is full or old."""
        now = monotonic()
        if not self._batch:
            self._since = now
        size = len(head) + len(body)
        self._batch += (RECORD.pack(size, now), head, body)
        self._size += size
        if self._size > BATCH_BYTES or now - self._since > BATCH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Send the batch, or drop and count it when the socket has no room."""
        if self._batch and not self._say(BATCH + b"".join(self._batch)):
            self.dropped += len(self._batch) // 3
        self._batch, self._size = [], 0

    def _say(self, message: bytes) -> bool:
        try:
            self._socket.send(message)
        except BlockingIOError:
            return False
        except OSError:
            self.broken = True
        return True

    def close(self, *, ended: bool) -> None:
        """Leave the stream and hang up."""
        for reader in self._readers:
            reader.track.leave(reader)
        self._loop.remove_reader(self._socket)
        self.flush()
        if ended:
            self._say(END)
        self._socket.close()

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            try:
                said = self._socket.recv(16)
            except ConnectionError:
                said = b""
            if said == KEYFRAME:
                for reader in self._readers:
                    if reader.track.kind == "video":
                        reader.track.wants_keyframe()
            elif not said:
                self.broken = True
                self._loop.remove_reader(self._socket)


class Taps:
    """The taps of all streams of a media process; without a socket's path there are none."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._taps: dict[str, Tap] = {}

    def look(self, streams: Iterable[tuple[Stream, str]]) -> None:
        """Tap what is published (streams with the session of their publisher), and what a recorder's death cut off.

        Connecting to a unix socket takes microseconds or fails at once.
        """
        if self._path is None:
            return
        live = {stream.room: (stream, session) for stream, session in streams}
        for room, tap in list(self._taps.items()):
            tap.flush()
            gone = live.get(room, (None, ""))[0] is not tap.stream
            if gone or tap.broken:
                tap.close(ended=gone)
                del self._taps[room]
        for room, (stream, session) in live.items():
            if room not in self._taps:
                try:
                    self._taps[room] = Tap(self._path, stream, session)
                except OSError as reason:
                    logger.debug("the recorder cannot be reached: %s", reason)
                    return

    @property
    def dropped(self) -> dict[str, int]:
        """Packets that a busy recorder did not get, by room."""
        return {room: tap.dropped for room, tap in self._taps.items()}

"""The recorder process: what a room shows becomes files that are whole at any instant, and segments for live HLS.

Run as `python -m livestream.recorder --socket PATH --directory DIR`. Media processes connect, once for each stream
(livestream/tap.py says how), and a room's recording grows in `DIR/<room>`. It is a process of its own because the
loop that forwards packets may neither wait for a disk nor encode sound.
"""

import argparse
import contextlib
import json
import logging
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from livestream import control, tap
from livestream.cmaf import VIDEO_RATE
from livestream.h264 import Depacketiser
from livestream.recording import ROOM, Recording, Writer
from livestream.reorder import Arrived, Reorder
from livestream.segments import JUMP, Piece, Segmenter

logger = logging.getLogger(__name__)

LARGEST_MESSAGE = 65_536
#: Seconds between looks at the clock while nothing comes.
PATIENCE = 0.1
#: Seconds between two requests for a keyframe.
ASK_AGAIN = 0.5
#: Bytes of disk that recordings leave free, for orders and chats.
RESERVE = 512 * 1024 * 1024
#: Seconds after which a recording is begun anew: a show without an end must not fill the disk.
LONGEST = 12 * 3600.0
#: Streams at once; beyond it a connection is refused and tried again by the media process.
MOST_STREAMS = 64
#: Seconds after which a stop no longer waits for a stream's last segment.
STOP_SECONDS = 5.0


class Stream:
    """One stream on its way into a recording; every method runs in its thread."""

    def __init__(
        self,
        description: dict[str, Any],
        directory: Path,
        ask: Callable[[], None],
        reserve: int = RESERVE,
        longest: float = LONGEST,
    ) -> None:
        room, tracks = description["room"], description["tracks"]
        if not ROOM.fullmatch(room):
            raise ValueError("this is no room's name")
        self.room = room
        self._ask = ask
        self._asked = 0.0
        self._directory = directory
        self._reserve = reserve
        self._full = False
        #: Seconds from the monotonic clock to that of the wall: a wall clock that is set anew moves no recording.
        self._wall = time.time() - time.monotonic()
        codec = tracks.get("video", {}).get("codec", "")
        self._longest = longest
        if Recording(directory / room).refresh().duration > longest:
            shutil.rmtree(directory / room)
        self._writer = Writer(directory / room, sound="audio" in tracks)
        self._refused = codec != "h264"
        if self._refused:
            self._writer.refuse(codec)
        self._depacketiser = Depacketiser()
        self._segmenter = Segmenter(self._writer.end, sound="audio" in tracks)
        self._order = {b"V": Reorder(), b"A": Reorder()}
        self._clocks = {b"V": self._segmenter.video_clock, b"A": self._segmenter.sound_clock}
        self._heard = dict.fromkeys(self._order, 0.0)

    @property
    def too_long(self) -> bool:
        """Whether the recording should be begun anew, by who connects again."""
        return self._writer.end > self._longest * VIDEO_RATE

    def take_batch(self, batch: bytes) -> None:
        """Take what the media process collected, each at the time it came."""
        position = len(tap.BATCH)
        while position + tap.RECORD.size <= len(batch):
            size, at = tap.RECORD.unpack_from(batch, position)
            position += tap.RECORD.size
            self.take(batch[position : position + size], at)
            position += size

    def take(self, message: bytes, now: float) -> None:
        """Take one message of the media process; `now` in seconds of the monotonic clock."""
        letter = message[:1]
        if letter in self._order and len(message) >= tap.PACKET.size and not self._refused:
            self._packet(letter, message, now)
        elif letter.upper() in self._clocks and len(message) == tap.CLOCK.size:
            _, ntp, timestamp = tap.CLOCK.unpack(message)
            self._clocks[letter.upper()].report(ntp, timestamp)

    def _packet(self, letter: bytes, message: bytes, now: float) -> None:
        _, sequence, timestamp, flags = tap.PACKET.unpack_from(message)
        body = message[tap.PACKET.size :]
        if flags & tap.PADDED and body:
            body = body[: -body[-1]] if body[-1] <= len(body) else b""
        clock = self._clocks[letter]
        if now - self._heard[letter] > JUMP:
            clock.forget()
        self._heard[letter] = now
        ticks = clock.ticks(timestamp)
        clock.arrive(ticks, now)
        arrived = Arrived(sequence, ticks, bool(flags & tap.MARKER), body, now)
        self._ordered(letter, self._order[letter].push(arrived), now)
        self._ask_if_needed(now)

    def look(self, now: float) -> None:
        """Go on with what has waited long enough."""
        if self._refused:
            return
        for letter, order in self._order.items():
            self._ordered(letter, order.due(now), now)
        self._write(self._segmenter.due(now + self._wall))
        self._ask_if_needed(now)

    def close(self, now: float) -> None:
        """Write what there is and end the recording for now."""
        try:
            self._write(self._segmenter.finish(now + self._wall))
        finally:
            self._writer.close()

    def _ordered(self, letter: bytes, packets: Iterable[tuple[Arrived, bool]], now: float) -> None:
        wall = now + self._wall
        for packet, lost in packets:
            if letter == b"A":
                self._write(self._segmenter.sound(packet.body, packet.ticks, wall))
                continue
            for frame in self._depacketiser.push(packet, lost):
                self._write(self._segmenter.frame(frame, wall))

    def _ask_if_needed(self, now: float) -> None:
        wanted = self._depacketiser.waiting or self._segmenter.wants_keyframe
        if wanted and now - self._asked > ASK_AGAIN:
            self._asked = now
            self._ask()

    def _write(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            if self._full and not piece.first:
                # A segment has all of its pieces or ends with the first that could not be written.
                continue
            try:
                if shutil.disk_usage(self._directory).free < self._reserve:
                    raise OSError("the disk is nearly full")
                self._writer.write(replace(piece, jump=True) if self._full else piece)
                self._full = False
            except (OSError, ValueError) as reason:
                # A publisher may send parameter sets of a picture that nobody records: its next one counts again.
                if not self._full:
                    logger.error("room %s is not recorded any more: %s", self.room, reason)
                self._full = True


class Recorder:
    """Takes connections, each in a thread of its own, until it is stopped."""

    def __init__(self, directory: Path, reserve: int = RESERVE, longest: float = LONGEST) -> None:
        self._directory = directory
        self._reserve = reserve
        self._longest = longest
        self._threads: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        self._rooms: dict[str, threading.Lock] = {}
        self.stopping = threading.Event()

    def run(self, listening: socket.socket) -> None:
        """Accept streams until `stopping` is set, then wait for what they still write."""
        listening.settimeout(PATIENCE)
        while not self.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = listening.accept()
                self._start(connection)
        deadline = time.monotonic() + STOP_SECONDS
        for thread in list(self._threads):
            thread.join(max(deadline - time.monotonic(), 0))

    def _start(self, connection: socket.socket) -> None:
        self._threads = {thread: held for thread, held in self._threads.items() if thread.is_alive()}
        if len(self._threads) >= MOST_STREAMS:
            connection.close()
            return
        thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
        self._threads[thread] = connection
        thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        with connection:
            try:
                first = connection.recv(LARGEST_MESSAGE)
                if first[:1] != tap.STREAM:
                    return
                description = json.loads(first[1:])
                room = str(description["room"])
            except (OSError, ValueError, KeyError, TypeError) as reason:
                logger.warning("a stream is not described: %s", reason)
                return
            with self._lock:
                alone = self._rooms.setdefault(room, threading.Lock())
            # A room that moves to another media process may come before it has gone from the first.
            with alone:
                self._record(connection, description)

    def _record(self, connection: socket.socket, description: dict[str, Any]) -> None:
        def ask() -> None:
            with contextlib.suppress(OSError):
                connection.send(tap.KEYFRAME)

        try:
            stream = Stream(description, self._directory, ask, self._reserve, self._longest)
        except (OSError, ValueError, KeyError) as reason:
            logger.error("a stream cannot be recorded: %s", reason)
            return
        try:
            looked = 0.0
            while not self.stopping.is_set() and not stream.too_long:
                message = None
                with contextlib.suppress(TimeoutError):
                    message = connection.recv(LARGEST_MESSAGE)
                    if not message or message == tap.END:
                        break
                now = time.monotonic()
                if message is not None and message[:1] == tap.BATCH:
                    stream.take_batch(message)
                if now - looked > PATIENCE:
                    looked = now
                    stream.look(now)
        except ConnectionError:
            logger.info("the media process of room %s is gone", stream.room)
        except Exception:
            logger.exception("room %s is not recorded any more", stream.room)
        finally:
            stream.close(time.monotonic())


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and record until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m livestream.recorder", description="The recorder process.")
    parser.add_argument("--socket", type=Path, required=True, help="unix socket for streams; created with mode 0600")
    parser.add_argument("--directory", type=Path, required=True, help="where recordings are, a folder for each room")
    parser.add_argument("--reserve", type=int, default=RESERVE, help="bytes of disk to leave free")
    parser.add_argument("--longest", type=float, default=LONGEST, help="seconds after which one is begun anew")
    parser.add_argument("--log-level", default="WARNING")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=given.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    given.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    recorder = Recorder(given.directory, given.reserve, given.longest)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: recorder.stopping.set())
    listening = control.listen(given.socket, socket.SOCK_SEQPACKET)
    listening.listen(MOST_STREAMS)
    try:
        recorder.run(listening)
    finally:
        listening.close()
        with contextlib.suppress(FileNotFoundError):
            given.socket.unlink()


if __name__ == "__main__":
    main()

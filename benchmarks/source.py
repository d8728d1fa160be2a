"""The publisher of a load run: a process of its own that sends a clip in real time and notes when it sent what."""

import ctypes
import multiprocessing
import os
import select
import time
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.clip import FPS, SOUNDS_PER_SECOND, Clip
from benchmarks.endpoint import AUDIO, RETRY, VIDEO, Certificate, Endpoint
from livestream import rtcp, rtp

#: Packets whose send time is kept, for each of sound and picture: five minutes of picture.
RING = 1 << 16
#: Bytes of a payload that tell which one it is; shorter payloads, such as parameter sets, are not told apart.
KEY = slice(8, 40)
#: A keyframe on request starts the loop again, so that what is late may be there twice.
REMEMBERED = 8
#: Seconds between keyframes on request; browsers do not encode them more often either.
KEYFRAME_PAUSE = 0.3
#: How browsers pace: 2.5 times the bitrate of the stream, and no more at once than 40 ms of that.
PACE = 2.5 * 1_600_000 / 8
PACED_BURST = 0.04 * PACE
NTP_EPOCH = 2208988800


class Ledger:
    """What the publisher sent, in memory that the viewers' process reads; `0` is sound and `1` picture.

    Packets are counted from 0. `times` holds instants of CLOCK_REALTIME in nanoseconds, the clock of the kernel's
    receive times.
    """

    def __init__(self, clip: Clip) -> None:
        loops = (clip.sounds, [payload for frame in clip.frames for payload in frame])
        self.times = [multiprocessing.RawArray(ctypes.c_int64, RING) for _ in loops]
        self.sent = multiprocessing.RawArray(ctypes.c_int64, 2)
        #: For each payload of the loop the numbers of the REMEMBERED packets that carried it last, in any order.
        self._carried = [multiprocessing.RawArray(ctypes.c_int64, [-1] * REMEMBERED * len(loop)) for loop in loops]
        self._times_sent = [[0] * len(loop) for loop in loops]
        #: The publisher's process.
        self.pid = multiprocessing.RawArray(ctypes.c_int64, 1)
        #: How often a keyframe was sent on request.
        self.keyframes = multiprocessing.RawArray(ctypes.c_int64, 1)
        self._index = [
            {payload[KEY]: at for at, payload in enumerate(loop) if len(payload) >= KEY.stop} for loop in loops
        ]

    def note(self, kind: int, index: int) -> None:
        """Write down that payload `index` of the loop is sent now."""
        number = self.sent[kind]
        self.times[kind][number % RING] = time.time_ns()
        turn = self._times_sent[kind][index]
        self._times_sent[kind][index] = turn + 1
        self._carried[kind][index * REMEMBERED + turn % REMEMBERED] = number
        self.sent[kind] = number + 1

    def number(self, kind: int, payload: bytes, guess: int) -> int | None:
        """Find which packet carried `payload`: the one whose low 16 bits are `guess`, or else the newest.

        None if the payload is too short to tell, KeyError if it was never sent.
        """
        if len(payload) < KEY.stop:
            return None
        index = self._index[kind][payload[KEY]] * REMEMBERED
        carried = self._carried[kind][index : index + REMEMBERED]
        return next((number for number in carried if number >= 0 and number % RING == guess), max(carried))


class Source:
    """Sends; frames leave in one burst each, as they come out of an encoder, or `paced` as a browser does."""

    def __init__(self, clip: Clip, ledger: Ledger, paced: bool = False) -> None:
        certificate = Certificate()
        self.endpoint = Endpoint(certificate, certificate.context(), "sendonly")
        self._clip = clip
        self._ledger = ledger
        self._starts = [0]
        for frame in clip.frames:
            self._starts.append(self._starts[-1] + len(frame))
        self._paced = paced
        self._budget = 0.0
        self._filled = 0.0
        self._frame = 0
        self._asked = 0.0
        self._octets = {VIDEO: 0, AUDIO: 0}

    def connect(self) -> None:
        """Shake hands; raises TimeoutError after ten seconds."""
        end = time.monotonic() + 10
        while self.endpoint.state != "connected":
            if time.monotonic() > end:
                raise TimeoutError(f"the publisher is still {self.endpoint.state}")
            self.listen(RETRY)
            self.endpoint.retry()

    def listen(self, seconds: float) -> None:
        """Handle what the server says for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.endpoint.socket], [], [], left)[0]:
                return
            try:
                data = self.endpoint.socket.recv(2048)
            except OSError:
                continue
            if data and data[0] < 128:
                self.endpoint.take(data)
                if self.endpoint.state == "connected" and data[0] >= 20:
                    return
            elif len(data) > 1 and 192 <= data[1] < 224:
                said = rtcp.parse(self.endpoint.receiving.unprotect_rtcp(data))
                now = time.monotonic()
                if any(isinstance(one, rtcp.KeyframeRequest) for one in said) and now - self._asked > KEYFRAME_PAUSE:
                    self._asked = now
                    self._frame = 0
                    self._ledger.keyframes[0] += 1

    def _send(self, kind: int, number: int, timestamp: int, marker: bool, index: int, payload: bytes) -> None:
        sequence = (1000 + self._ledger.sent[kind]) & 0xFFFF
        ssrc = self.endpoint.ssrcs[number]
        header = rtp.HEADER.pack(0x80, number | (0x80 if marker else 0), sequence, timestamp & 0xFFFFFFFF, ssrc)
        encrypted = self.endpoint.sending.protect(header + payload)
        self._ledger.note(kind, index)
        self.endpoint.send(encrypted)
        self._octets[number] += len(payload)

    def _wait_turn(self, size: int) -> None:
        """Wait until the pace allows `size` bytes more."""
        while True:
            now = time.monotonic()
            self._budget = min(PACED_BURST, self._budget + (now - self._filled) * PACE)
            self._filled = now
            if self._budget > 0:
                self._budget -= size
                return
            self.listen(0.005)

    def _report(self, ticks: int, sounds: int) -> None:
        now = time.time() + NTP_EPOCH
        ntp = int(now) << 32 | int(now % 1 * (1 << 32))
        for kind, number, timestamp in ((1, VIDEO, ticks * 90000 // FPS), (0, AUDIO, sounds * 960)):
            ssrc = self.endpoint.ssrcs[number]
            said = rtcp.sender_report(ssrc, ntp, timestamp & 0xFFFFFFFF, self._ledger.sent[kind], self._octets[number])
            self.endpoint.send(self.endpoint.sending.protect_rtcp(said + rtcp.source_description(ssrc, "load")))
        self.endpoint.send(self.endpoint.check())

    def run(self, stopping: Connection) -> None:
        """Send until the other end of `stopping` speaks or is gone."""
        frames = self._clip.frames
        sounds = ticks = 0
        start = time.monotonic()
        while not stopping.poll():
            # A request for a keyframe may come between the packets of a frame: it is for the next one.
            current = self._frame
            self._frame = (current + 1) % len(frames)
            frame = frames[current]
            for place, payload in enumerate(frame):
                index = self._starts[current] + place
                if self._paced:
                    self._wait_turn(len(payload))
                self._send(1, VIDEO, ticks * 90000 // FPS, place == len(frame) - 1, index, payload)
            ticks += 1
            while sounds / SOUNDS_PER_SECOND < ticks / FPS:
                index = sounds % len(self._clip.sounds)
                self._send(0, AUDIO, sounds * 960, False, index, self._clip.sounds[index])
                sounds += 1
            if ticks % FPS == 0:
                self._report(ticks, sounds)
            self.listen(start + ticks / FPS - time.monotonic())


def run(server: Any, clip: Clip, ledger: Ledger, pipe: Connection, paced: bool = False) -> None:
    """Be the publisher's process: say `live` when the first packets are on their way, end when told to."""
    ledger.pid[0] = os.getpid()
    with server.signalling() as signalling:
        source = Source(clip, ledger, paced)
        signalling.publish(source.endpoint)
        source.connect()
        pipe.send("live")
        source.run(pipe)
        source.endpoint.close()

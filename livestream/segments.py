"""From pictures and sound to the segments of live HLS and their pieces: cut at keyframes, in one timeline."""

from collections import deque
from dataclasses import dataclass

from livestream.cmaf import SOUND_RATE, VIDEO_RATE, Sample
from livestream.h264 import Frame, Parameters
from livestream.sound import SILENT_TICKS, Sound

#: Seconds: a keyframe ends a segment that is this long; one is asked for after this time; without any the segment ends
#: after this time all the same, so that a file loses no more when a process is killed and a player waits no longer.
SHORTEST, ASK, LONGEST = 1.5, 2.05, 2.4
#: Seconds that a piece of a segment lasts at most: players with low latency have it before the segment is whole.
PIECE = 0.47
#: Seconds without a picture that close up: the recording goes on where it stopped.
JUMP = 3.0
#: Seconds that a piece waits for the sound of its end.
SOUND_WAIT = 0.4
#: Pictures and bytes of one segment, whatever its time stamps say.
MOST_FRAMES, MOST_BYTES = 400, 8 * 1024 * 1024
#: Packets of sound that wait for the first picture; at 20 ms each five seconds.
MOST_EARLY = 250
#: Of the last picture before a jump nobody knows how long it was shown.
USUAL_FRAME = VIDEO_RATE // 30


class TrackClock:
    """Which instant a track's timestamp is: by the publisher's own reports, before them by arrival."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.reported: float | None = None
        self.arrived: float | None = None
        self._last: int | None = None

    def ticks(self, timestamp: int) -> int:
        """Count a 32 bit timestamp on beyond its roll-over."""
        if self._last is None:
            self._last = timestamp
        self._last += ((timestamp - self._last + 2**31) & 0xFFFFFFFF) - 2**31
        return self._last

    def arrive(self, ticks: int, at: float) -> None:
        """Note an arrival; the quickest packet tells best when its instant was."""
        offset = at - ticks / self.rate
        self.arrived = offset if self.arrived is None else min(self.arrived, offset)

    def report(self, ntp: int, timestamp: int) -> None:
        """Take a sender report (RFC 3550 section 6.4.1)."""
        if self._last is not None:
            ticks = self._last + ((timestamp - self._last + 2**31) & 0xFFFFFFFF) - 2**31
            self.reported = ntp / 2**32 - ticks / self.rate

    def forget(self) -> None:
        """Start anew: another publisher may keep another time."""
        self.reported = self.arrived = None


#: Seconds by which reports may differ from arrivals; beyond it they are of different clocks.
TRUSTED = 1.0


def apart(sound: TrackClock, video: TrackClock) -> float | None:
    """Seconds to add to an instant on the sound's own scale to get it on the video's; None before both have begun."""
    if sound.arrived is None or video.arrived is None:
        return None
    arrived = sound.arrived - video.arrived
    if sound.reported is not None and video.reported is not None:
        reported = sound.reported - video.reported
        if abs(reported - arrived) < TRUSTED:
            return reported
    return arrived


@dataclass(frozen=True)
class Piece:
    """Half a second of a show; `start` and `duration` in ticks of 90 kHz, `at` is the instant of its beginning.

    `jump` says that time passed before it which the recording does not hold, `key` that it begins with a keyframe,
    `first` and `last` that a segment of about two seconds begins or ends with it.
    """

    parameters: Parameters
    start: int
    duration: int
    at: float
    jump: bool
    key: bool
    video: list[Sample]
    sound: tuple[int, list[Sample]] | None
    first: bool
    last: bool


@dataclass
class _Cut:
    frames: list[Frame]
    start: int
    end: int
    at: float
    jump: bool
    closed: float
    first: bool
    last: bool


class Segmenter:
    """Takes pictures and sound of one stream as they come; `start` (ticks of 90 kHz) is where its timeline begins.

    Pictures decide the time. A gap of three seconds and more is closed.
    """

    def __init__(self, start: int, *, sound: bool) -> None:
        self.video_clock = TrackClock(VIDEO_RATE)
        self.sound_clock = TrackClock(SOUND_RATE)
        self._start = start
        self._sound = Sound(_sound_place(start)) if sound else None
        self._shift: int | None = None
        self._at = 0.0
        self._began = 0
        #: What the next piece will hold, and of the segment: its first picture, how many it has, and bytes.
        self._frames: list[Frame] = []
        self._head: Frame | None = None
        self._count = self._bytes = 0
        self._jump = True
        self._step = USUAL_FRAME
        self._early: deque[tuple[bytes, int]] = deque(maxlen=MOST_EARLY)
        self._closed: deque[_Cut] = deque()

    @property
    def wants_keyframe(self) -> bool:
        """Whether it is time that the publisher sends one."""
        return self._head is not None and self._frames[-1].ticks - self._head.ticks >= ASK * VIDEO_RATE

    def frame(self, frame: Frame, now: float) -> list[Piece]:
        """Take the next picture; `now` in seconds since the epoch."""
        last = self._frames[-1] if self._frames else None
        if last is not None:
            step = frame.ticks - last.ticks
            if not -VIDEO_RATE < step < JUMP * VIDEO_RATE:
                self._close(last.ticks + self._step, now)
                self._shift = None
            elif step > 0:
                self._step = min(step, VIDEO_RATE)
        if self._shift is None:
            if not frame.key:
                return self.due(now)
            self._anchor(frame, now)
        elif self._frames and self._ends_before(frame):
            self._close(frame.ticks, now)
        elif self._frames and frame.ticks - self._frames[0].ticks + self._step > PIECE * VIDEO_RATE:
            self._close(frame.ticks, now, last=False)
        self._head = self._head or frame
        self._frames.append(frame)
        self._count += 1
        self._bytes += len(frame.data)
        return self.due(now)

    def sound(self, packet: bytes, ticks: int, now: float) -> list[Piece]:
        """Take the next piece of sound."""
        if self._sound is None:
            return []
        if self._shift is None:
            self._early.append((packet, ticks))
            return []
        self._place(packet, ticks)
        return self.due(now)

    def due(self, now: float) -> list[Piece]:
        """Return the pieces that are whole, or have waited long enough for their sound."""
        made = []
        while self._closed:
            cut = self._closed[0]
            if self._sound is not None:
                end = _sound_place(cut.end)
                if self._sound.end < end:
                    if now - cut.closed < SOUND_WAIT:
                        break
                    # What still comes for this time is too late.
                    self._sound.fill(end + SILENT_TICKS)
            made.append(self._piece(self._closed.popleft()))
        return made

    def finish(self, now: float) -> list[Piece]:
        """End the stream: what there is becomes the last piece of its segment."""
        if self._frames:
            self._close(self._frames[-1].ticks + self._step, now)
        self._shift = None
        return self.due(now + SOUND_WAIT)

    @property
    def end(self) -> int:
        """Where the timeline ends so far, in ticks of 90 kHz."""
        return self._start

    def _anchor(self, frame: Frame, now: float) -> None:
        """Begin, or go on after a jump, with this keyframe."""
        self._shift = self._start - frame.ticks
        self._at = now
        self._began = self._start
        self._jump = True
        while self._early:
            self._place(*self._early.popleft())

    def _ends_before(self, frame: Frame) -> bool:
        assert self._head is not None, "there are frames, so a segment has begun"
        lasted = (frame.ticks - self._head.ticks) / VIDEO_RATE
        if frame.key and (lasted >= SHORTEST or frame.parameters != self._head.parameters):
            return True
        full = self._count >= MOST_FRAMES or self._bytes >= MOST_BYTES
        return full or lasted + self._step / VIDEO_RATE > LONGEST

    def _close(self, end: int, now: float, *, last: bool = True) -> None:
        assert self._shift is not None, "there are frames, so the timeline has begun"
        first = self._frames[0].ticks
        start = self._start
        self._start = start + max(end - first, 1)
        at = self._at + (start - self._began) / VIDEO_RATE
        begins = self._frames[0] is self._head
        self._closed.append(_Cut(self._frames, start, self._start, at, self._jump, now, begins, last))
        self._frames, self._jump = [], False
        if last:
            self._head, self._count, self._bytes = None, 0, 0
        # Time stamps that went backwards inside a segment must not move the sound.
        self._shift = self._start - end

    def _place(self, packet: bytes, ticks: int) -> None:
        assert self._sound is not None, "there is sound to place"
        assert self._shift is not None, "the timeline has begun"
        distance = apart(self.sound_clock, self.video_clock)
        if distance is None:
            return
        instant = ticks / SOUND_RATE + distance
        place = _sound_place(round(instant * VIDEO_RATE) + self._shift)
        if place < self._sound.end + JUMP * SOUND_RATE:
            self._sound.add(packet, place)

    def _piece(self, cut: _Cut) -> Piece:
        shown = [frame.ticks for frame in cut.frames]
        decoded = sorted(shown)
        ends = [*decoded[1:], decoded[0] + (cut.end - cut.start)]
        video = [
            Sample(frame.data, max(end - begin, 0), frame.key, frame.ticks - begin)
            for frame, begin, end in zip(cut.frames, decoded, ends, strict=True)
        ]
        sound = self._sound.take(_sound_place(cut.end)) if self._sound is not None else None
        first = cut.frames[0]
        about = (first.parameters, cut.start, cut.end - cut.start, cut.at, cut.jump, first.key)
        return Piece(*about, video, sound, cut.first, cut.last)


def _sound_place(ticks: int) -> int:
    return ticks * SOUND_RATE // VIDEO_RATE

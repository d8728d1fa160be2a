"""A recording on disk: media files that only grow, and a journal of one JSON object a line that says what is whole.

A *take* is a stretch with one init, in two files: `0000.mp4` (init, then for each piece a fragment of picture and one
of Opus: it plays as it is) and `0000.aac.mp4`, the init of picture and AAC, whose fragments aac.py makes when somebody
asks for them. A piece's line is written after its bytes, a segment's after its pieces, so whatever is killed when, all
that the journal names is there.
"""

import json
import math
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from livestream import cmaf
from livestream.cmaf import AAC_BIT_RATE, SOUND_TRACK, VIDEO_RATE, VIDEO_TRACK
from livestream.h264 import Parameters, picture
from livestream.segments import Piece

JOURNAL = "journal.jsonl"
#: So many bytes of its beginning tell a journal from another.
HEAD = 40
#: Rooms are named by web; nothing else becomes the name of a folder.
ROOM = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
#: Which sound stands beside the picture.
FORMS = ("opus", "aac")
#: Segments whose pieces are remembered: no player with low latency is further behind.
MOST_IN_PIECES = 8

#: File, offset and length of bytes that belong one behind the other.
Places = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Take:
    """What a stretch of segments has in common; `heads` are the bytes of the inits, by form."""

    number: int
    width: int
    height: int
    codec: str
    sound: bool
    heads: dict[str, int]


@dataclass(frozen=True)
class Partial:
    """A piece of a segment that is whole: seconds, and where picture and Opus lie."""

    take: int
    duration: float
    at: float
    jump: bool
    key: bool
    places: Places


@dataclass(frozen=True)
class Part:
    """A segment that is whole: seconds of the recording, `at` since the epoch, where picture and Opus lie."""

    number: int
    take: int
    start: float
    duration: float
    at: float
    jump: bool
    key: bool
    video: Places
    sound: Places

    def size(self, form: str) -> int:
        """How many bytes the segment has in one form; with AAC that is not more than this."""
        video, sound = (sum(length for _, _, length in places) for places in (self.video, self.sound))
        return video + (sound if form == "opus" else math.ceil(self.duration * AAC_BIT_RATE / 8 * 1.1))


@dataclass
class Recording:
    """What the journal of a folder says so far; `refresh` reads what was added."""

    folder: Path
    takes: list[Take] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    #: The pieces of the newest segments, by their number; those of the one behind the last are not all there.
    partials: dict[int, tuple[Partial, ...]] = field(default_factory=dict)
    #: The journal's lines about pieces whose segment is not whole.
    unfinished: list[dict[str, Any]] = field(default_factory=list)
    #: Whether nobody writes to it at the moment.
    closed: bool = True
    #: The codec for whose sake there is no recording.
    refused: str | None = None
    #: Bytes of the journal that were read; what is behind them is not a whole line.
    read: int = 0
    #: The beginning of the journal, which no other recording has.
    head_line: bytes = b""

    @property
    def duration(self) -> float:
        """Seconds in all."""
        return self.parts[-1].start + self.parts[-1].duration if self.parts else 0.0

    def refresh(self) -> "Recording":
        """Read what was written since; a folder without a journal is an empty recording."""
        try:
            with (self.folder / JOURNAL).open("rb") as file:
                if not file.read(HEAD).startswith(self.head_line):
                    # The recording was begun anew.
                    self.takes, self.parts, self.closed, self.refused, self.read = [], [], True, None, 0
                    self.partials, self.unfinished = {}, []
                file.seek(self.read)
                added = file.read()
        except FileNotFoundError:
            return self
        whole = added[: added.rfind(b"\n") + 1]
        for line in whole.splitlines():
            self._take(json.loads(line))
        if not self.read:
            self.head_line = whole[:HEAD]
        self.read += len(whole)
        return self

    def place(self, at: float) -> float:
        """Turn an instant (seconds since the epoch) into seconds of the recording; one in a gap is its end."""
        found = 0.0
        for part in self.parts:
            if at < part.at:
                break
            found = part.start + min(at - part.at, part.duration)
        return found

    def head(self, take: int, form: str) -> Places:
        """Where the init of a take is."""
        return ((file_name(take, form), 0, self.takes[take].heads[form]),)

    def blocks(self, places: Places, start: int, stop: int) -> Iterator[bytes]:
        """Read the bytes `start` to `stop` of what lies at these places, one behind the other."""
        for name, offset, length in places:
            first, last = max(start, 0), min(stop, length)
            if first < last:
                with (self.folder / name).open("rb") as file:
                    file.seek(offset + first)
                    yield file.read(last - first)
            start, stop = start - length, stop - length

    def _take(self, line: dict[str, Any]) -> None:
        match line:
            case {"take": int(number), "heads": heads}:
                self.closed = False
                self.takes.append(
                    Take(number, line["width"], line["height"], line["codec"], line["sound"], dict(heads))
                )
            case {"segment": int(number), "take": int(take)}:
                video, sound = (_places(take, line[name]) for name in ("video", "opus"))
                start, duration = line["start"] / VIDEO_RATE, line["duration"] / VIDEO_RATE
                about = (line["at"], line["jump"], line["key"])
                self.parts.append(Part(number, take, start, duration, *about, video, sound))
                self.unfinished = []
            case {"piece_of": int(number), "take": int(take)}:
                places = _places(take, line["video"] + line["opus"])
                piece = Partial(take, line["duration"] / VIDEO_RATE, line["at"], line["jump"], line["key"], places)
                kept = {n: held for n, held in self.partials.items() if n > number - MOST_IN_PIECES}
                self.partials = kept | {number: (*kept.get(number, ()), piece)}
                self.unfinished.append(line)
            case {"closed": True}:
                self.closed = True
            case {"refused": str(codec)}:
                self.refused = codec


def _places(take: int, found: list[list[int]]) -> Places:
    return tuple((file_name(take, "opus"), offset, length) for offset, length in found)


def _segment(number: int, pieces: list[dict[str, Any]]) -> dict[str, Any]:
    """Put the line of a segment together from those of its pieces."""
    first, last = pieces[0], pieces[-1]
    about = {name: first[name] for name in ("take", "start", "at", "jump", "key")}
    places = {name: [place for piece in pieces for place in piece[name]] for name in ("video", "opus")}
    return {"segment": number, **about, "duration": last["start"] + last["duration"] - first["start"], **places}


def file_name(take: int, form: str) -> str:
    """The file of a take whose sound has this form."""
    return f"{take:04}.mp4" if form == "opus" else f"{take:04}.aac.mp4"


class Writer:
    """Goes on with the recording in `folder`, or begins one; raises OSError when the disk refuses."""

    def __init__(self, folder: Path, *, sound: bool) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._sound = sound
        before = Recording(folder).refresh()
        self.end = round(before.duration * VIDEO_RATE)
        self._takes = len(before.takes)
        self._segments = len(before.parts)
        self._fragments = 0
        self._pieces: list[dict[str, Any]] = []
        self._parameters: Parameters | None = None
        self._files: dict[str, int] = {}
        self._sizes: dict[str, int] = {}
        self._journal = os.open(folder / JOURNAL, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        # What a killed process left half written is nobody's.
        os.ftruncate(self._journal, before.read)
        if before.unfinished:
            # Its writer was killed in the middle of a segment: that is as long as its pieces.
            self._pieces = before.unfinished
            self._end_segment()
            self.end = round(before.refresh().duration * VIDEO_RATE)
        _cut_tails(before)

    def write(self, piece: Piece) -> None:
        """Append a piece; on an error nothing of it is in the journal."""
        if piece.first:
            self._end_segment()
            if piece.parameters != self._parameters:
                self._begin(piece.parameters)
        places: dict[str, list[tuple[int, int]]] = {"video": [], "opus": []}
        for name, track, samples in (
            ("video", VIDEO_TRACK, (piece.start, piece.video)),
            ("opus", SOUND_TRACK, piece.sound or (0, [])),
        ):
            if samples[1]:
                self._fragments += 1
                places[name].append(self._append("opus", cmaf.fragment(self._fragments, track, *samples)))
        line: dict[str, Any] = {
            "piece_of": self._segments,
            "take": self._takes - 1,
            "start": piece.start,
            "duration": piece.duration,
        }
        line |= {"at": piece.at, "jump": piece.jump, "key": piece.key, **places}
        self._note(line)
        self._pieces.append(line)
        self.end = piece.start + piece.duration
        if piece.last:
            self._end_segment()

    def _end_segment(self) -> None:
        """Write the line of the segment whose pieces are there, if there are any."""
        if self._pieces:
            self._note(_segment(self._segments, self._pieces))
            self._segments += 1
            self._pieces = []

    def refuse(self, codec: str) -> None:
        """Note that this stream cannot be recorded."""
        self._note({"refused": codec})

    def close(self) -> None:
        """Say that this is all, until somebody goes on."""
        try:
            self._end_segment()
            self._note({"closed": True})
        finally:
            for file in (*self._files.values(), self._journal):
                os.close(file)
            self._files = {}

    def _begin(self, parameters: Parameters) -> None:
        shown = picture(parameters.sps)
        heads = {form: cmaf.init(parameters, form if self._sound else None) for form in FORMS}
        for file in self._files.values():
            os.close(file)
        self._files, self._sizes = {}, {}
        for form in FORMS:
            path = self._folder / file_name(self._takes, form)
            self._files[form] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            self._sizes[form] = 0
            self._append(form, heads[form])
        line = {
            "id": secrets.token_hex(8),
            "take": self._takes,
            "width": shown.width,
            "height": shown.height,
            "codec": shown.codec,
        }
        self._note({**line, "sound": self._sound, "heads": {form: len(head) for form, head in heads.items()}})
        self._takes += 1
        self._parameters = parameters

    def _append(self, form: str, data: bytes) -> tuple[int, int]:
        at = self._sizes[form]
        try:
            _write_all(self._files[form], data)
        except OSError:
            os.ftruncate(self._files[form], at)
            os.lseek(self._files[form], at, os.SEEK_SET)
            raise
        self._sizes[form] = at + len(data)
        return at, len(data)

    def _note(self, line: dict[str, Any]) -> None:
        _write_all(self._journal, json.dumps(line, separators=(",", ":")).encode() + b"\n")


def _write_all(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def _cut_tails(before: Recording) -> None:
    """Cut the last take's files to what the journal names of them, so that they end with a whole fragment."""
    if not before.takes:
        return
    last = before.takes[-1]
    for form in FORMS:
        name = file_name(last.number, form)
        ends = [
            offset + length
            for part in before.parts
            for file, offset, length in (*part.video, *part.sound)
            if file == name
        ]
        with (before.folder / name).open("rb+") as file:
            file.truncate(max(ends, default=last.heads[form]))

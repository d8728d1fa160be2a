"""Playlists of live HLS and replays (RFC 8216; draft-pantos-hls-rfc8216bis: partial segments, a skipped beginning).

Each segment holds picture and sound. A show has one playlist with Opus and one with AAC over the same picture; a
player takes the first whose codecs it knows. All of a show is in them from its first second on.
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime

from livestream.recording import FORMS, Part, Partial, Recording

#: Seconds; segments are cut at keyframes about this far apart.
TARGET = 2
#: A player that knows the beginning may leave out what is older than so many seconds; the draft asks for six targets.
SKIP_UNTIL = 6 * TARGET
#: Seconds that a piece lasts at most, and how far from the end a player with low latency stays.
PART_TARGET = 0.5
PART_HOLD_BACK = 3 * PART_TARGET
#: Of so many segments at the end the pieces are listed; the draft asks for three targets.
IN_PIECES = 3
CODECS = {"opus": "opus", "aac": "mp4a.40.2"}


def multivariant(recording: Recording) -> str:
    """The playlist of playlists; the recording has a segment at least."""
    last = recording.takes[recording.parts[-1].take]
    lines = ["#EXTM3U", "#EXT-X-VERSION:7"]
    for form in FORMS if last.sound else FORMS[:1]:
        rates = [part.size(form) * 8 / max(part.duration, 0.5) for part in recording.parts]
        codecs = last.codec + (f",{CODECS[form]}" if last.sound else "")
        most, average = math.ceil(max(rates)), math.ceil(sum(rates) / len(rates))
        about = f'CODECS="{codecs}",RESOLUTION={last.width}x{last.height}'
        lines.append(f"#EXT-X-STREAM-INF:BANDWIDTH={most},AVERAGE-BANDWIDTH={average},{about}")
        lines.append(f"hls/{form}.m3u8")
    return "\n".join(lines) + "\n"


def in_pieces(recording: Recording, form: str) -> bool:
    """Whether there are partial segments: while somebody publishes, and with Opus, which is copied as it comes."""
    return form == "opus" and not recording.closed and bool(recording.partials)


def has(recording: Recording, segment: int, piece: int) -> bool:
    """Tell whether a playlist has this segment, or this piece of it; -1 stands for the whole segment."""
    if segment < len(recording.parts):
        return True
    return segment == len(recording.parts) and 0 <= piece < len(recording.unfinished)


def media(recording: Recording, form: str, *, over: bool, skip: bool = False, low: bool = True) -> str:
    """The segments with one form of sound, and with `low` latency the pieces of the newest.

    `over` ends the list, `skip` leaves out what a player has already.
    """
    parts = recording.parts
    longest = max((part.duration for part in parts), default=0.0)
    skipped = _skipped(parts) if skip and not over else 0
    low = low and not over and in_pieces(recording, form)
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{9 if skipped else 7}",
        f"#EXT-X-TARGETDURATION:{max(TARGET, math.floor(longest + 0.5))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:EVENT",
    ]
    if not over:
        blocking = f",CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={PART_HOLD_BACK}" if low else ""
        lines.append(f"#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL={SKIP_UNTIL}.0{blocking}")
    if low:
        longest = max(piece.duration for pieces in recording.partials.values() for piece in pieces)
        lines.append(f"#EXT-X-PART-INF:PART-TARGET={max(PART_TARGET, longest):.5f}")
    if all(part.key for part in parts):
        lines.append("#EXT-X-INDEPENDENT-SEGMENTS")
    if skipped:
        lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")
    take = parts[skipped - 1].take if skipped else None
    for part in parts[skipped:]:
        lines += _before(part.number, part, take, form, dated=part.number == skipped)
        take = part.take
        if low and part.number >= len(parts) - IN_PIECES:
            lines += _pieces(recording, part.number, form)
        lines += [f"#EXTINF:{part.duration:.5f},", f"{form}-{part.number}.m4s"]
    if low:
        number, pieces = len(parts), recording.partials.get(len(parts), ())
        if pieces:
            lines += _before(number, pieces[0], take, form, dated=False)
            lines += _pieces(recording, number, form)
        lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{form}-{number}.{len(pieces)}.m4s"')
    if over:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def _before(number: int, first: Part | Partial, take: int | None, form: str, *, dated: bool) -> Iterator[str]:
    """What stands before a segment that begins like this, behind one of `take`."""
    if number and (first.jump or first.take != take):
        yield "#EXT-X-DISCONTINUITY"
    if first.take != take:
        yield f'#EXT-X-MAP:URI="{form}-{first.take}.mp4"'
    if first.jump or dated:
        yield f"#EXT-X-PROGRAM-DATE-TIME:{_time(first.at)}"


def _pieces(recording: Recording, number: int, form: str) -> Iterator[str]:
    for place, piece in enumerate(recording.partials.get(number, ())):
        alone = ",INDEPENDENT=YES" if piece.key else ""
        yield f'#EXT-X-PART:DURATION={piece.duration:.5f},URI="{form}-{number}.{place}.m4s"{alone}'


def _skipped(parts: list[Part]) -> int:
    end = parts[-1].start + parts[-1].duration if parts else 0.0
    return sum(end - part.start > SKIP_UNTIL for part in parts)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""Playlists of live HLS and replays (RFC 8216, and for the skipped beginning draft-pantos-hls-rfc8216bis).

Each segment holds picture and sound. A show has one playlist with Opus and one with AAC over the same picture; a
player takes the first whose codecs it knows. All of a show is in them from its first second on.
"""

import math
from datetime import UTC, datetime

from livestream.recording import FORMS, Part, Recording

#: Seconds; segments are cut at keyframes about this far apart.
TARGET = 2
#: A player that knows the beginning may leave out what is older than so many seconds; the draft asks for six targets.
SKIP_UNTIL = 6 * TARGET
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


def media(recording: Recording, form: str, *, over: bool, skip: bool = False) -> str:
    """The segments with one form of sound; `over` ends the list, `skip` leaves out what a player has already."""
    parts = recording.parts
    longest = max((part.duration for part in parts), default=0.0)
    skipped = _skipped(parts) if skip and not over else 0
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{9 if skipped else 7}",
        f"#EXT-X-TARGETDURATION:{max(TARGET, math.floor(longest + 0.5))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:EVENT",
    ]
    if not over:
        lines.append(f"#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL={SKIP_UNTIL}.0")
    if all(part.key for part in parts):
        lines.append("#EXT-X-INDEPENDENT-SEGMENTS")
    if skipped:
        lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")
    take = parts[skipped - 1].take if skipped else None
    for part in parts[skipped:]:
        if part.number and (part.jump or part.take != take):
            lines.append("#EXT-X-DISCONTINUITY")
        if part.take != take:
            lines.append(f'#EXT-X-MAP:URI="{form}-{part.take}.mp4"')
            take = part.take
        if part.jump or part.number == skipped:
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{_time(part.at)}")
        lines += [f"#EXTINF:{part.duration:.5f},", f"{form}-{part.number}.m4s"]
    if over:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def _skipped(parts: list[Part]) -> int:
    end = parts[-1].start + parts[-1].duration if parts else 0.0
    return sum(end - part.start > SKIP_UNTIL for part in parts)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

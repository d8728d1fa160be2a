"""WebVTT captions as plain cues (https://www.w3.org/TR/webvtt1/), read strictly: every mistake with its line.

Only what captions need: text and times. Styles, regions, comments and cue settings are left out; markup is taken out.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

MOST_BYTES = 64 * 1024
MOST_CUES = 300
LONGEST_TEXT = 500
MOST_MISTAKES = 20
# A cue may end this much after the pictures do; it is cut there.
HELD_MS = 500

_TIME = re.compile(r"(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})")
_TIMING = re.compile(rf"[ \t]*({_TIME.pattern})[ \t]+-->[ \t]+({_TIME.pattern})(?:[ \t].*)?")
_HEAD = re.compile(r"(WEBVTT(?:[ \t].*)?)")
_SKIPPED = re.compile(r"(?:NOTE|STYLE|REGION)(?:[ \t]|$)")
_MARKUP = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class Cue:
    """Words shown from `start_ms` until `end_ms`; the text may have several lines."""

    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True)
class Mistake:
    """What is wrong in a line, as an English msgid whose placeholders `values` fill; lines count from 1."""

    line: int
    message: str
    values: dict[str, str] = field(default_factory=dict)


def parse(text: str, duration_ms: int) -> tuple[list[Cue], list[Mistake]]:
    """Read captions for `duration_ms` of pictures: the cues, in order, and at most 20 mistakes."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    mistakes = []
    if not _HEAD.fullmatch(lines[0]):
        mistakes.append(Mistake(1, "The first line must be WEBVTT."))
    else:
        lines[0] = ""
    cues: list[Cue] = []
    for number, block in _blocks(lines):
        if number == 2 and not any("-->" in line for line in block):
            continue  # what stands right under the first line belongs to the file's head
        cue = _cue(number, block, duration_ms, cues[-1] if cues else None)
        if isinstance(cue, Mistake):
            mistakes.append(cue)
        elif cue is not None:
            cues.append(cue)
        if len(mistakes) >= MOST_MISTAKES:
            break
    if len(cues) > MOST_CUES:
        mistakes.append(Mistake(1, "There are more than {most} captions.", {"most": str(MOST_CUES)}))
    if not cues and not mistakes:
        mistakes.append(Mistake(1, "There is no caption in this file."))
    return cues, mistakes


def write(cues: Sequence[Cue]) -> str:
    """Write cues as a WebVTT file; what they say is text and nothing else."""
    blocks = [f"{_clock(cue.start_ms)} --> {_clock(cue.end_ms)}\n{_escaped(cue.text)}\n" for cue in cues]
    return "\n".join(["WEBVTT\n", *blocks])


def moved(cues: Sequence[Cue], by_ms: int, duration_ms: int) -> list[Cue]:
    """Return the cues `by_ms` later and cut to `duration_ms` of pictures; those outside are gone."""
    shifted = (Cue(max(0, each.start_ms + by_ms), min(duration_ms, each.end_ms + by_ms), each.text) for each in cues)
    return [each for each in shifted if each.start_ms < each.end_ms]


def one_after_another(parts: Sequence[tuple[int, Sequence[Cue]]]) -> list[Cue]:
    """Return the cues of segments that play one after another, each given with its length in milliseconds."""
    start, found = 0, []
    for duration_ms, cues in parts:
        own = moved(cues, 0, duration_ms)
        found += [Cue(each.start_ms + start, each.end_ms + start, each.text) for each in own]
        start += duration_ms
    return found


def _blocks(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield what stands between empty lines, with the number of its first line."""
    block: list[str] = []
    for number, line in enumerate([*lines, ""], start=1):
        if line.strip():
            block.append(line)
        elif block:
            yield number - len(block), block
            block = []


def _cue(number: int, block: list[str], duration_ms: int, before: Cue | None) -> Cue | Mistake | None:
    if _SKIPPED.match(block[0]):
        return None
    at = next((place for place, line in enumerate(block[:2]) if "-->" in line), None)
    if at is None:
        return Mistake(number, "A line with the times is missing, like 00:01.000 --> 00:03.000.")
    timing = _TIMING.fullmatch(block[at])
    if timing is None:
        return Mistake(number + at, "Write the times like 00:01.000 --> 00:03.000.")
    start, end = _milliseconds(timing[1]), _milliseconds(timing[6])
    if start >= end:
        return Mistake(number + at, "The end must be after the beginning.")
    if before is not None and start < before.start_ms:
        return Mistake(number + at, "This begins before the caption above it.")
    if start >= duration_ms or end > duration_ms + HELD_MS:
        seconds = f"{duration_ms / 1000:.1f}"
        return Mistake(number + at, "The segment lasts {seconds} s; this caption is later.", {"seconds": seconds})
    arrow = next((place for place, line in enumerate(block[at + 1 :], at + 1) if "-->" in line), None)
    if arrow is not None:
        return Mistake(number + arrow, "An empty line is missing before this one.")
    text = "\n".join(html.unescape(_MARKUP.sub("", line)).strip() for line in block[at + 1 :]).strip()
    if not text:
        return Mistake(number + at, "The words of this caption are missing.")
    if len(text) > LONGEST_TEXT:
        return Mistake(number + at, "This caption is too long: divide it.")
    return Cue(start, min(end, duration_ms), text)


def _milliseconds(text: str) -> int:
    found = _TIME.fullmatch(text)
    assert found is not None, "only times come here"
    hours, minutes, seconds, milliseconds = (int(each or 0) for each in found.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

"""What a segment may be for, guessed from the merchant's own words, its place in the clip and its sound.

Proposals are shown beside what the merchant sets and never used before the merchant takes them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from video_assembly.speech import SPEECH_FROM

MOST_TAGS = 5
_SHORTEST_WORD = 3
# Words of file names and tags, in German and English, that name a role; matched at the beginning of a word.
_WORDS = {
    "hook": "hook intro opener teaser aufhanger einstieg".split(),
    "demo": "demo howto tutorial anleitung anwendung unbox auspack vorfuhr test detail closeup".split(),
    "proof": "proof review testimonial bewertung kundenstimme kundin kunde erfahrung vergleich compar".split(),
    "offer": "offer sale angebot rabatt deal preis price aktion bundle".split(),
    "cta": "cta outro endcard abspann kauf buy bestell order shop".split(),
}
# What cameras, telephones and programs write, and words that say nothing.
_NOISE = frozenset(
    "img vid mov mvi dsc dji gopr pxl movie video clip film final finale export render upload copy kopie neu new "
    "the and for with und der die das mit ein eine von fur take cut edit hd uhd fps whatsapp whats app signal screen "
    "recording bildschirmaufnahme untitled ohne titel".split()
)
# Letters and digits in one, as takes and cameras are numbered: `sam2`, `A001`. They may name a role, but are no tag.
_NUMBERED = re.compile(r"(?<![^\W_])(?:[^\W\d_]+\d|\d+[^\W\d_])[^\W_]*")


@dataclass(frozen=True)
class Proposal:
    """A role with how sure it is (0 to 1) and a code of why: `words`, `first`, `last`, `speech`, `middle`; and tags."""

    role: str
    sure: float
    why: str
    tags: tuple[str, ...]


def propose(filename: str, tags: Sequence[str], position: int, count: int, speech: float) -> Proposal:
    """A proposal for segment `position` of `count`."""
    words = words_of(filename)
    named = [role for role, starts in _WORDS.items() for word in (*words, *map(_plain, tags)) if _begins(word, starts)]
    plain = words_of(_NUMBERED.sub(" ", filename))
    found = tuple(word for word in plain if not any(_begins(word, starts) for starts in _WORDS.values()))[:MOST_TAGS]
    if named and len(set(named)) == 1:
        return Proposal(named[0], 0.9 if count == 1 else 0.7, "words", found)
    if position == 0:
        return Proposal("hook", 0.5, "first", found)
    if position == count - 1 and count > 2:
        return Proposal("cta", 0.4, "last", found)
    if speech >= SPEECH_FROM and position >= count / 2:
        return Proposal("proof", 0.35, "speech", found)
    return Proposal("demo", 0.45, "middle", found)


def words_of(filename: str) -> list[str]:
    """The words of a file's name that say something, in small plain letters."""
    stem = filename.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    parts = re.findall(r"[A-ZÄÖÜ]?[a-zäöüß]+|[A-ZÄÖÜ]+(?![a-zäöüß])", unicodedata.normalize("NFC", stem))
    kept = [_plain(part) for part in parts if len(part) >= _SHORTEST_WORD]
    return [word for word in dict.fromkeys(kept) if word not in _NOISE]


def _begins(word: str, starts: Sequence[str]) -> bool:
    return any(word.startswith(start) for start in starts)


def _plain(word: str) -> str:
    apart = unicodedata.normalize("NFKD", word.strip().lower().replace("ß", "ss"))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))

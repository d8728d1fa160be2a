"""WebVTT in and out: what is wrong is said with its line, what is right comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from video_assembly import webvtt
from video_assembly.webvtt import Cue

FILE = """\ufeffWEBVTT - a file from elsewhere\r
Kind: captions\r
\r
STYLE\r
::cue { color: red }\r
\r
NOTE nobody reads this\r
\r
first\r
00:00.500 --> 00:01.600 align:start\r
<v Ada>Tea &amp; <i>coffee</i>\r
on two lines\r
\r
00:00:01.600 --> 00:00:03.400\r
&lt;b&gt;\r
"""


def test_a_file_from_elsewhere_is_read_as_plain_words() -> None:
    cues, mistakes = webvtt.parse(FILE, 3200)
    assert mistakes == []
    assert cues == [Cue(500, 1600, "Tea & coffee\non two lines"), Cue(1600, 3200, "<b>")]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("1\n00:00.000 --> 00:01.000\nHello", 1, "first line"),
        ("WEBVTT\n\nHello\n\n00:00.000 --> 00:01.000\nHello", 3, "times is missing"),
        ("WEBVTT\n\n0:0.0 --> 00:01.000\nHello", 3, "Write the times"),
        ("WEBVTT\n\n00:01.000 --> 00:00.500\nHello", 3, "end must be after"),
        ("WEBVTT\n\n00:00.000 --> 00:01.000\n\n", 3, "words of this caption"),
        ("WEBVTT\n\n00:00.000 --> 00:09.000\nHello", 3, "The segment lasts"),
        ("WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n00:01.000 --> 00:02.000\nyou", 5, "empty line is missing"),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\nb\n\n00:00.000 --> 00:01.000\na", 6, "begins before"),
        ("WEBVTT\n", 1, "no caption"),
    ],
)
def test_a_mistake_has_its_line(text: str, line: int, words: str) -> None:
    _, mistakes = webvtt.parse(text, 3200)
    assert mistakes[0].line == line
    assert words in mistakes[0].message


def test_mistakes_end_after_some() -> None:
    _, mistakes = webvtt.parse("WEBVTT\n\n" + "bad\n\n" * 10_000, 3200)
    assert len(mistakes) == webvtt.MOST_MISTAKES


texts = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=30).filter(str.strip)
starts = st.lists(st.integers(0, 6000), min_size=1, max_size=6).map(sorted)


@given(starts=starts, said=st.lists(texts, min_size=6, max_size=6))
def test_what_is_written_is_read_again(starts: list[int], said: list[str]) -> None:
    cues = [Cue(start, start + 400, text.strip()) for start, text in zip(starts, said, strict=False)]
    assert webvtt.parse(webvtt.write(cues), 6400) == (cues, [])


def test_cues_of_a_video_follow_one_another() -> None:
    parts = [(1600, [Cue(0, 1600, "a")]), (3200, []), (1600, [Cue(100, 1700, "b")])]
    assert webvtt.one_after_another(parts) == [Cue(0, 1600, "a"), Cue(4900, 6400, "b")]


def test_cues_move_with_the_pictures() -> None:
    cues = [Cue(0, 500, "gone"), Cue(500, 1500, "cut"), Cue(2000, 4000, "kept")]
    assert webvtt.moved(cues, -1000, 2400) == [Cue(0, 500, "cut"), Cue(1000, 2400, "kept")]


@given(st.text(max_size=400))
def test_any_text_is_read_or_refused(text: str) -> None:
    cues, mistakes = webvtt.parse(f"WEBVTT\n\n{text}", 3200)
    assert cues or mistakes

"""A flood of log lines is one line, and the next one tells how many it was."""

import logging

import pytest

from livestream import seldom
from livestream.seldom import PAUSE, Seldom


def record(text: str, *arguments: object, name: str = "a") -> logging.LogRecord:
    """One line of the log."""
    return logging.LogRecord(name, logging.WARNING, "", 0, text, arguments, None)


def test_one_of_each_sort_passes_and_the_rest_is_counted() -> None:
    """The sort is the text before its arguments: what an attacker chooses does not make it another."""
    now = 0.0
    only = Seldom(lambda: now)
    assert [only.filter(record("room %s failed", number)) for number in range(5)] == [True, False, False, False, False]
    assert only.filter(record("something else"))
    assert only.filter(record("room %s failed", 1, name="b"))
    now += PAUSE
    later = record("room %s failed", 7)
    assert only.filter(later)
    assert later.getMessage() == "room 7 failed (4 more like it before)"
    now += PAUSE
    later = record("room %s failed", 8)
    assert only.filter(later)
    assert later.getMessage() == "room 8 failed"


def test_its_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines without arguments may differ for ever."""
    monkeypatch.setattr(seldom, "MOST_SORTS", 3)
    only = Seldom(lambda: 0.0)
    for number in range(20):
        assert only.filter(record(f"line {number}"))
    assert len(only._sorts) <= 3

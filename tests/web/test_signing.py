"""Signed tokens: they say what was signed, for one purpose, until they end."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.signing import sign, unsign

KEY = b"k" * 32
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SAID = {"room": "r", "person": "ö"}
TOKEN = sign(KEY, "resume", SAID, NOW + timedelta(seconds=60))


def test_a_token_says_what_was_signed_until_it_ends() -> None:
    assert unsign(KEY, "resume", TOKEN, NOW) == SAID
    assert unsign(KEY, "resume", TOKEN, NOW + timedelta(seconds=59)) == SAID
    assert unsign(KEY, "resume", TOKEN, NOW + timedelta(seconds=60)) is None


def test_it_is_for_one_purpose_and_one_key() -> None:
    assert unsign(KEY, "pass", TOKEN, NOW) is None
    assert unsign(b"x" * 32, "resume", TOKEN, NOW) is None


@pytest.mark.parametrize("token", ["", ".", "abc", "é.é", "9" * 3000, TOKEN + "A", "A" + TOKEN, TOKEN.split(".")[0]])
def test_what_is_no_token_says_nothing(token: str) -> None:
    assert unsign(KEY, "resume", token, NOW) is None


@given(st.integers(0, len(TOKEN) - 1), st.characters(codec="ascii"))
def test_no_character_of_it_can_be_changed(at: int, char: str) -> None:
    changed = TOKEN[:at] + char + TOKEN[at + 1 :]
    assert changed == TOKEN or unsign(KEY, "resume", changed, NOW) is None

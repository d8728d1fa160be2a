"""Share links: who holds one sees one video until it ends."""

from datetime import UTC, datetime, timedelta

import pytest

from web.sharing import SHARE_LIFE, share_opens, share_token

KEY = b"k" * 32
VIDEO = "01a201db-42f9-749f-a473-d221025aa88d"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TOKEN = share_token(KEY, VIDEO, NOW + SHARE_LIFE)


def test_a_link_opens_its_video_until_it_ends() -> None:
    assert share_opens(KEY, VIDEO, TOKEN, NOW)
    assert share_opens(KEY, VIDEO, TOKEN, NOW + SHARE_LIFE - timedelta(seconds=1))
    assert not share_opens(KEY, VIDEO, TOKEN, NOW + SHARE_LIFE)


def test_it_opens_nothing_else() -> None:
    assert not share_opens(KEY, VIDEO.replace("d", "e"), TOKEN, NOW)
    assert not share_opens(b"x" * 32, VIDEO, TOKEN, NOW)


@pytest.mark.parametrize("token", ["", ".", "abc", "9" * 300, "12.é", "²." + TOKEN.split(".")[1], TOKEN + "A"])
def test_what_is_no_token_opens_nothing(token: str) -> None:
    assert not share_opens(KEY, VIDEO, token, NOW)


def test_its_end_cannot_be_moved() -> None:
    seconds, _, signature = TOKEN.partition(".")
    assert not share_opens(KEY, VIDEO, f"{int(seconds) + 1}.{signature}", NOW)

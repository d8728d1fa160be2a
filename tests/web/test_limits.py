"""Rate limits: a moving window for each client, and a memory that does not grow with their number."""

import pytest
from starlette.requests import Request

from storage.errors import TooMany
from web import limits
from web.limits import LIMITS, SWEEP_SECONDS, Limiter, network_of


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(clock: Clock) -> Limiter:
    return Limiter(clock)


def test_the_window_moves(limiter: Limiter, clock: Clock) -> None:
    most, seconds = LIMITS["sign-in"]
    for _ in range(most):
        limiter.take("sign-in", "a")
        clock.now += 1
    with pytest.raises(TooMany) as refused:
        limiter.take("sign-in", "a")
    assert refused.value.retry_after == seconds - most
    limiter.take("sign-in", "b")
    limiter.take("order", "a")
    clock.now += refused.value.retry_after
    limiter.take("sign-in", "a")
    with pytest.raises(TooMany):
        limiter.take("sign-in", "a")


def test_clients_who_are_gone_are_forgotten(limiter: Limiter, clock: Clock) -> None:
    for each in range(1000):
        limiter.take("write", str(each))
    limiter.take("guest", "slow")
    clock.now += SWEEP_SECONDS
    limiter.take("write", "one more")
    assert len(limiter) == 2


def test_a_flood_of_names_does_not_fill_the_memory(limiter: Limiter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_CLIENTS", 100)
    for each in range(300):
        limiter.take("sign-in", f"10.0.0.1 {each}")
    assert len(limiter) == 100
    limiter.take("sign-up", "x" * 1_000_000)
    assert max(len(client) for _, client in limiter._taken) < 1000


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("testclient", "testclient"),
    ],
)
def test_a_network_counts_as_one(address: str, counted: str) -> None:
    assert network_of(Request({"type": "http", "headers": [], "client": (address, 1)})) == counted

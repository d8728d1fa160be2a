"""Connectivity checks against aioice's own writer and reader."""

import pytest
from aioice import stun as reference
from hypothesis import given
from hypothesis import strategies as st

from livestream import stun

PASSWORD = "p" * 22


def request(nominates: bool = True) -> bytes:
    """A check as aioice writes it."""
    message = reference.Message(message_method=reference.Method.BINDING, message_class=reference.Class.REQUEST)
    message.attributes["USERNAME"] = "local:remote"
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 2
    if nominates:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(PASSWORD.encode())
    message.add_fingerprint()
    return bytes(message)


@pytest.mark.parametrize("nominates", [True, False])
def test_check_of_another_implementation_is_read_and_proven(nominates: bool) -> None:
    """Names, nomination and signature."""
    check = stun.parse_check(request(nominates))
    assert check is not None
    assert (check.local, check.remote, check.nominates) == ("local", "remote", nominates)
    assert check.proves(PASSWORD)
    assert not check.proves("q" * 22)


@pytest.mark.parametrize("address", [("192.0.2.7", 40000), ("2001:db8::7", 40000)])
def test_answer_is_read_by_another_implementation(address: tuple[str, int]) -> None:
    """Mapped address, signature and fingerprint."""
    check = stun.parse_check(request())
    assert check is not None
    answer = reference.parse_message(stun.success(check.transaction, address, PASSWORD))
    assert answer.message_class == reference.Class.RESPONSE
    assert answer.transaction_id == check.transaction
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == address
    assert answer.check_message_integrity(PASSWORD.encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No datagram raises."""
    stun.parse_check(data)


@given(st.integers(0, 255), st.data())
def test_changed_check_is_never_proven(change: int, data: st.DataObject) -> None:
    """One other byte before the signature is enough."""
    good = request()
    place = data.draw(st.integers(0, len(good) - 33))
    bad = good[:place] + bytes([good[place] ^ change]) + good[place + 1 :]
    check = stun.parse_check(bad)
    assert bad == good or check is None or not check.proves(PASSWORD)

"""Loss, jitter and gaps of one source."""

from livestream.reception import MAX_GAP, RETRY, TRIES, Reception


def test_gap_is_named_once_and_asked_for_again_until_given_up() -> None:
    """At most TRIES times, RETRY seconds apart."""
    reception = Reception(1, 90_000)
    assert reception.take(65534, 0, 0.0) == []
    assert reception.take(1, 0, 0.0) == [65535, 0]
    assert reception.due(RETRY / 2) == []
    reception.take(65535, 0, 0.01)
    asked = [reception.due(step * RETRY + 0.001) for step in range(1, TRIES + 3)]
    assert asked == [[0]] * (TRIES - 1) + [[]] * 3
    assert reception.missing == {}


def test_long_gap_is_not_asked_for() -> None:
    """A keyframe is the shorter way."""
    reception = Reception(1, 90_000)
    reception.take(0, 0, 0.0)
    assert reception.take(MAX_GAP + 2, 0, 0.0) == []


def test_report_counts_loss_over_the_roll_over() -> None:
    """Fraction since the last report, total since the start, numbers with their cycles."""
    reception = Reception(7, 90_000)
    for number in range(65530, 65536):
        reception.take(number, 0, 0.0)
    reception.take(4, 0, 0.0)
    block = reception.block(1.0)
    assert (block.ssrc, block.lost, block.highest) == (7, 4, 65536 + 4)
    assert block.fraction == 4 * 256 // 11
    assert (block.last_report, block.delay) == (0, 0)
    assert reception.block(2.0).fraction == 0


def test_jitter_follows_the_arrivals() -> None:
    """None for an even stream, about the deviation for an uneven one."""
    even, uneven = Reception(1, 1000), Reception(2, 1000)
    for step in range(200):
        even.take(step, step * 20, step * 0.02)
        uneven.take(step, step * 20, step * 0.02 + (0.01 if step % 2 else 0.0))
    assert even.block(4.0).jitter == 0
    assert 8 <= uneven.block(4.0).jitter <= 10


def test_delay_since_the_last_sender_report() -> None:
    """Middle 32 bits and 1/65536 s, from which the sender computes the round trip."""
    reception = Reception(1, 90_000)
    reception.take(0, 0, 0.0)
    reception.sender_report(0x1111_2222_3333_4444, 10.0)
    block = reception.block(10.5)
    assert (block.last_report, block.delay) == (0x2222_3333, 32768)

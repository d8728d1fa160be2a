"""When a media process says that it has enough to do."""

from livestream.load import Load


def after(*seconds: tuple[float, float]) -> Load:
    """Return the load after seconds that took so long and used so much of a core."""
    load, clock, cpu = Load(), 100.0, 7.0
    load.tick(clock, cpu)
    for took, used in seconds:
        clock, cpu = clock + took, cpu + used
        load.tick(clock, cpu)
    return load


def test_a_quiet_second_is_no_load() -> None:
    assert not Load().saturated
    quiet = after(*[(1.0, 0.01)] * 30)
    assert (round(quiet.lag, 3), round(quiet.busy, 2), quiet.saturated) == (0.0, 0.01, False)


def test_a_burst_of_joins_does_not_close_the_door_and_full_seconds_do() -> None:
    assert not after(*[(1.0, 0.1)] * 10, *[(1.0, 1.0)] * 3).saturated
    assert after(*[(1.0, 0.1)] * 10, *[(1.0, 1.0)] * 9).saturated


def test_a_loop_that_is_kept_waiting_is_saturated_whoever_keeps_it() -> None:
    assert after(*[(1.8, 0.2)] * 10).saturated
    again = after(*[(1.8, 0.2)] * 10, *[(1.0, 0.2)] * 10)
    assert not again.saturated

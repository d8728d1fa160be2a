"""The application's setting and the bell."""

import signal
import time

import pytest

from storage import broker
from storage.jobs import SWEEP_EVERY
from tests.workers.conftest import Floor, running_broker
from workers import tasks
from workers.app import ASSEMBLE, INGEST, QUEUE_OF, QUEUES, SWEEP, broker_url, make_app, make_ring

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("redis://broker:6379/2", "redis://broker:6379/2"),
        ("unix:///run/broker.sock", "redis+socket:///run/broker.sock?virtual_host=0"),
        ("unix:///run/broker.sock?db=3", "redis+socket:///run/broker.sock?virtual_host=3"),
    ],
)
def test_the_url_of_a_socket_is_written_as_kombu_reads_it(given: str, expected: str) -> None:
    assert broker_url(given) == expected


def test_a_lost_worker_loses_no_message_and_pickle_is_never_read(floor: Floor) -> None:
    conf = make_app(floor.settings).conf

    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert list(conf.accept_content) == ["json"]
    assert conf.broker_transport_options["visibility_timeout"] == 3600


def test_every_kind_has_its_task_and_its_queue_and_beat_sweeps(floor: Floor) -> None:
    app = make_app(floor.settings)

    for kind in tasks.KINDS:
        assert app.tasks[tasks.name_of(kind)].time_limit == tasks.KINDS[kind].limit
        assert QUEUE_OF.get(kind, ASSEMBLE) in {queue for queues in QUEUES.values() for queue in queues}
    assert app.conf.beat_schedule[SWEEP]["schedule"] == SWEEP_EVERY
    assert {queue for queues in QUEUES.values() for queue in queues} == {INGEST, ASSEMBLE, SWEEP}


def test_what_somebody_watches_goes_before_what_waits_in_the_same_queue(floor: Floor) -> None:
    with running_broker(floor.settings), make_app(floor.settings).connection_for_read() as connection:
        make_ring(broker.url(floor.settings))([*[("ingest", f"clip {n}") for n in range(3)], ("export", "file")])
        queue = connection.SimpleQueue(INGEST)
        heard = [queue.get(timeout=30).payload[0][0] for _ in range(4)]
        queue.close()
    assert heard == ["file", "clip 0", "clip 1", "clip 2"]


def test_the_bell_gives_up_quickly_when_the_broker_hangs_or_is_gone(floor: Floor) -> None:
    ring = make_ring(broker.url(floor.settings))
    with running_broker(floor.settings) as process:
        ring([("ingest", "one")])
        process.send_signal(signal.SIGSTOP)
        for _ in range(2):  # kombu waits longer the second time, unless told not to
            begun = time.monotonic()
            with pytest.raises(Exception, match="Timeout"):
                ring([("ingest", "two")])
            assert time.monotonic() - begun < 2
        process.send_signal(signal.SIGCONT)
        ring([("ingest", "three")])
    for _ in range(2):
        begun = time.monotonic()
        with pytest.raises(Exception, match="connecting"):
            ring([("ingest", "four")])
        assert time.monotonic() - begun < 2

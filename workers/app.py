"""The Celery application: how it is set up, how it is started, and the bell that web rings.

A message carries a job's id and nothing else. Its loss costs seconds, because the sweep rings again.
"""

import logging
import os
import signal
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import celery
import celery.signals

from storage import broker
from storage.database import Ring
from storage.jobs import SWEEP_EVERY
from storage.processes import die_with_parent
from storage.settings import Settings
from workers import tasks

log = logging.getLogger(__name__)

INGEST, ASSEMBLE, SWEEP, TIDY = "ingest", "assemble", "sweep", "tidy"
TIDY_EVERY = timedelta(hours=1)
# Which queues a pool empties. The sweep has its own, so that a flood of assemblies does not keep it waiting.
QUEUES = {INGEST: (INGEST,), ASSEMBLE: (ASSEMBLE, SWEEP)}
# What is not named here is quick, and somebody waits for it.
BUSY = (INGEST, "recording", "export", "personal", "recut")
QUEUE_OF = {**dict.fromkeys(BUSY, INGEST), SWEEP: SWEEP, TIDY: SWEEP}
# What a person watches the progress of goes before what waits in the same queue: exports before a hundred uploads.
# Redis has no priorities; kombu keeps a list for each and empties 0 before 6.
AT_ONCE, IN_TURN = 0, 6
PRIORITY_OF = dict.fromkeys((INGEST, "recording", "personal"), IN_TURN)
MOST_INGESTS_AT_ONCE = 2
# Only a backstop: a message delivered twice finds the lease held and does nothing.
VISIBILITY_SECONDS = 3600
RING_SECONDS = 0.2

COMMON: dict[str, Any] = {
    "task_serializer": "json",
    "result_serializer": "json",
    "accept_content": ["json"],
    "task_ignore_result": True,
    "enable_utc": True,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
}


# Celery comes without types.
Celery: Any = celery.Celery
setup_logging: Any = celery.signals.setup_logging
worker_ready: Any = celery.signals.worker_ready
worker_process_init: Any = celery.signals.worker_process_init


def make_app(settings: Settings) -> Any:
    """Build the application that workers and beat run."""
    app = Celery("vitrine", broker=broker_url(settings.redis_url or broker.url(settings)), set_as_current=False)
    app.conf.update(
        COMMON,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        # A failure is in the job's row, and the sweep tries again: the message has done its part.
        task_acks_on_failure=True,
        task_acks_on_timeout=True,
        worker_prefetch_multiplier=1,
        worker_max_tasks_per_child=50,
        worker_max_memory_per_child=900_000,
        # On a busy machine a niced child needs longer than the four seconds after which Celery kills it.
        worker_proc_alive_timeout=60.0,
        # A broker that comes back redelivers; the fence, not a cancelled task, keeps results single.
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        visibility_timeout=VISIBILITY_SECONDS,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_SECONDS,
            "health_check_interval": 10,
            "socket_keepalive": True,
            "socket_connect_timeout": 5,
        },
        beat_schedule={
            SWEEP: {
                "task": tasks.name_of(SWEEP),
                "schedule": SWEEP_EVERY,
                # A sweep that nobody took before the next one is due is not worth anything.
                "options": {"queue": SWEEP, "expires": SWEEP_EVERY.total_seconds()},
            },
            TIDY: {"task": tasks.name_of(TIDY), "schedule": TIDY_EVERY, "options": {"queue": SWEEP}},
        },
    )
    tasks.register(app, settings, make_ring(settings.redis_url or broker.url(settings)))
    return app


def make_ring(redis_url: str) -> Callable[[Sequence[Ring]], None]:
    """Return the bell for `storage.database.Database`: it raises within 0.2 s when the broker does not answer."""
    app = Celery("vitrine-bell", broker=broker_url(redis_url), set_as_current=False)
    app.conf.update(
        COMMON,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_SECONDS,
            "socket_timeout": RING_SECONDS,
            "socket_connect_timeout": RING_SECONDS,
            # kombu's own defaults try again for six seconds, in a thread that a person waits for
            "max_retries": 0,
            "interval_start": 0,
            "interval_step": 0,
            "interval_max": 0,
        },
    )

    def ring(rings: Sequence[Ring]) -> None:
        for kind, job_id in rings:
            queue = QUEUE_OF.get(kind, ASSEMBLE)
            priority = PRIORITY_OF.get(kind, AT_ONCE)
            app.send_task(tasks.name_of(kind), args=[job_id], queue=queue, priority=priority, retry=False)

    return ring


def broker_url(redis_url: str) -> str:
    """Turn redis-py's URL of a unix socket into kombu's; others are the same for both."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.path}?virtual_host={database}"


def run_worker(settings: Settings, kinds: Sequence[str]) -> None:
    """Run one pool until a signal ends it; `kinds` are keys of `QUEUES`."""
    setup_logging.connect(_keep_our_logging)
    queues = [queue for kind in kinds for queue in QUEUES[kind]]
    wanted = max(1, min(MOST_INGESTS_AT_ONCE, (os.cpu_count() or 1) // 2)) if INGEST in kinds else 1
    app = make_app(settings)
    main = os.getpid()

    def child_dies_too(**_: object) -> None:
        die_with_parent(main, signal.SIGKILL)

    worker_process_init.connect(child_dies_too, weak=False)

    def sweep_at_once(**_: object) -> None:
        # What waited while nobody worked is rung now, and `/readyz` need not wait for beat.
        app.send_task(tasks.name_of(SWEEP), queue=SWEEP)

    if ASSEMBLE in kinds:
        worker_ready.connect(sweep_at_once, weak=False)
    app.worker_main(
        [
            "--quiet",
            "worker",
            f"--queues={','.join(queues)}",
            f"--concurrency={wanted}",
            f"--hostname={'-'.join(kinds)}@%h",
            f"--loglevel={settings.log_level}",
            "--without-gossip",
            "--without-mingle",
        ]
    )


def run_beat(settings: Settings) -> None:
    """Ring the sweep's bell every few seconds until a signal ends it."""
    setup_logging.connect(_keep_our_logging)
    # The schedule is one line of code, so there is nothing to keep in a file.
    app = make_app(settings)
    app.Beat(scheduler_cls="celery.beat:Scheduler", loglevel=settings.log_level, quiet=True).run()


def _keep_our_logging(**_: object) -> None:
    """Leave logging as `web.logs` has set it up; Celery leaves it alone when somebody answers this signal."""

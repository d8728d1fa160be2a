"""`GET /metrics` in the text format of Prometheus: what web counts itself, and what it reads from those who know.

Counts of web live as long as its process. Those of the media process come from `stats()`; assemblies and jobs are rows,
because workers in processes of their own make them; queues are read from the broker. Nothing here waits on the loop.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from livestream.client import MediaClient
from livestream.errors import LiveError
from storage import costs, jobs
from storage.clock import utcnow
from storage.costs import Cost
from storage.errors import NotFound
from video_assembly import videos
from web.limits import at_this_machine
from web.media_processes import together
from web.services import Services, services

LAG_SECONDS = 0.25
QUEUES = ("ingest", "assemble", "sweep")
REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
FEED_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Growing(Protocol):
    """An upload on its way."""

    size: int


class Metrics:
    """What one web process counts."""

    def __init__(self) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "http_request_duration_seconds",
            "From a request to the beginning of its answer; bodies and streams take what the reader takes.",
            ("method", "status"),
            buckets=REQUEST_BUCKETS,
            registry=self.registry,
        )
        self.sessions = Counter(
            "webrtc_sessions",
            "Offers to publish (whip) and to play (whep); result is created or the refusal.",
            ("kind", "result"),
            registry=self.registry,
        )
        self.events = Counter(
            "events_ingested", "Valid events of the vocabulary that were taken in.", ("event",), registry=self.registry
        )
        self.feeds = Histogram(
            "feed_recommend_seconds", "Making a page of a feed.", buckets=FEED_BUCKETS, registry=self.registry
        )
        self.lag = Histogram(
            "event_loop_lag_seconds",
            "How late web's event loop comes back to a timer.",
            buckets=LAG_BUCKETS,
            registry=self.registry,
        )
        self.uploads: set[Growing] = set()

    def answered(self, method: str, status: int, seconds: float) -> None:
        """Count one request; a method that nobody knows is counted as other."""
        self.requests.labels(method if method in METHODS else "other", str(status)).observe(seconds)

    async def watch_loop(self) -> None:
        """Measure the loop's lag until cancelled."""
        while True:
            due = time.perf_counter() + LAG_SECONDS
            await asyncio.sleep(LAG_SECONDS)
            self.lag.observe(max(0.0, time.perf_counter() - due))


async def metrics(request: Request) -> Response:
    """`GET /metrics`: for somebody at this machine and for operators; to others there is no such address."""
    person = request.state.person
    if not at_this_machine(request) and not (person is not None and person.may("operator", "operate")):
        raise NotFound("not-found", "There is nothing at this address.")
    parts = services(request)
    media = await asyncio.gather(*(_stats(client) for client in parts.media_process.clients))
    body = await run_in_threadpool(_text, parts, media)
    return Response(body, media_type=prometheus_client.CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


async def _stats(client: MediaClient) -> dict[str, Any] | None:
    try:
        return await client.stats()
    except LiveError:
        return None


def _text(parts: Services, media: Sequence[dict[str, Any] | None]) -> bytes:
    read = CollectorRegistry()
    read.register(_Families([*_from_media(media), *_from_rows(parts), *_from_web(parts)]))
    return prometheus_client.generate_latest(parts.metrics.registry) + prometheus_client.generate_latest(read)


class _Families(prometheus_client.registry.Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def _from_media(media: Sequence[dict[str, Any] | None]) -> Iterator[Metric]:
    up = GaugeMetricFamily("media_process_up", "Whether a media process answers.", labels=("number",))
    for number, one in enumerate(media):
        up.add_metric((str(number),), 0 if one is None else 1)
    yield up
    answering = [one for one in media if one is not None]
    if not answering:
        return
    stats = together(answering)
    rooms = stats["rooms"].values()
    yield GaugeMetricFamily("live_rooms", "Rooms with a picture.", sum(room["published"] for room in rooms))
    peers = GaugeMetricFamily("webrtc_peer_connections", "Connections.", labels=("role", "state"))
    publishers = sum(room["published"] for room in rooms)
    viewers = sum(room["viewers"] for room in rooms)
    peers.add_metric(("publisher", "connected"), publishers)
    peers.add_metric(("viewer", "connected"), viewers)
    peers.add_metric(("any", "connecting"), max(0, stats["peers"] - publishers - viewers))
    yield peers
    trips = [room["round_trip"] for room in rooms if room["round_trip"] is not None]
    if trips:
        about = "To viewers and back: the median of the room where it is longest."
        yield GaugeMetricFamily("webrtc_rtt_seconds", about, max(trips))
    setup = stats["setup"]
    buckets = [(name, held) for name, held in setup.items() if name not in ("count", "sum")]
    buckets = [*sorted(buckets, key=lambda each: float(each[0])), ("+Inf", setup["count"])]
    about = "From an offer to the end of the DTLS handshake."
    yield HistogramMetricFamily("webrtc_setup_seconds", about, buckets=buckets, sum_value=setup["sum"])
    yield GaugeMetricFamily(
        "media_event_loop_lag_seconds", "How late the media process's tick comes, smoothed.", stats["lag_seconds"]
    )
    yield CounterMetricFamily("media_cpu_seconds", "CPU time of the media process.", stats["cpu_seconds"])
    packets = CounterMetricFamily("media_packets_received", "RTP packets of publishers.", labels=("kind",))
    for kind in ("audio", "video"):
        found = (room["tracks"].get(kind, {"packets": 0})["packets"] for room in rooms)
        packets.add_metric((kind,), sum(found))
    yield packets
    dropped = CounterMetricFamily("media_datagrams_dropped", "Datagrams that the guard dropped.", labels=("reason",))
    for reason, count in stats["dropped"].items():
        dropped.add_metric((reason,), count)
    yield dropped


def _from_rows(parts: Services) -> Iterator[Metric]:
    with parts.db.reading() as tx:
        assembled, waiting = videos.assembly_counts(tx), jobs.waiting(tx)
        failed = sum(job.kind == "assemble" for job in jobs.failed(tx))
        spent, level = costs.totals(tx), costs.level(tx, utcnow())
    made = CounterMetricFamily("short_assemblies", "Videos put together.", labels=("path", "by", "result"))
    for by, count in assembled.items():
        made.add_metric(("playlist", by, "ok"), count)
    made.add_metric(("playlist", "worker", "failed"), failed)
    yield made
    held = GaugeMetricFamily("jobs_waiting", "Jobs that are queued or running, as rows.", labels=("kind",))
    for kind, count in waiting.items():
        held.add_metric((kind,), count)
    yield held
    yield from _costs(spent, level)


def _costs(spent: Sequence[Cost], level: str) -> Iterator[Metric]:
    done = CounterMetricFamily("job_attempts", "Attempts at jobs whose cost was booked.", labels=("kind",))
    cpu = CounterMetricFamily("job_cpu_seconds", "CPU time of jobs, children included.", labels=("kind",))
    energy = CounterMetricFamily("job_watt_hours", "Estimated energy of jobs.", labels=("kind",))
    moved = CounterMetricFamily("job_bytes", "Bytes that jobs read and wrote.", labels=("kind", "direction"))
    hits = CounterMetricFamily("job_cache_hits", "What jobs found made already.", labels=("kind",))
    for each in spent:
        done.add_metric((each.kind,), each.jobs)
        cpu.add_metric((each.kind,), each.cpu_ms / 1000)
        energy.add_metric((each.kind,), each.watt_hours)
        moved.add_metric((each.kind, "in"), each.bytes_in)
        moved.add_metric((each.kind, "out"), each.bytes_out)
        hits.add_metric((each.kind,), each.cache_hits)
    yield from (done, cpu, energy, moved, hits)
    allowed = GaugeMetricFamily("video_level", "How the energy budget lets videos be made.", labels=("level",))
    for name in costs.LEVELS:
        allowed.add_metric((name,), name == level)
    yield allowed


def _from_web(parts: Services) -> Iterator[Metric]:
    queues = GaugeMetricFamily("celery_queue_length", "Messages that wait in the broker.", labels=("queue",))
    for queue, length in parts.messages.queue_lengths(QUEUES).items():
        queues.add_metric((queue,), length)
    yield queues
    arrived = sum(each.size for each in list(parts.metrics.uploads))
    yield GaugeMetricFamily("upload_bytes_in_flight", "Bytes here of uploads that are not whole yet.", arrived)


routes = [Route("/metrics", metrics)]

"""`/metrics`: who may read it, and that each figure follows what really happens."""

import uuid
from collections.abc import Callable

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from livestream.load import Durations
from storage import accounts, jobs
from storage.clock import utcnow
from tests.web.peers import SDP, Broadcast, beside, make_room, media_process, offer, until, watch
from web.services import Services

pytestmark = pytest.mark.slow

assert media_process, "a fixture of the tests below"
LOCAL = "http://127.0.0.1"


@pytest.fixture
def operator(client: TestClient, services: Services) -> TestClient:
    """A program with an operator's token."""
    with services.db.writing() as tx:
        person = accounts.sign_up(tx, "op@example.org", "Op", "!", "en", utcnow())
        accounts.grant(tx, person, "operator")
        token = accounts.add_token(tx, person, "prometheus", frozenset({"operate"}), utcnow())
    return beside(client, headers={"Authorization": f"Bearer {token}"})


def read(reader: TestClient) -> dict[str, float]:
    """Return every sample as `name{label="value",...}`, labels in order."""
    answer: httpx2.Response = reader.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            name = f"{sample.name}{{{labels}}}" if labels else sample.name
            assert name not in found, f"{name} is told twice"
            found[name] = sample.value
    return found


def test_operators_and_this_machine_may_read(
    client: TestClient,
    operator: TestClient,
    sign_in: Callable[..., str],
    media_process: object,
) -> None:
    def asked(base: str, address: str, **headers: str) -> int:
        reader = beside(client, base_url=base, client=(address, 50000), headers=headers)
        return int(reader.get("/metrics").status_code)

    assert operator.get("/metrics").status_code == 200
    assert asked(LOCAL, "127.0.0.1") == 200
    assert asked("http://localhost:8000", "127.0.0.1") == 200
    assert asked(LOCAL, "192.0.2.7") == 404
    # Through a proxy on this machine, or under a name of somebody else's that leads here.
    assert asked(LOCAL, "127.0.0.1", **{"X-Forwarded-For": "192.0.2.7"}) == 404
    assert asked("http://rebound.example", "127.0.0.1") == 404
    assert client.get("/metrics").status_code == 404
    sign_in(client, "merchant")
    assert client.get("/metrics").status_code == 404
    sign_in(client, "operator")
    assert client.get("/metrics").status_code == 200


def test_a_room_is_counted(
    client: TestClient,
    operator: TestClient,
    sign_in: Callable[..., str],
    add_product: Callable[..., object],
    media_process: object,
) -> None:
    sign_in(client, "host")
    room = make_room(client, add_product().id)["id"]  # type: ignore[attr-defined]
    before = read(operator)
    assert (before['media_process_up{number="0"}'], before["live_rooms"]) == (1, 0)
    assert client.post(f"/live/{room}/whep", content=offer("recvonly"), headers=SDP).status_code == 409
    with Broadcast(client, room):
        screen, _ = watch(client, room)
        now = until(lambda: (m := read(operator))['webrtc_peer_connections{role="viewer",state="connected"}'] and m)
        assert now["live_rooms"] == 1
        assert now['webrtc_peer_connections{role="publisher",state="connected"}'] == 1
        assert now['webrtc_sessions_total{kind="whip",result="created"}'] == 1
        assert now['webrtc_sessions_total{kind="whep",result="created"}'] == 1
        assert now['webrtc_sessions_total{kind="whep",result="nobody-publishes"}'] == 1
        assert now["webrtc_setup_seconds_count"] == 2
        assert now['webrtc_setup_seconds_bucket{le="+Inf"}'] == 2
        assert 0 < now["webrtc_setup_seconds_sum"] < 60
        assert now['media_packets_received_total{kind="video"}'] > 0
        assert now["media_cpu_seconds_total"] > 0
        client.portal.call(screen.close)  # type: ignore[union-attr]


def test_requests_events_feeds_and_rows_are_counted(
    client: TestClient, operator: TestClient, services: Services, add_product: Callable[..., object]
) -> None:
    services.media_process.clients[0]._timeout = 0.2
    client.get("/livez")
    client.get("/v1/feed?limit=1")
    client.put("/v1/me/consent", json={"purposes": {"personalise": True, "measure": True}, "source": "test"})
    product = add_product()
    message = {
        "messageId": str(uuid.uuid4()),
        "event": "Product Viewed",
        "properties": {"product_id": product.id},  # type: ignore[attr-defined]
    }
    taken = client.post("/v1/batch", json={"batch": [message]})
    assert taken.json()["stored"] == 1, taken.text
    with services.db.writing() as tx:
        jobs.enqueue(tx, "ingest", "one", "clip", utcnow())
    now = read(operator)
    assert now['media_process_up{number="0"}'] == 0
    assert "live_rooms" not in now, "nobody knows"
    assert now['http_request_duration_seconds_count{method="GET",status="200"}'] >= 2
    assert now['http_request_duration_seconds_count{method="POST",status="202"}'] == 1
    assert now['events_ingested_total{event="Product Viewed"}'] == 1
    assert now["feed_recommend_seconds_count"] == 1
    assert now['jobs_waiting{kind="ingest"}'] == 1
    assert now['short_assemblies_total{by="web",path="playlist",result="ok"}'] >= 0
    assert now['celery_queue_length{queue="ingest"}'] >= 0
    assert now["upload_bytes_in_flight"] == 0
    until(lambda: read(operator)["event_loop_lag_seconds_count"] > 0)


def test_durations_are_counted_in_classes() -> None:
    durations = Durations((0.1, 1.0))
    clock = iter([10.0, 10.05, 20.0, 20.5, 30.0, 32.0])
    came: list[str] = []
    for _ in range(3):
        durations.timed(lambda: next(clock), lambda: came.append("on"))()
    assert came == ["on"] * 3
    told = durations.told()
    assert told == {"0.1": 1, "1.0": 2, "count": 3, "sum": pytest.approx(2.55)}

"""Two hosts over one database and one Redis: a room is at one of them, and the other one sends everybody there."""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from storage import accounts
from storage.clock import utcnow
from storage.messages import Leases
from storage.settings import Settings
from tests.livestream.harness import Screen, Source
from tests.web.peers import SDP, Broadcast, make_room, offer, until, watch
from web import registry
from web.app import create_app
from web.media_processes import MediaProcesses
from web.registry import Registry
from web.services import Services
from web.supervisor import answers

pytestmark = pytest.mark.slow

SECRET = "the same thirty-two characters on both"


class Host:
    """One host: its web application as a browser sees it, and its media process."""

    def __init__(self, name: str, services: Services, folder: Path, redis_url: str) -> None:
        self.url = f"http://{name}.example"
        folder.mkdir()
        settings = Settings(
            data_dir=folder,
            redis_url=redis_url,
            database_url=services.settings.resolved_database_url,
            public_url=self.url,
            shared_secret=SECRET,  # type: ignore[arg-type]
        )
        settings.prepare()
        command = [sys.executable, "-m", "livestream.server", "--socket", str(settings.media_socket)]
        self.media = subprocess.Popen([*command, "--address", "127.0.0.1"])
        until(lambda: answers(settings.media_socket))
        self.processes = MediaProcesses(settings.media_sockets, Registry(Leases(redis_url), self.url))
        self.services = replace(services, settings=settings, media_process=self.processes)
        own = {"Origin": self.url, "Sec-Fetch-Site": "same-origin"}
        self.client = TestClient(create_app(self.services), base_url=self.url, headers=own, follow_redirects=False)

    def follow(self, answer: object, body: str, **headers: str) -> object:
        """Do what a browser at the other host does with a 307: the same POST, without cookie and Authorization."""
        location = answer.headers["location"]  # type: ignore[attr-defined]
        assert location.startswith(self.url + "/")
        split = urlsplit(location)
        foreign = {"Origin": "http://other.example", "Sec-Fetch-Site": "cross-site"}
        kept = dict(self.client.cookies)
        self.client.cookies.clear()
        found = self.client.post(f"{split.path}?{split.query}", content=body, headers={**SDP, **foreign, **headers})
        self.client.cookies.update(kept)
        return found


@pytest.fixture
def hosts(services: Services, tmp_path: Path, valkey: str) -> Iterator[tuple[Host, Host]]:
    with contextlib.ExitStack() as stack:
        both = []
        for name in ("a", "b"):
            host = Host(name, services, tmp_path / name, valkey)
            stack.callback(host.media.wait, 10)
            stack.callback(host.media.terminate)
            stack.enter_context(host.client)
            both.append(host)
        yield both[0], both[1]


def test_the_other_host_sends_everybody_to_the_room(
    hosts: tuple[Host, Host], sign_in: Callable[..., str], add_product: Callable[..., object], services: Services
) -> None:
    a, b = hosts
    sign_in(b.client, "host", name="Lena")
    a.client.cookies.update(b.client.cookies)
    room = make_room(b.client, add_product().id)["id"]  # type: ignore[attr-defined]
    with Broadcast(b.client, room):
        second = a.client.post(f"/live/{room}/whip", content=offer("sendonly"), headers=SDP)
        assert second.status_code == 307
        conflict = b.follow(second, offer("sendonly"))
        assert (conflict.status_code, conflict.json()["type"]) == (409, "/problems/already-published")  # type: ignore[attr-defined]

        a.client.cookies.clear()
        a.client.get(f"/live/{room}")
        assert a.client.portal is not None
        screen = a.client.portal.call(_screen)
        sent = a.client.post(f"/live/{room}/whep", content=screen.offer(), headers=SDP)
        assert sent.status_code == 307
        assert sent.headers["access-control-allow-origin"] == "*"
        assert sent.headers["cache-control"] == "no-store"
        assert "authorization" not in sent.headers["location"]
        played = b.follow(sent, screen.offer())
        assert played.status_code == 201, played.text  # type: ignore[attr-defined]
        assert played.headers["access-control-allow-origin"] == "*"  # type: ignore[attr-defined]
        screen.accept(played.text)  # type: ignore[attr-defined]
        a.client.portal.call(screen.connect)
        until(lambda: screen.of("h264"))
        a.client.portal.call(screen.close)

        again = b.follow(sent, offer("recvonly"))
        assert (again.status_code, again.json()["type"]) == (403, "/problems/pass-refused")  # type: ignore[attr-defined]
        pass_ = sent.headers["location"].partition("?")[2]
        for door in ("whip", "whep"):
            wrong = a.client.post(f"/live/{room}/{door}?{pass_}", content=offer("recvonly"), headers=SDP)
            assert wrong.status_code == 403, "a pass is for one host and one door"
        # The state is the show's, whoever asks; the other host does not think that its host is lost.
        assert a.client.get(f"/v1/rooms/{room}").json()["state"] == "live"
        until(lambda: a.url in b.processes.hosts and b.url in a.processes.hosts)
        policy = a.client.get(f"/live/{room}").headers["content-security-policy"]
        assert b.url in policy.partition("connect-src ")[2].partition(";")[0].split()


def test_a_host_publishes_through_another_and_ends_the_show(
    hosts: tuple[Host, Host], sign_in: Callable[..., str], add_product: Callable[..., object], services: Services
) -> None:
    """A key of the encoder opens the first door; the pass opens the second; the session's address ends it."""
    a, b = hosts
    person = sign_in(b.client, "host", name="Lena")
    room = make_room(b.client, add_product().id)["id"]  # type: ignore[attr-defined]
    with services.db.writing() as tx:
        key = accounts.add_token(tx, person, "key", frozenset({f"live:publish:{room}"}), utcnow())
    # The room is at b from the first attempt on, though nobody is live yet.
    b.client.post(f"/live/{room}/whip", content=offer("sendonly"), headers=SDP)
    assert b.client.portal is not None
    source = b.client.portal.call(_source)
    sent = a.client.post(f"/live/{room}/whip", content=source.offer(), headers=SDP | {"Authorization": f"Bearer {key}"})
    assert sent.status_code == 307
    assert key not in sent.headers["location"]
    until(lambda: not b.client.portal.call(b.processes.stats)["rooms"])  # type: ignore[union-attr]
    answer = b.follow(sent, source.offer())
    assert answer.status_code == 201, answer.text  # type: ignore[attr-defined]
    location = answer.headers["location"]  # type: ignore[attr-defined]
    b.client.cookies.clear()
    foreign = {"Origin": a.url, "Sec-Fetch-Site": "cross-site"}
    bare = location.partition("?")[0]
    assert b.client.delete(bare, headers=foreign).status_code == 403
    assert b.client.delete(location + "x", headers=foreign).status_code == 403
    assert b.client.delete(location, headers=foreign).status_code == 200
    b.client.portal.call(source.close)


def test_a_dead_hosts_rooms_are_taken_by_another(
    hosts: tuple[Host, Host],
    sign_in: Callable[..., str],
    add_product: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "LEASE_SECONDS", 3.0)
    a, b = hosts
    sign_in(b.client, "host", name="Lena")
    a.client.cookies.update(b.client.cookies)
    room = make_room(b.client, add_product().id)["id"]  # type: ignore[attr-defined]
    with Broadcast(b.client, room):
        pass
    b.media.kill()
    b.media.wait()
    # The lease of what nobody renews ends by itself.
    assert a.client.portal is not None
    until(lambda: a.client.portal.call(a.processes.elsewhere, room) is None)  # type: ignore[union-attr]
    with Broadcast(a.client, room):
        screen, _ = watch(a.client, room)
        a.client.portal.call(screen.close)
        moved = b.client.post(f"/live/{room}/whep", content=offer("recvonly"), headers=SDP)
        assert moved.status_code == 307
        assert moved.headers["location"].startswith(a.url)


async def _screen() -> Screen:
    return Screen()


async def _source() -> Source:
    return Source()

"""WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep-03), requirement by requirement, over a real media process.

What else they ask for is held elsewhere: bad offers, refusals and other sites in test_live.py, the SDP itself in
tests/livestream/test_offers.py, the end of silent peers in tests/livestream/test_server.py.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from benchmarks.rawpeer import RawPeer
from storage.settings import Settings
from tests.web.peers import SDP, Broadcast, make_room, offer, watch
from web.services import Services

pytestmark = pytest.mark.slow

DOORS = ("whip", "whep")
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
PREFLIGHT = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
MOST_PEERS = 2


@pytest.fixture
def narrow_media_process(services: Services) -> Iterator[subprocess.Popen[bytes]]:
    """A media process that is full with one publisher and one viewer."""
    arguments = ["--socket", str(services.settings.media_socket), "--address", "127.0.0.1"]
    arguments += ["--max-peers", str(MOST_PEERS)]
    process = subprocess.Popen([sys.executable, "-m", "livestream.server", *arguments])
    yield process
    process.terminate()
    process.wait(10)


@pytest.fixture
def room(
    client: TestClient, sign_in: Callable[..., str], add_product: Callable[..., object], narrow_media_process: object
) -> str:
    """A room of the host who is signed in."""
    sign_in(client, "host")
    return str(make_room(client, add_product().id)["id"])  # type: ignore[attr-defined]


@pytest.fixture
def stranger(app: Starlette, client: TestClient) -> TestClient:
    """A player without a session and from nowhere, in the application that is running already."""
    player = TestClient(app)
    player.portal = client.portal
    return player


@pytest.fixture
def relays(services: Services) -> Settings:
    """The installation has a STUN and two TURN servers."""
    services.settings = services.settings.model_validate(
        services.settings.model_dump()
        | {
            "stun_urls": "stun:stun.example.org",
            "turn_urls": "turn:turn.example.org:3478?transport=udp, turns:turn.example.org:443?transport=tcp",
            "turn_secret": "north",
        }
    )
    return services.settings


def publish(client: TestClient, room: str) -> tuple[str, str, str]:
    """Offer to publish, without ever connecting; returns the session's address, its tag and the offered ufrag."""
    peer = RawPeer(("h264", "opus"), "sendonly")
    answer = client.post(f"/live/{room}/whip", content=peer.offer(), headers=SDP)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"], answer.headers["etag"], peer.ufrag


def fragment(ufrag: str) -> str:
    lines = [f"a=ice-ufrag:{ufrag}", "a=ice-pwd:0123456789012345678901", "m=audio 9 UDP/TLS/RTP/SAVPF 0", "a=mid:0"]
    candidate = "a=candidate:1 1 UDP 2130706431 198.51.100.1 39132 typ host"
    return "\r\n".join([*lines, candidate, "a=end-of-candidates"]) + "\r\n"


def test_an_offer_is_created_with_everything_in_the_answer(client: TestClient, room: str) -> None:
    """Rows 1 to 4, 7 and 12 of WHIP: 201, the answer whole, an entity tag; without servers no Link."""
    answer = client.post(f"/live/{room}/whip", content=offer("sendonly"), headers=SDP)
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/sdp")
    assert re.fullmatch(rf"/live/{room}/whip/[\w-]+", answer.headers["location"])
    assert re.fullmatch(r'"[^"]+"', answer.headers["etag"])
    assert "link" not in answer.headers
    for line, count in {
        "a=group:BUNDLE 0 1": 1,
        "a=recvonly": 2,
        "a=rtcp-mux": 2,
        "a=rtcp-mux-only": 2,
        "a=end-of-candidates": 2,
    }.items():
        assert answer.text.split("\r\n").count(line) == count, line
    assert "a=candidate:" in answer.text
    assert "m=audio 0 " not in answer.text
    assert "m=video 0 " not in answer.text


def test_candidates_may_trickle_but_nothing_comes_of_them(client: TestClient, room: str) -> None:
    """Row 6: 204 without a tag; lenient towards clients that send the tag back as `ETag`."""
    location, tag, ufrag = publish(client, room)
    for name in ("If-Match", "ETag"):
        answer = client.patch(location, content=fragment(ufrag), headers=FRAGMENT | {name: tag})
        assert (answer.status_code, answer.content) == (204, b""), answer.text
        assert "etag" not in answer.headers
    assert client.delete(location).status_code == 200
    over = client.patch(location, content=fragment(ufrag), headers=FRAGMENT | {"If-Match": tag})
    assert (over.status_code, over.json()["type"]) == (404, "/problems/session-unknown")


def test_what_is_wrong_with_a_fragment(client: TestClient, stranger: TestClient, room: str) -> None:
    """Row 6: 428 without a tag, 412 with another session's, 415 and 422 for what is not supported, 413 too large."""
    location, tag, ufrag = publish(client, room)
    other_tag = f'"{ufrag}.{"0" * 32}"'

    def patch(content: str, **headers: str) -> tuple[int, str]:
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = client.patch(location, content=content, headers=FRAGMENT | said)
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code, answer.json()["type"].removeprefix("/problems/")

    assert patch(fragment(ufrag)) == (428, "tag-missing")
    assert patch(fragment(ufrag), If_Match=other_tag) == (412, "tag-stale")
    assert patch(fragment(ufrag), If_Match='"nonsense"') == (412, "tag-stale")
    assert patch(fragment("elsewise"), If_Match=tag) == (422, "no-ice-restart")
    assert patch(fragment("elsewise"), If_Match="*") == (422, "no-ice-restart")
    assert patch("a=end-of-candidates\r\n", If_Match=tag) == (422, "fragment-malformed")
    assert patch("x" * 40_000, If_Match=tag) == (413, "sdp-too-large")
    assert patch(offer("sendonly"), If_Match=tag, Content_Type="application/sdp") == (415, "not-a-fragment")
    # Row 9: it is the host's session, whoever has its address.
    assert stranger.patch(location, content=fragment(ufrag), headers=FRAGMENT | {"If-Match": tag}).status_code == 403
    assert client.patch(f"/live/unknown/whip/{location[-8:]}", headers=FRAGMENT).status_code == 404


@pytest.mark.parametrize("door", DOORS)
def test_a_preflight_says_what_is_taken(door: str, stranger: TestClient, room: str) -> None:
    """Row 8: Accept-Post, PATCH among the methods of the endpoint, and what a foreign page may read."""
    endpoint, session = (stranger.options(f"/live/{room}/{door}{end}", headers=PREFLIGHT) for end in ("", "/session"))
    for answer in (endpoint, session):
        assert answer.status_code == 204
        assert answer.headers["accept-post"] == "application/sdp"
        assert answer.headers["access-control-allow-origin"] == "*"
        methods = {word.strip() for word in answer.headers["access-control-allow-methods"].split(",")}
        assert {"POST", "PATCH", "DELETE"} <= methods
        wanted = {word.strip() for word in answer.headers["access-control-allow-headers"].split(",")}
        assert {"Authorization", "Content-Type", "If-Match"} <= wanted
        exposed = {word.strip() for word in answer.headers["access-control-expose-headers"].split(",")}
        assert {"Location", "ETag", "Link", "Retry-After"} <= exposed
    assert session.headers["accept-patch"] == "application/trickle-ice-sdpfrag"
    assert "PATCH" in session.headers["allow"]
    assert "PATCH" not in endpoint.headers["allow"]


@pytest.mark.parametrize("door", DOORS)
def test_get_has_nothing_to_say(door: str, stranger: TestClient, room: str) -> None:
    """Row 10, and HEAD of a WHEP endpoint, by which a generic player recognises it."""
    for path in (f"/live/{room}/{door}", f"/live/{room}/{door}/session"):
        answer = stranger.get(path)
        assert (answer.status_code, answer.content) == (204, b"")
    head = stranger.head(f"/live/{room}/whep")
    assert (head.status_code, head.headers["content-type"], head.content) == (200, "application/sdp", b"")


def test_a_viewers_whole_session(client: TestClient, stranger: TestClient, room: str) -> None:
    """WHEP: answered sendonly and never with 406, tagged, patched, full as 503 with Retry-After, deleted with 200."""
    with Broadcast(client, room) as broadcast:
        peer = RawPeer(("h264", "opus"))
        answer = stranger.post(f"/live/{room}/whep", content=peer.offer(), headers=SDP)
        assert (answer.status_code, answer.headers["content-type"]) == (201, "application/sdp")
        assert answer.text.count("a=sendonly") == 2
        location, tag = answer.headers["location"], answer.headers["etag"]
        taken = stranger.patch(location, content=fragment(peer.ufrag), headers=FRAGMENT | {"If-Match": tag})
        assert taken.status_code == 204
        refused = stranger.patch(location, content=fragment("elsewise"), headers=FRAGMENT | {"If-Match": "*"})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (422, "*")

        full = stranger.post(f"/live/{room}/whep", content=offer("recvonly"), headers=SDP)
        assert (full.status_code, full.json()["type"]) == (503, "/problems/full")
        assert int(full.headers["retry-after"]) > 0
        assert full.headers["access-control-allow-origin"] == "*"

        assert stranger.delete(location).status_code == 200
        assert stranger.delete(location).status_code == 404
        screen, again = watch(stranger, room)
        assert stranger.delete(again).status_code == 200
        client.portal.call(screen.close)  # type: ignore[union-attr]
        assert client.delete(broadcast.location).status_code == 200


def test_ice_servers_are_linked(client: TestClient, stranger: TestClient, room: str, relays: Settings) -> None:
    """Row 12: STUN to everybody who asks, TURN with credentials to people and to sessions; never kept by a cache."""
    preflight = stranger.options(f"/live/{room}/whep", headers=PREFLIGHT)
    assert preflight.headers.get_list("link") == ['<stun:stun.example.org>; rel="ice-server"']
    known = client.options(f"/live/{room}/whep")
    created = client.post(f"/live/{room}/whip", content=offer("sendonly"), headers=SDP)
    for answer in (known, created):
        stun, udp, tls = answer.headers.get_list("link")
        assert stun == '<stun:stun.example.org>; rel="ice-server"'
        opens = r'; rel="ice-server"; username="(\d+:\w{16})"; credential="([\w+/=]+)"; credential-type="password"'
        assert re.fullmatch(re.escape("<turn:turn.example.org:3478?transport=udp>") + opens, udp)
        assert re.fullmatch(re.escape("<turns:turn.example.org:443?transport=tcp>") + opens, tls)
        assert answer.headers["cache-control"] == "no-store"
    names = [re.search(r'username="\d+:(\w+)"', each.headers["link"]) for each in (known, created)]
    assert names[0]
    assert names[1]
    assert names[0][1] == names[1][1], "the relay counts the allocations of one person together"


def test_pages_ask_for_relays_only_where_there_are_any(client: TestClient, room: str, services: Services) -> None:
    mark = '<meta name="vitrine-ice"'
    assert mark not in client.get(f"/live/{room}").text
    services.settings = services.settings.model_copy(update={"stun_urls": "stun:stun.example.org"})
    assert mark in client.get(f"/live/{room}").text
    assert mark in client.get(f"/studio/{room}").text

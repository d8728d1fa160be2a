"""Live HLS and the replay over HTTP, from a recording that the recorder's own code wrote."""

import io
import shutil
import threading
from collections.abc import Callable
from typing import Any

import av
import pytest
from starlette.testclient import TestClient

from shop import shows
from shop.catalog import Product
from storage.clock import utcnow
from tests.livestream.footage import TRACKS, Recorded, pictures, tone
from tests.web.peers import make_room
from web import hls
from web.services import Services

pytestmark = pytest.mark.slow


@pytest.fixture
def room(client: TestClient, sign_in: Callable[..., str], add_product: Callable[..., Product]) -> dict[str, Any]:
    """A show that has begun, of two products."""
    sign_in(client, "host")
    return make_room(client, add_product("mug").id, add_product("jar").id)


def record(services: Services, room: str, tracks: dict[str, object] | None = None) -> Recorded:
    """A stream of a room into the place where web looks."""
    return Recorded(services.settings.recordings_dir, tracks, room)


def move(services: Services, room: str, state: str) -> None:
    with services.db.writing() as tx:
        shows.set_state(tx, room, state, utcnow())


def whole(client: TestClient, room: str, form: str) -> bytes:
    """Fetch the init and every segment of a playlist, as a player does."""
    listed = client.get(f"/live/{room}/hls/{form}.m3u8").text.splitlines()
    names = [line.split('"')[1] for line in listed if line.startswith("#EXT-X-MAP")]
    names += [line for line in listed if not line.startswith("#")]
    answers = [client.get(f"/live/{room}/hls/{name}") for name in names]
    assert {answer.headers["cache-control"] for answer in answers} == {"public, max-age=31536000, immutable"}
    return b"".join(answer.content for answer in answers)


def test_a_running_show_has_two_playlists_that_play(
    client: TestClient, services: Services, room: dict[str, Any]
) -> None:
    live = record(services, room["id"])
    live.feed(pictures(6.2), tone(6.2))
    index = client.get(room["hls"])
    assert index.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert index.headers["cache-control"] == "no-cache"
    assert index.text.count('CODECS="avc1.42c00c,opus",RESOLUTION=320x180\nhls/opus.m3u8') == 1
    assert index.text.count('CODECS="avc1.42c00c,mp4a.40.2",RESOLUTION=320x180\nhls/aac.m3u8') == 1
    for form, codec in (("opus", "opus"), ("aac", "aac")):
        with av.open(io.BytesIO(whole(client, room["id"], form))) as container:
            assert container.streams.audio[0].codec_context.name == codec
            assert len(list(container.decode(video=0))) == 150
    listed = client.get(f"/live/{room['id']}/hls/opus.m3u8").text
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in listed
    assert "#EXT-X-ENDLIST" not in listed
    assert listed.count("#EXT-X-PROGRAM-DATE-TIME:20") == 1
    live.feed(pictures(14.0, start=6.2), tone(14.0, start=6.2))
    newer = client.get(f"/live/{room['id']}/hls/opus.m3u8?_HLS_skip=YES").text
    assert "#EXT-X-SKIP:SKIPPED-SEGMENTS=4" in newer
    assert "opus-3.m4s" not in newer
    assert "opus-4.m4s" in newer


def test_a_player_with_low_latency_waits_for_the_next_piece(
    client: TestClient, services: Services, room: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Partial segments, the hint at the next one, and answers that come when it is there."""
    live = record(services, room["id"])
    live.feed(pictures(5.2), tone(5.2))
    path = f"/live/{room['id']}/hls/"
    listed = client.get(f"{path}opus.m3u8").text
    assert "CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5" in listed
    assert "#EXT-X-PART-INF:PART-TARGET=0.50000" in listed
    assert '#EXT-X-PART:DURATION=0.44000,URI="opus-2.1.m4s"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI="opus-2.2.m4s"' in listed
    assert listed.count("INDEPENDENT=YES") >= 3
    assert "EXT-X-PART" not in client.get(f"{path}aac.m3u8").text
    pieces = [line.split('"')[1] for line in listed.splitlines() if line.startswith("#EXT-X-PART:")]
    whole = client.get(f"{path}opus-1.m4s").content
    assert whole == b"".join(client.get(path + piece).content for piece in pieces if piece.startswith("opus-1."))
    for wanted in ("opus-2.2.m4s", "opus.m3u8?_HLS_msn=2&_HLS_part=3", "opus.m3u8?_HLS_msn=3"):
        come = threading.Timer(0.2, live.feed, (pictures(1.5, start=live.fed), tone(1.5, start=live.fed)))
        come.start()
        answer = client.get(path + wanted)
        come.join()
        assert answer.status_code == 200
    assert "opus-3.m4s" in answer.text
    far = client.get(f"{path}opus.m3u8?_HLS_msn=99")
    assert (far.status_code, far.json()["type"]) == (400, "/problems/hls-far")
    monkeypatch.setattr(hls, "MOST_WAITING", 0)
    count = client.get(f"{path}opus.m3u8").text.count("#EXTINF")
    now = client.get(f"{path}opus.m3u8?_HLS_msn={count}").text
    assert now.count("#EXTINF") == count, "where too many wait nobody else does"
    monkeypatch.setattr(hls, "MOST_LOW", 0)
    assert "EXT-X-PART" not in client.get(f"{path}opus.m3u8").text, "who comes now plays whole segments"
    assert "EXT-X-PART" in client.get(f"{path}opus.m3u8?_HLS_msn={count}").text, "who has pieces keeps them"
    live.close(20.0)
    assert "EXT-X-PART" not in client.get(f"{path}opus.m3u8?_HLS_msn=99").text


def test_only_names_of_the_pattern_are_files(client: TestClient, services: Services, room: dict[str, Any]) -> None:
    record(services, room["id"]).feed(pictures(4.2), tone(4.2))
    for name in ("opus-9.m4s", "opus-1.mp4", "journal.jsonl", "0000.mp4", "aac-0.0.m4s", "OPUS.m3u8", "..%2Fopus.m3u8"):
        answer = client.get(f"/live/{room['id']}/hls/{name}")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found"), name
    part = client.get(f"/live/{room['id']}/hls/opus-0.m4s", headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"moof")
    assert client.get("/live/nobody/index.m3u8").json()["type"] == "/problems/room-unknown"


def test_why_there_is_no_hls_is_said(client: TestClient, services: Services, room: dict[str, Any]) -> None:
    early = client.get(room["hls"])
    assert (early.status_code, early.json()["type"]) == (404, "/problems/hls-not-yet")
    assert early.headers["retry-after"] == "2"
    record(services, room["id"], {"video": {"codec": "vp8", "rate": 90_000}, "audio": TRACKS["audio"]})
    never = client.get(room["hls"])
    assert (never.status_code, never.json()["type"]) == (404, "/problems/hls-codec")
    assert "retry-after" not in never.headers


def test_the_replay_has_chapters_by_product(client: TestClient, services: Services, room: dict[str, Any]) -> None:
    mug, jar = room["product_ids"]
    live = record(services, room["id"])
    move(services, room["id"], "live")
    live.feed(pictures(10.0), tone(10.0))
    assert client.get(f"/live/{room['id']}/replay.m3u8").json()["type"] == "/problems/replay-not-yet"
    live.close(10.1)
    begun = live.began
    with services.db.writing() as tx:
        host = room["host"]["id"]
        for product, second in ((mug, 2.0), (jar, 5.0), (mug, 8.0)):
            shows.pin(tx, room["id"], product, host, begun(second))
        shows.set_state(tx, room["id"], "ended", begun(9.0))
    text = client.get(f"/live/{room['id']}/replay.m3u8").text
    assert "hls/opus.m3u8" in text
    assert client.get(f"/live/{room['id']}/hls/aac.m3u8").text.endswith("#EXT-X-ENDLIST\n")
    vtt = client.get(f"/live/{room['id']}/chapters.vtt?lang=de")
    assert vtt.headers["content-type"].startswith("text/vtt")
    found = [line for line in vtt.text.splitlines() if line and line != "WEBVTT"]
    assert found[1::2] == ["Becher mug", "Becher jar", "Becher mug"]
    starts = [float(line.split(" --> ")[0].split(":")[-1]) for line in found[::2]]
    assert starts == [pytest.approx(at, abs=0.1) for at in (2.0, 5.0, 8.0)]


def test_replays_are_offered_where_shows_are_listed(
    client: TestClient, services: Services, room: dict[str, Any]
) -> None:
    """On the page of all shows and in the host's studio, once the show is over and only where there is one."""
    link = f'href="/live/{room["id"]}"'
    live = record(services, room["id"])
    live.feed(pictures(2.2), tone(2.2))
    move(services, room["id"], "live")
    assert 'id="replays"' not in client.get("/live").text
    assert link not in client.get("/studio").text
    live.close(2.3)
    move(services, room["id"], "ended")
    assert link in client.get("/live").text.split('id="replays"')[1]
    assert link in client.get("/studio").text
    assert client.head(f"/live/{room['id']}/replay.m3u8").status_code == 200
    shutil.rmtree(services.settings.recordings_dir / room["id"])
    assert link not in client.get("/live").text
    assert link not in client.get("/studio").text

"""The bytes of a video and of pictures: whole, in parts, to whom they belong."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import av
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from shop import stock
from storage.clock import utcnow
from storage.ids import new_id
from storage.kept import Kept
from storage.media import Media
from tests.web.conftest import ORIGIN
from tests.web.showing import feed, open_demo_shop
from web import stitching
from web.services import Services

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def shop(services: Services, demo_files: Path) -> None:
    open_demo_shop(services, demo_files)


def sell_out(services: Services, video: Any, ago: timedelta) -> None:
    with services.db.writing() as tx:
        for variant in video["product"]["variants"]:
            stock.count(tx, variant["id"], 0, utcnow() - ago)


@pytest.fixture
def stranger(app: Starlette, client: TestClient) -> TestClient:
    return TestClient(app, headers={"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"})


def test_a_video_is_a_whole_progressive_mp4(client: TestClient) -> None:
    video = feed(client)["videos"][0]
    answer = client.get(video["mp4"])
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["cache-control"].startswith("private")
    with av.open(io.BytesIO(answer.content)) as container:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        assert (picture.width, picture.height, str(picture.average_rate)) == (720, 1280, "30")
        assert sum(1 for _ in container.decode(picture)) == round(video["duration"] * 30)
    with av.open(io.BytesIO(answer.content)) as container:
        sound = container.streams.audio[0]
        samples = sum(frame.samples for frame in container.decode(sound))
        assert samples == round(video["duration"] * 48_000)


def test_parts_are_cut_from_the_whole(client: TestClient) -> None:
    path = feed(client)["videos"][0]["mp4"]
    whole = client.get(path)
    size = len(whole.content)
    for start, stop in ((0, 1), (0, 1000), (1000, 400_000), (size // 2, size // 2 + 700_001), (size - 5, size)):
        part = client.get(path, headers={"Range": f"bytes={start}-{stop - 1}", "If-Range": whole.headers["etag"]})
        assert part.status_code == 206
        assert part.content == whole.content[start:stop]
    assert client.head(path).headers["content-length"] == str(size)
    assert client.get(path, headers={"Range": f"bytes={size}-"}).status_code == 416
    assert client.get(path, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304


def units_of(client: TestClient, path: str) -> list[str]:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/vnd.apple.mpegurl")
    lines = answer.text.splitlines()
    first = next(line for line in lines if line.startswith("#EXT-X-MAP")).split('"')[1]
    return [first, *(line for line in lines if not line.startswith("#"))]


def test_it_is_hls_in_two_sizes_over_public_units(client: TestClient, stranger: TestClient) -> None:
    video = feed(client)["videos"][0]
    answer = client.get(video["hls"])
    assert answer.headers["cache-control"].startswith("private")
    forms = [line for line in answer.text.splitlines() if not line.startswith("#")]
    preload = video["hls_preload"]
    assert preload == [forms[0], *units_of(client, forms[0])[:2]], "what a player needs before its first picture"
    found = {}
    for form in forms:
        units = units_of(client, form)
        assert len(units) == 1 + round(video["duration"] / 1.6)
        parts = [stranger.get(unit) for unit in units]
        assert {part.headers["cache-control"] for part in parts} == {"public, max-age=31536000, immutable"}
        with av.open(io.BytesIO(b"".join(part.content for part in parts))) as container:
            times = [frame.time for frame in container.decode(video=0)]
            found[container.streams.video[0].height] = len(times)
        assert times == pytest.approx([number / 30 for number in range(len(times))])
    assert found == {1280: round(video["duration"] * 30), 640: round(video["duration"] * 30)}
    whole = stranger.get(units[-1])
    part = stranger.get(units[-1], headers={"Range": "bytes=10-19", "If-Range": whole.headers["etag"]})
    assert (part.status_code, part.content) == (206, whole.content[10:20])


def test_a_playlist_is_its_viewer_s_or_a_share_link_s(client: TestClient, stranger: TestClient) -> None:
    video = feed(client)["videos"][0]
    assert stranger.get(video["hls"]).status_code == 404
    assert client.get(f"{video['hls']}?form=huge").status_code == 404
    token = client.post(f"/v1/videos/{video['id']}/share").json()["url"].rpartition("share=")[2]
    shared = stranger.get(f"{video['hls']}?share={token}")
    forms = [line for line in shared.text.splitlines() if not line.startswith("#")]
    assert len(forms) == 2
    assert all(stranger.get(form).status_code == 200 for form in forms)
    assert stranger.get(forms[0].partition("&")[0]).status_code == 404


def test_units_that_are_not_there_are_nobody_s(client: TestClient) -> None:
    unit = units_of(client, f"{feed(client)['videos'][0]['hls']}?form=large")[1]
    assert client.get(unit).status_code == 200
    folder = unit.rpartition("/")[0]
    for name in ("9-0.m4s", "0-64.m4s", "0-999999999999.m4s", "0.m4s", "-1-0.m4s", "init.m4s"):
        assert client.get(f"{folder}/{name}").status_code == 404, name
    for digest in ("0" * 64, "x", "..%2f..%2fsecret", "A" * 64):
        assert client.get(f"/media/units/{digest}/init.mp4").status_code == 404, digest


def test_headers_are_kept_for_the_last_videos_only(client: TestClient) -> None:
    ids = [each["id"] for each in feed(client)["videos"]]
    few: Kept[str, int] = Kept(2)
    for number, each in enumerate(ids):
        few.keep(each, number)
        assert len(few) == min(2, number + 1)
        assert few.find(ids[0]) == 0
    assert few.find(ids[-1]) == len(ids) - 1
    assert few.find(ids[-2]) is None


def test_what_may_be_played_is_looked_up_again_after_some_seconds() -> None:
    now, asked = utcnow(), []

    def look_up() -> Any:
        asked.append(1)
        return "playable"

    person = new_id()
    for seconds in (0, 1, 2.9, 3.5, 4, 60, 0):
        assert stitching.playable(person, "video", now + timedelta(seconds=seconds), look_up) == "playable"
    assert len(asked) == 4, "at 0, 3.5, 60, and when the clock went back"
    stitching.playable(new_id(), "video", now, look_up)
    assert len(asked) == 5, "of another person"


def test_it_is_its_viewer_s_alone(client: TestClient, stranger: TestClient) -> None:
    video = feed(client)["videos"][0]["id"]
    assert stranger.get(f"/v/{video}.mp4").status_code == 404
    assert stranger.get(f"/v/{new_id()}.mp4").status_code == 404
    assert client.get("/v/..%2fsecret.mp4").status_code == 404
    assert stranger.post(f"/v1/videos/{video}/share").status_code == 404


def test_a_share_link_opens_one_video(client: TestClient, stranger: TestClient) -> None:
    first, second = (each["id"] for each in feed(client)["videos"][:2])
    link = client.post(f"/v1/videos/{first}/share")
    assert link.status_code == 201
    token = link.json()["url"].rpartition("share=")[2]
    assert stranger.get(f"/v/{first}.mp4?share={token}").status_code == 200
    assert stranger.get(f"/v/{second}.mp4?share={token}").status_code == 404
    assert stranger.get(f"/v/{first}.mp4?share={token[:-1]}").status_code == 404
    # Who was given a link may pass it on, and nobody else
    assert stranger.post(f"/v1/videos/{first}/share?share={token}").status_code == 201


def test_sold_out_it_still_plays_for_an_hour(client: TestClient, services: Services) -> None:
    video = feed(client)["videos"][0]
    sell_out(services, video, timedelta(minutes=59))
    assert client.get(video["mp4"], headers={"Range": "bytes=0-9"}).status_code == 206
    assert video["product"]["id"] not in {each["product"]["id"] for each in feed(client)["videos"]}


def test_what_sold_out_long_ago_is_gone(client: TestClient, services: Services) -> None:
    video = feed(client)["videos"][0]
    sell_out(services, video, timedelta(minutes=61))
    answer = client.get(video["mp4"])
    assert (answer.status_code, answer.json()["type"]) == (410, "/problems/video-gone")
    assert 'data-gone="yes"' in client.get(f"/feed/{video['id']}").text


def test_a_lost_segment_is_said_before_the_first_byte(client: TestClient, services: Services, tmp_path: Path) -> None:
    video = feed(client)["videos"][0]
    services.media = Media(tmp_path / "empty")
    answer = client.get(video["mp4"])
    assert (answer.status_code, answer.json()["type"]) == (410, "/problems/video-lost")


def test_pictures_are_for_everybody_and_for_ever(client: TestClient, stranger: TestClient) -> None:
    video = feed(client)["videos"][0]
    poster = stranger.get(video["poster"])
    assert (poster.status_code, poster.headers["content-type"]) == (200, "image/jpeg")
    assert poster.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert stranger.get(video["poster"], headers={"If-None-Match": poster.headers["etag"]}).status_code == 304
    picture = stranger.get(video["product"]["image"])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/webp")


def test_uploads_and_the_rest_of_the_disk_are_nobody_s(client: TestClient, services: Services, tmp_path: Path) -> None:
    source = tmp_path / "clip.mp4"
    source.write_bytes(b"x")
    services.media = Media(tmp_path / "media")
    services.media.put("uploads/clip.mp4", source)
    for key in (
        "uploads/clip.mp4",
        "../secret.key",
        "%2e%2e/secret.key",
        "segments/../uploads/clip.mp4",
        "posters/",
        "",
    ):
        assert client.get(f"/media/{key}").status_code == 404, key

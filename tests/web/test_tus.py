"""tus 1.0: an upload goes on where it broke, ends as a clip, and is its merchant's alone."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from shop import merchants
from storage.clock import utcnow
from tests.web.uploading import MP4
from video_assembly import clips, uploads
from web import tus
from web.services import Services

pytestmark = pytest.mark.slow

SignIn = Callable[..., str]
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = TUS | {"Content-Type": "application/offset+octet-stream"}


def metadata(**said: str) -> str:
    return ",".join(f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in said.items())


def begin(client: TestClient, size: int = len(MP4), **said: str) -> str:
    headers = TUS | {"Upload-Length": str(size), "Upload-Metadata": metadata(**{"filename": "a.mp4", **said})}
    answer = client.post("/v1/uploads", headers=headers)
    assert answer.status_code == 201, answer.text
    assert "Upload-Expires" in answer.headers
    return str(answer.headers["location"])


def send(client: TestClient, url: str, offset: int, data: bytes, **headers: str):  # type: ignore[no-untyped-def]
    return client.patch(url, content=data, headers=PIECE | {"Upload-Offset": str(offset)} | headers)


def arrived(client: TestClient, url: str) -> int:
    answer = client.head(url, headers=TUS)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    return int(answer.headers["upload-offset"])


def left_over(services: Services) -> list[str]:
    return [path.name for path in services.media.unfinished.iterdir()]


def test_it_says_what_it_speaks(merchant: TestClient, services: Services) -> None:
    answer = merchant.options("/v1/uploads")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert set(answer.headers["tus-extension"].split(",")) >= {"creation", "termination", "checksum", "expiration"}
    assert answer.headers["tus-max-size"] == str(services.settings.upload_limit)


def test_an_upload_in_pieces_ends_as_a_clip(merchant: TestClient, services: Services) -> None:
    url = begin(merchant, filename="Küche/Kanne.mp4", role="demo", tags="blau,neu")
    assert arrived(merchant, url) == 0
    for start in range(0, len(MP4), 250):
        answer = send(merchant, url, start, MP4[start : start + 250])
        assert answer.status_code == 204
        assert int(answer.headers["upload-offset"]) == min(start + 250, len(MP4)) == arrived(merchant, url)
    clip = merchant.get(f"/v1/clips/{url.rsplit('/', 1)[1]}").json()
    assert (clip["state"], clip["filename"], clip["role"], clip["tags"]) == (
        "queued",
        "Kanne.mp4",
        "demo",
        ["blau", "neu"],
    )
    assert services.media.path(clips.upload_key(clip["id"])).read_bytes() == MP4
    assert left_over(services) == []
    assert send(merchant, url, len(MP4), b"").status_code == 409
    assert len(merchant.get("/v1/clips").json()["items"]) == 1


def test_bytes_may_come_with_the_creation(merchant: TestClient) -> None:
    headers = PIECE | {"Upload-Length": str(len(MP4)), "Upload-Metadata": metadata(filename="a.mp4")}
    answer = merchant.post("/v1/uploads", headers=headers, content=MP4)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, str(len(MP4)))
    assert merchant.get(f"/v1/clips/{answer.headers['location'].rsplit('/', 1)[1]}").json()["bytes"] == len(MP4)


@pytest.mark.parametrize("cut", [1, 23, 255, 256, 300, len(MP4) - 1])
def test_what_came_before_a_break_is_kept(merchant: TestClient, services: Services, cut: int) -> None:
    url = begin(merchant)
    with services.db.reading() as tx:
        upload = tx.one_or_none(uploads.uploads.select())
    assert upload is not None
    path = services.media.unfinished / f"{upload.id}.part"

    async def broken() -> AsyncIterator[bytes]:
        yield MP4[:cut]
        raise tus.ClientDisconnect

    async def interrupted() -> None:
        part = tus.Part(path, len(MP4))
        with pytest.raises(tus.ClientDisconnect):
            await tus.receive(broken(), part)
        part.flush()
        part.close()

    asyncio.run(interrupted())
    assert arrived(merchant, url) == cut
    again = send(merchant, url, 0, MP4)
    assert (again.status_code, again.json()["offset"]) == (409, cut)
    assert send(merchant, url, cut, MP4[cut:]).status_code == 204
    assert services.media.path(clips.upload_key(upload.id)).read_bytes() == MP4


def test_a_damaged_piece_is_not_kept(merchant: TestClient) -> None:
    url = begin(merchant)
    good = base64.b64encode(hashlib.sha256(MP4[:300]).digest()).decode()
    answer = send(merchant, url, 0, MP4[:299] + b"x", **{"Upload-Checksum": f"sha256 {good}"})
    assert (answer.status_code, answer.json()["type"]) == (460, "/problems/checksum-mismatch")
    assert arrived(merchant, url) == 0
    assert send(merchant, url, 0, MP4[:300], **{"Upload-Checksum": f"sha256 {good}"}).status_code == 204
    assert send(merchant, url, 300, b"", **{"Upload-Checksum": "crc32 AAAA"}).status_code == 400


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Upload-Length": "10"}, 412, "tus-version"),
        (TUS | {"Upload-Length": "ten"}, 400, "header"),
        (TUS | {"Upload-Defer-Length": "1"}, 400, "upload-length"),
        (TUS | {"Upload-Length": str(1 << 40)}, 413, "clip-too-large"),
        (TUS | {"Upload-Length": "0"}, 415, "media-empty"),
        (TUS | {"Upload-Length": "10", "Upload-Metadata": "filename !!!"}, 400, "upload-metadata"),
        (TUS | {"Upload-Length": "10", "Upload-Metadata": "role " + "bm9wZQ=="}, 422, "role-unknown"),
        (TUS | {"Upload-Length": "10", "Upload-Metadata": "a" * 9000}, 400, "upload-metadata"),
    ],
)
def test_what_cannot_be_is_refused_before_bytes_come(
    merchant: TestClient, services: Services, headers: dict[str, str], status: int, code: str
) -> None:
    answer = merchant.post("/v1/uploads", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{code}")
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert left_over(services) == []


def test_what_is_no_video_ends_the_upload(merchant: TestClient, services: Services) -> None:
    url = begin(merchant, 600)
    answer = send(merchant, url, 0, b"ffconcat version 1.0\nfile sibling.mp4\n" + bytes(400))
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/media-not-video")
    assert merchant.head(url, headers=TUS).status_code == 404
    assert left_over(services) == []


def test_more_than_promised_is_refused(merchant: TestClient) -> None:
    url = begin(merchant, 300)
    assert send(merchant, url, 0, MP4).status_code == 413
    assert merchant.patch(url, content=b"x", headers=TUS | {"Upload-Offset": "0"}).status_code == 415


def test_one_connection_writes_at_a_time(services: Services, merchant: TestClient) -> None:
    url = begin(merchant)
    part = tus.Part(services.media.unfinished / f"{url.rsplit('/', 1)[1]}.part", len(MP4))
    assert send(merchant, url, 0, MP4).status_code == 423
    part.close()
    assert send(merchant, url, 0, MP4).status_code == 204


def test_an_upload_is_its_merchants_alone(
    merchant: TestClient, client: TestClient, sign_in: SignIn, services: Services
) -> None:
    url = begin(merchant)
    assert send(merchant, url, 0, MP4[:100]).status_code == 204
    with services.db.writing() as tx:
        other = merchants.add_merchant(tx, "kiste", "Kiste")
    sign_in(client, "merchant", merchant=other)
    assert client.head(url, headers=TUS).status_code == 404
    assert send(client, url, 100, MP4[100:]).status_code == 404
    assert client.delete(url, headers=TUS).status_code == 404
    client.cookies.clear()
    assert client.head(url, headers=TUS).status_code == 401
    assert client.post("/v1/uploads", headers=TUS | {"Upload-Length": "9"}).status_code in (401, 403)


def test_giving_up_leaves_nothing(merchant: TestClient, services: Services) -> None:
    url = begin(merchant)
    send(merchant, url, 0, MP4[:100])
    assert left_over(services)
    answer = merchant.post(url, headers=TUS | {"X-HTTP-Method-Override": "DELETE"})
    assert answer.status_code == 204
    assert left_over(services) == []
    assert merchant.head(url, headers=TUS).status_code == 404


def test_the_quota_counts_what_is_promised(merchant: TestClient, services: Services) -> None:
    services.settings = services.settings.model_copy(update={"upload_quota": 1500})
    begin(merchant, 1000)
    refused = merchant.post("/v1/uploads", headers=TUS | {"Upload-Length": "600"})
    assert (refused.status_code, refused.json()["type"]) == (507, "/problems/quota-used-up")


def test_what_is_not_continued_expires(merchant: TestClient, services: Services) -> None:
    url = begin(merchant)
    upload_id = url.rsplit("/", 1)[1]
    with services.db.writing() as tx:
        assert uploads.expire(tx, utcnow() + timedelta(hours=23)) == []
        assert uploads.expire(tx, utcnow() + timedelta(hours=25)) == [upload_id]
    assert merchant.head(url, headers=TUS).status_code == 404


def test_a_crash_between_the_last_byte_and_the_clip_is_made_good(merchant: TestClient, services: Services) -> None:
    first, second = begin(merchant), begin(merchant)
    (services.media.unfinished / f"{first.rsplit('/', 1)[1]}.part").write_bytes(MP4)
    moved = services.media.path(clips.upload_key(second.rsplit("/", 1)[1]))
    moved.parent.mkdir(parents=True, exist_ok=True)
    moved.write_bytes(MP4)
    for url in (first, second):
        assert arrived(merchant, url) == arrived(merchant, url) == len(MP4)
        assert merchant.get(f"/v1/clips/{url.rsplit('/', 1)[1]}").json()["state"] == "queued"


def test_too_many_open_uploads(merchant: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_OPEN", 1)
    begin(merchant)
    answer = merchant.post("/v1/uploads", headers=TUS | {"Upload-Length": "9"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")

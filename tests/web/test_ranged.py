"""Parts of a file by RFC 9110."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from web.ranged import MEDIA_THREADS, RangeUnsatisfiable, parse_range, ranged

CONTENT = bytes(range(256)) * 8
ETAG = '"abc"'


def read(start: int, stop: int) -> Iterator[bytes]:
    for at in range(start, stop, 100):
        yield CONTENT[at : min(at + 100, stop)]


@pytest.fixture
def client() -> TestClient:
    def endpoint(request: Request) -> Response:
        return ranged(
            request,
            size=len(CONTENT),
            etag=ETAG,
            read=read,
            media_type="video/mp4",
            headers={"Cache-Control": "private"},
        )

    return TestClient(Starlette(routes=[Route("/", endpoint)]))


def test_the_whole(client: TestClient) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-length"] == str(len(CONTENT))


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=99-300", 99, 301),
        ("bytes=2000-", 2000, 2048),
        ("bytes=-5", 2043, 2048),
        ("bytes=-99999", 0, 2048),
        ("Bytes= 7-7 ", 7, 8),
        ("bytes=2040-99999", 2040, 2048),
    ],
)
def test_a_part(client: TestClient, header: str, start: int, stop: int) -> None:
    answer = client.get("/", headers={"Range": header})
    assert (answer.status_code, answer.content) == (206, CONTENT[start:stop])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(CONTENT)}"
    assert answer.headers["content-length"] == str(stop - start)


@pytest.mark.parametrize(
    "header", ["bytes=5-2", "bytes=-", "bytes=a-b", "lines=0-1", "bytes=0-1,5-6", "bytes", "bytes=0"]
)
def test_what_is_no_single_range_gets_the_whole(client: TestClient, header: str) -> None:
    answer = client.get("/", headers={"Range": header})
    assert (answer.status_code, answer.content) == (200, CONTENT)


@pytest.mark.parametrize("header", ["bytes=2048-", "bytes=9999-10000", "bytes=-0", "bytes=" + "9" * 4000 + "-"])
def test_behind_the_end(client: TestClient, header: str) -> None:
    answer = client.get("/", headers={"Range": header})
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */2048")
    assert answer.json()["type"] == "/problems/range"


def test_if_range_and_if_none_match(client: TestClient) -> None:
    part = {"Range": "bytes=0-9"}
    assert client.get("/", headers={**part, "If-Range": ETAG}).status_code == 206
    for other in ('"old"', f"W/{ETAG}", "Sun, 22 Nov 2026 06:00:00 GMT"):
        assert client.get("/", headers={**part, "If-Range": other}).content == CONTENT
    for known in (ETAG, f'"x", W/{ETAG}', "*"):
        answer = client.get("/", headers={**part, "If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", ETAG)
    assert client.get("/", headers={"If-None-Match": '"x"'}).status_code == 200


def test_head_has_the_headers_of_the_whole(client: TestClient) -> None:
    answer = client.head("/", headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(CONTENT))


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(1, 3000))
def test_a_part_is_inside_the_file(first: int, last: int, size: int) -> None:
    try:
        part = parse_range(f"bytes={first}-{last}", size)
    except RangeUnsatisfiable:
        assert first >= size
        return
    if part is None:
        assert last < first
    else:
        assert part == (first, min(last + 1, size))


@given(st.text(max_size=40))
def test_any_header_is_survived(text: str) -> None:
    try:
        part = parse_range(text, 1000)
    except RangeUnsatisfiable:
        return
    assert part is None or 0 <= part[0] < part[1] <= 1000


def test_slow_readers_leave_the_pages_their_threads() -> None:
    go_on, reading = threading.Event(), threading.Semaphore(0)

    def slow(start: int, stop: int) -> Iterator[bytes]:
        reading.release()
        assert go_on.wait(30)
        yield CONTENT[start:stop]

    def media(request: Request) -> Response:
        return ranged(request, size=len(CONTENT), etag=ETAG, read=slow, media_type="video/mp4", headers={})

    def page(request: Request) -> Response:
        return Response("here")

    app = Starlette(routes=[Route("/media", media), Route("/page", page)])
    with TestClient(app) as client, ThreadPoolExecutor(45) as readers:
        answers = [readers.submit(client.get, "/media") for _ in range(45)]
        for _ in range(MEDIA_THREADS):
            assert reading.acquire(timeout=30)
        assert client.get("/page").text == "here"
        # No more than their share are at work
        assert not reading.acquire(blocking=False)
        go_on.set()
        assert {answer.result().content for answer in answers} == {CONTENT}

"""Bytes with ranges (RFC 9110, sections 13 and 14): whole, one part, unchanged or out of range."""

import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from storage.errors import UserError
from web.problems import on_user_error

# Every other endpoint shares 40 threads: a hundred slow phones must not take them.
MEDIA_THREADS = 16
BLOCK = 256 * 1024

ONE_RANGE = re.compile(r"bytes=[ \t]*(\d*)-(\d*)[ \t]*", re.IGNORECASE)
ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')

Read = Callable[[int, int], Iterator[bytes | memoryview]]

_limiter: RunVar[CapacityLimiter] = RunVar("media-threads")


class RangeUnsatisfiable(UserError):
    """The asked part lies behind the end."""

    status = 416


def reader(path: Path) -> Read:
    """Return what reads a file for `ranged`; it is opened when the first block is asked for."""

    def read(start: int, stop: int) -> Iterator[bytes]:
        with path.open("rb") as file:
            file.seek(start)
            while start < stop and (block := file.read(min(BLOCK, stop - start))):
                yield block
                start += len(block)

    return read


def ranged(
    request: Request, *, size: int, etag: str, read: Read, media_type: str, headers: Mapping[str, str]
) -> Response:
    """Answer GET or HEAD for `size` bytes that `read(start, stop)` yields, under the strong entity tag `etag`.

    Several ranges in one request get the whole, which RFC 9110, section 14.2, allows.
    """
    asked = request.headers
    common = {**headers, "ETag": etag, "Accept-Ranges": "bytes"}
    if "if-none-match" in asked:
        known = asked["if-none-match"].strip()
        if known == "*" or etag in ENTITY_TAG.findall(known):
            return Response(status_code=304, headers=common)
    whole = {**common, "Content-Length": str(size)}
    if request.method == "HEAD":
        return Response(headers=whole, media_type=media_type)
    part = None
    # Without a Last-Modified there is no date that an If-Range could name
    if asked.get("if-range", etag).strip() == etag:
        try:
            part = parse_range(asked.get("range", ""), size)
        except RangeUnsatisfiable as error:
            refusal = on_user_error(request, error)
            refusal.headers["Content-Range"] = f"bytes */{size}"
            return refusal
    if part is None:
        return _Blocks(read(0, size), 200, whole, media_type)
    start, stop = part
    partial = {**common, "Content-Length": str(stop - start), "Content-Range": f"bytes {start}-{stop - 1}/{size}"}
    return _Blocks(read(start, stop), 206, partial, media_type)


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the asked part as `(start, stop)`, or None when there is none that could be served.

    Raises RangeUnsatisfiable for one that begins behind the end.
    """
    match = ONE_RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    # More digits than any file has; int() of thousands would be work for nothing
    if max(len(first), len(last)) > 18:
        raise _behind(size)
    if first == "":
        if int(last) == 0:
            raise _behind(size)
        return max(0, size - int(last)), size
    start, stop = int(first), min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return None
    if start >= size:
        raise _behind(size)
    return start, stop


def _behind(size: int) -> RangeUnsatisfiable:
    return RangeUnsatisfiable("range", "This part is not in the file: it has {size} bytes.", size=size)


class _Blocks(StreamingResponse):
    """A body read block by block in the threads for media, closed also when the reader goes away."""

    def __init__(
        self, blocks: Iterator[bytes | memoryview], status: int, headers: Mapping[str, str], media_type: str
    ) -> None:
        self._blocks = blocks
        super().__init__(_in_threads(blocks), status, headers, media_type)

    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        finally:
            close = getattr(self._blocks, "close", None)
            if close is not None:
                close()


async def _in_threads(blocks: Iterator[bytes | memoryview]) -> AsyncIterator[bytes | memoryview]:
    limiter = _limiter.get(None)
    if limiter is None:
        limiter = CapacityLimiter(MEDIA_THREADS)
        _limiter.set(limiter)
    while block := await to_thread.run_sync(next, blocks, b"", limiter=limiter):
        yield block

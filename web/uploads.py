"""`POST /v1/clips`: a file on its way from a browser or a program into the library, never whole in memory."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Protocol

from pydantic import AwareDatetime, BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from storage.clock import utcnow
from storage.database import Tx
from storage.errors import TooMany, Unavailable, UserError
from storage.ids import new_id
from video_assembly import clips, uploads
from video_assembly.ingest import Refused
from video_assembly.source import container_of
from web.bodies import checked
from web.clips import clip_json
from web.limits import client_of
from web.merchant_access import owner
from web.services import Services, services
from web.upload_form import UploadForm, boundary_of

MEBIBYTE = 1024 * 1024
# Room for the other parts of a form beside the file.
FORM_OVERHEAD = 256 * 1024
HEAD_BYTES = 256
WRITE_BYTES = MEBIBYTE
# A body that stops coming, and one that comes in drops, end here; uvicorn has no such limit.
IDLE_SECONDS = 30.0
MOST_SECONDS = 3600.0
MOST_AT_ONCE = 4
LONGEST_LANGUAGE = 5
# The route's own limit is the setting, which is known per request only.
UNLIMITED = 1 << 62

_running: Counter[str] = Counter()


class NotAClip(UserError):
    """The first bytes are those of no video file that is taken."""

    status = 415


class TooLarge(UserError):
    """The file is larger than an upload may be."""

    status = 413


class NoRoom(UserError):
    """The merchant's share of the disk is used up."""

    status = 507


class Stalled(UserError):
    """The body stopped coming."""

    status = 408


class About(BaseModel):
    """What an uploader says of a clip."""

    filename: str = ""
    title: str = ""
    product_ids: list[str] = []
    role: str | None = None
    tags: list[str] = []
    language: str | None = None
    rights_until: AwareDatetime | None = None

    @classmethod
    def read(cls, fields: Iterable[tuple[str, str]]) -> "About":
        """Read names and texts; lists come repeated or separated by commas, empty texts are left out."""
        said: dict[str, str | list[str]] = {}
        for name, text in fields:
            if name in ("product_ids", "tags"):
                kept = said.setdefault(name, [])
                assert isinstance(kept, list), "lists stay lists"
                kept += [part.strip() for part in text.split(",") if part.strip()]
            elif name in cls.model_fields and text.strip():
                said[name] = text.strip()
        about = checked(cls, said)
        if about.language is not None and len(about.language) > LONGEST_LANGUAGE:
            raise UserError("language", "Write the language as a short code, like “de”.", field="language")
        return about


class Sink(Protocol):
    """Takes bytes as they come, and raises when there is something wrong with them."""

    async def write(self, data: bytes) -> None:
        """Take some bytes."""


class Quarantine:
    """A file that grows up to a limit under a name of our own, and whose first bytes must be a clip's."""

    def __init__(self, path: Path, most: int) -> None:
        self.path = path
        self.size = 0
        self._most = most
        self._head = b""
        self._pending = bytearray()
        self._file: IO[bytes] = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    async def write(self, data: bytes) -> None:
        """Take some bytes; raises TooLarge and, as soon as it can be told, NotAClip."""
        self.size += len(data)
        if self.size > self._most:
            raise too_large(self._most)
        if len(self._head) < HEAD_BYTES:
            self._head += data[: HEAD_BYTES - len(self._head)]
            if len(self._head) == HEAD_BYTES:
                self._look()
        self._pending += data
        if len(self._pending) >= WRITE_BYTES:
            await self._flush()

    async def close(self) -> None:
        """Write what is left; raises NotAClip for a file too short to tell before."""
        if len(self._head) < HEAD_BYTES:
            self._look()
        await self._flush()
        await run_in_threadpool(self._file.close)

    def drop(self) -> None:
        """Remove the file, if it has not been moved away."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _look(self) -> None:
        try:
            container_of(self._head)
        except Refused as refused:
            raise NotAClip(refused.code, refused.message) from refused

    async def _flush(self) -> None:
        data, self._pending = bytes(self._pending), bytearray()
        await run_in_threadpool(self._file.write, data)


async def create_clip(request: Request) -> Response:
    """`POST /v1/clips`: 201 with the clip, which a worker takes up from here."""
    parts = services(request)
    merchant_id, used = await run_in_threadpool(_owner, parts, request)
    parts.limiter.take("upload", client_of(request))
    boundary = boundary_of(request.headers.get("content-type", ""))
    most = room_for(parts, used, _declared(request), 0 if boundary is None else FORM_OVERHEAD)
    about = About.read(request.query_params.multi_items())
    await run_in_threadpool(_check, parts, about, merchant_id)
    with one_of_few(merchant_id):
        clip_id = new_id()
        quarantine = Quarantine(parts.media.incoming / f"{clip_id}.part", most)
        parts.metrics.uploads.add(quarantine)
        try:
            if boundary is None:
                await receive(request.stream(), quarantine)
            else:
                form = UploadForm(boundary)
                await receive(request.stream(), quarantine, form)
                form.finish()
                said = [("filename", form.filename), *request.query_params.multi_items(), *form.fields]
                about = About.read(said)
            await quarantine.close()
            clip = await run_in_threadpool(add, parts, clip_id, merchant_id, quarantine.path, quarantine.size, about)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        finally:
            parts.metrics.uploads.discard(quarantine)
            await run_in_threadpool(quarantine.drop)
    headers = {"Location": f"/v1/clips/{clip_id}"}
    return JSONResponse(clip_json(request, clip, []), 201, headers)


async def receive(
    body: AsyncIterator[bytes],
    quarantine: Sink,
    form: UploadForm | None = None,
    *,
    idle: float = IDLE_SECONDS,
    most: float = MOST_SECONDS,
) -> None:
    """Write a body as it comes; raises Stalled after `idle` seconds without a byte or `most` in all."""
    try:
        async with asyncio.timeout(most):
            while True:
                async with asyncio.timeout(idle):
                    chunk = await anext(body, None)
                if chunk is None:
                    return
                await quarantine.write(chunk if form is None else form.feed(chunk))
    except TimeoutError as error:
        raise Stalled("upload-stalled", "The upload stopped on its way. Please start it again.") from error


def too_large(most: int) -> TooLarge:
    """Return the error for a file of more than `most` bytes."""
    sentence = "This file is too large. At most {most} MB can be uploaded."
    return TooLarge("clip-too-large", sentence, most=most // MEBIBYTE)


def _quota_used_up(most: int) -> NoRoom:
    sentence = "Your library has used up its {most} MB. Remove clips that you no longer need."
    return NoRoom("quota-used-up", sentence, most=most // MEBIBYTE)


def _declared(request: Request) -> int:
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isdecimal() else 0


def room_for(parts: Services, used: int, expected: int, overhead: int = 0) -> int:
    """Return how many bytes the file may have; raises before a byte of the body is read when it has too many."""
    settings = parts.settings
    if expected > settings.upload_limit + overhead:
        raise too_large(settings.upload_limit)
    left = settings.upload_quota - used
    if expected > left + overhead or left <= 0:
        raise _quota_used_up(settings.upload_quota)
    if parts.media.free_bytes() - expected < settings.disk_reserve:
        raise Unavailable(
            "disk-full", "There is no room for uploads on the server right now. Tell its operator.", retry_after=600
        )
    return min(settings.upload_limit, left)


def _owner(parts: Services, request: Request) -> tuple[str, int]:
    with parts.db.reading() as tx:
        merchant_id = owner(tx, request)
        return merchant_id, clips.quota(tx, merchant_id)


def _check(parts: Services, about: About, merchant_id: str) -> None:
    """Find mistakes in what is said before two hundred megabytes are on their way."""
    with parts.db.reading() as tx:
        check_about(tx, about, merchant_id)


def check_about(tx: Tx, about: About, merchant_id: str) -> None:
    """Raise UserError for a role, a product or tags that are none."""
    clips.check_role(about.role)
    clips.check_products(tx, about.product_ids, merchant_id)
    clips.checked_tags(about.tags)


def add(parts: Services, clip_id: str, merchant_id: str, path: Path, size: int, about: About) -> clips.Clip:
    """Make a clip of the whole file at `path`; again, after a crash between the two, does no harm."""
    key = clips.upload_key(clip_id)
    if path.is_file() or not parts.media.exists(key):
        parts.media.take(key, path)
    now: datetime = utcnow()
    try:
        with parts.db.writing() as tx:
            there = clips.for_ingest(tx, clip_id)
            if there is not None:
                return there
            uploads.end(tx, clip_id)
            # Others of this merchant may have arrived meanwhile.
            if clips.quota(tx, merchant_id) + size > parts.settings.upload_quota:
                raise _quota_used_up(parts.settings.upload_quota)
            return clips.add_clip(
                tx,
                merchant_id,
                clip_id=clip_id,
                filename=_printable(about.filename) or "clip",
                title=_printable(about.title),
                size=size,
                now=now,
                product_ids=about.product_ids,
                role=about.role,
                tags=about.tags,
                language=about.language,
                rights_until=about.rights_until,
            )
    except Exception:
        parts.media.delete(key)
        raise


def _printable(text: str) -> str:
    # A name only ever labels: directions and control characters would disguise it.
    return "".join(char for char in text.replace("\\", "/").rsplit("/", 1)[-1] if char.isprintable()).strip()


@contextmanager
def one_of_few(merchant_id: str) -> Iterator[None]:
    if _running[merchant_id] >= MOST_AT_ONCE:
        raise TooMany(
            "uploads-running", "Wait until one of your {most} uploads is done.", retry_after=5, most=MOST_AT_ONCE
        )
    _running[merchant_id] += 1
    try:
        yield
    finally:
        _running[merchant_id] -= 1
        if not _running[merchant_id]:
            del _running[merchant_id]


routes = [Route("/v1/clips", create_clip, methods=["POST"], max_body_size=UNLIMITED)]

"""`/v1/uploads`: resumable uploads after tus 1.0 with creation, termination, checksum and expiration.

Bytes go to a file as they come, and the file's length is the offset: whatever breaks, the client asks where it stands
and goes on. The whole file becomes the clip of the same id.
"""

import base64
import binascii
import fcntl
import hashlib
import hmac
import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from storage.clock import utcnow
from storage.errors import Conflict, NotFound, UserError
from storage.ids import new_id
from video_assembly import clips, uploads
from video_assembly.ingest import Refused
from video_assembly.source import container_of
from video_assembly.uploads import Upload
from web.limits import client_of
from web.merchant_access import owner
from web.problems import on_user_error
from web.services import Services, services
from web.uploads import (
    HEAD_BYTES,
    UNLIMITED,
    About,
    NotAClip,
    add,
    check_about,
    one_of_few,
    receive,
    room_for,
    too_large,
)

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,termination,checksum,expiration"
ALGORITHMS = ("sha256", "sha1", "md5")
OFFSET_TYPE = "application/offset+octet-stream"
LONGEST_METADATA = 8192
WRITE_BYTES = 1024 * 1024

Endpoint = Callable[[Request], Awaitable[Response]]


class WrongVersion(UserError):
    """The client speaks another version of tus."""

    status = 412


class WrongType(UserError):
    """The body is not said to be a piece of a file."""

    status = 415


class Locked(UserError):
    """Another request writes to this upload just now."""

    status = 423


class Mismatch(UserError):
    """A piece arrived damaged: its checksum is another (a status of tus's own)."""

    status = 460


class Part:
    """The file of an upload, locked while it is written to."""

    def __init__(self, path: Path, size: int, digest: "hashlib._Hash | None" = None) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._descriptor)
            sentence = "Another connection sends this file just now. Try again in a moment."
            raise Locked("upload-locked", sentence, retry_after=2) from error
        self._began = self.size = os.lseek(self._descriptor, 0, os.SEEK_END)
        self._whole, self._digest, self._pending = size, digest, bytearray()

    async def write(self, data: bytes) -> None:
        """Take some bytes; raises TooLarge beyond the promised size, and NotAClip as soon as it can be told."""
        if self.size + len(data) > self._whole:
            raise too_large(self._whole)
        self.size += len(data)
        self._pending += data
        if len(self._pending) >= WRITE_BYTES:
            await run_in_threadpool(self.flush)

    def flush(self) -> None:
        """Put on disk what has come so far."""
        data, self._pending = bytes(self._pending), bytearray()
        if self._digest is not None:
            self._digest.update(data)
        while data:
            data = data[os.write(self._descriptor, data) :]

    def look(self) -> None:
        """Raise NotAClip when the first bytes are those of no video."""
        if self.size >= min(HEAD_BYTES, self._whole):
            try:
                container_of(os.pread(self._descriptor, HEAD_BYTES, 0))
            except Refused as refused:
                raise NotAClip(refused.code, refused.message) from refused

    def forget_piece(self) -> None:
        """Take back what this request wrote."""
        self._pending.clear()
        os.ftruncate(self._descriptor, self._began)
        self.size = self._began

    def close(self) -> None:
        os.close(self._descriptor)


def options(request: Request) -> Response:
    """`OPTIONS /v1/uploads`: what is spoken here."""
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(services(request).settings.upload_limit),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }
    return _answer(204, headers)


async def create(request: Request) -> Response:
    """`POST /v1/uploads`: 201 with the address of the new upload, with bytes of it or without."""
    _check_version(request)
    parts = services(request)
    if "upload-defer-length" in request.headers:
        raise UserError("upload-length", "Say in Upload-Length how many bytes the file has.", status=400)
    size = _whole(request, "upload-length")
    metadata = _metadata(request.headers.get("upload-metadata", ""))
    about = About.read([("filename", metadata.pop("name", "")), *metadata.items()])
    parts.limiter.take("upload", client_of(request))
    begun = await run_in_threadpool(_begin, parts, request, size, about)
    headers = {"Location": f"/v1/uploads/{begun.id}", **_times(begun)}
    if request.headers.get("content-type") == OFFSET_TYPE or size == 0:
        headers["Upload-Offset"] = str(await _take(request, parts, begun, 0))
    return _answer(201, headers)


async def head(request: Request) -> Response:
    """`HEAD /v1/uploads/{id}`: how many bytes have arrived."""
    _check_version(request)
    parts = services(request)
    merchant_id, upload = await run_in_threadpool(_find, parts, request)
    headers = {"Cache-Control": "no-store"}
    if upload is None:
        clip_size = await run_in_threadpool(_clip_size, parts, request, merchant_id)
        return _answer(200, headers | {"Upload-Offset": str(clip_size), "Upload-Length": str(clip_size)})
    offset = await run_in_threadpool(_offset, parts, upload)
    if offset == upload.size:  # the process died between the last byte and the clip
        await run_in_threadpool(_finish, parts, upload)
    return _answer(200, headers | {"Upload-Offset": str(offset), "Upload-Length": str(upload.size), **_times(upload)})


async def patch(request: Request) -> Response:
    """`PATCH /v1/uploads/{id}`: the bytes from `Upload-Offset` on; the last ones make it a clip."""
    _check_version(request)
    if request.headers.get("content-type") != OFFSET_TYPE:
        raise WrongType("offset-type", "Send pieces of a file as application/offset+octet-stream.")
    parts = services(request)
    _, upload = await run_in_threadpool(_find, parts, request)
    if upload is None:
        raise Conflict("upload-complete", "This upload is complete.")
    parts.limiter.take("write", client_of(request))
    offset = await _take(request, parts, upload, _whole(request, "upload-offset"))
    return _answer(204, {"Upload-Offset": str(offset), **_times(upload)})


async def terminate(request: Request) -> Response:
    """`DELETE /v1/uploads/{id}`: give up an upload; its bytes are gone at once."""
    _check_version(request)
    parts = services(request)
    _, upload = await run_in_threadpool(_find, parts, request)
    if upload is None:
        raise NotFound("upload-unknown", "There is no such upload, or its time is over. Please start it again.")
    await run_in_threadpool(_drop, parts, upload)
    return _answer(204, {})


async def overridden(request: Request) -> Response:
    """`POST /v1/uploads/{id}`: PATCH, DELETE or HEAD for who can only POST, named in X-HTTP-Method-Override."""
    wanted = request.headers.get("x-http-method-override", "").upper()
    methods: dict[str, Endpoint] = {"PATCH": patch, "HEAD": head, "DELETE": terminate}
    if wanted not in methods:
        raise UserError("method", "Name PATCH, HEAD or DELETE in X-HTTP-Method-Override.", status=405)
    return await methods[wanted](request)


def _speaking(endpoint: Endpoint) -> Endpoint:
    """The endpoint with tus's own headers on its errors, too."""

    async def spoken(request: Request) -> Response:
        try:
            return await endpoint(request)
        except UserError as error:
            response = on_user_error(request, error)
            response.headers["Tus-Resumable"] = VERSION
            if error.status == WrongVersion.status:
                response.headers["Tus-Version"] = VERSION
            return response

    return spoken


async def _take(request: Request, parts: Services, upload: Upload, offset: int) -> int:
    """Write the body of a request and return how much of the file is there now; a whole one becomes a clip."""
    algorithm, expected = _checksum(request)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and offset + int(length) > upload.size:
        raise too_large(upload.size)
    with one_of_few(upload.merchant_id):
        digest = hashlib.new(algorithm, usedforsecurity=False) if algorithm else None
        part = await run_in_threadpool(Part, _path(parts, upload.id), upload.size, digest)
        parts.metrics.uploads.add(part)
        try:
            if part.size != offset:
                sentence = "{offset} bytes of this file have arrived. Please go on from there."
                raise Conflict("upload-offset", sentence, offset=part.size)
            try:
                await receive(request.stream(), part)
                await run_in_threadpool(part.flush)
            except (ClientDisconnect, UserError):
                if digest is None:
                    await run_in_threadpool(part.flush)  # what has come is kept: the client goes on from there
                else:
                    await run_in_threadpool(part.forget_piece)
                raise
            if digest is not None and not hmac.compare_digest(digest.digest(), expected):
                await run_in_threadpool(part.forget_piece)
                raise Mismatch("checksum-mismatch", "A piece of this file arrived damaged. Please send it again.")
            await run_in_threadpool(part.look)
            if part.size == upload.size:
                await run_in_threadpool(_finish, parts, upload)
            return part.size
        except NotAClip:
            await run_in_threadpool(_drop, parts, upload)
            raise
        except ClientDisconnect:
            return part.size  # nobody reads it
        finally:
            parts.metrics.uploads.discard(part)
            await run_in_threadpool(part.close)


def _begin(parts: Services, request: Request, size: int, about: About) -> Upload:
    now = utcnow()
    with parts.db.writing() as tx:
        merchant_id = owner(tx, request)
        check_about(tx, about, merchant_id)
        room_for(parts, uploads.promised(tx, merchant_id, now), size)
        return uploads.begin(tx, merchant_id, new_id(), size, about.model_dump(mode="json"), now)


def _find(parts: Services, request: Request) -> tuple[str, Upload | None]:
    """Return who asks and their open upload, None for one that is a clip of theirs; raises NotFound."""
    upload_id = request.path_params["id"]
    with parts.db.reading() as tx:
        merchant_id = owner(tx, request)
        try:
            return merchant_id, uploads.find(tx, upload_id, merchant_id, utcnow())
        except NotFound:
            known = clips.for_ingest(tx, upload_id)
            if known is None or known.merchant_id != merchant_id:
                raise
            return merchant_id, None


def _clip_size(parts: Services, request: Request, merchant_id: str) -> int:
    with parts.db.reading() as tx:
        return clips.clip(tx, request.path_params["id"], merchant_id).bytes


def _path(parts: Services, upload_id: str) -> Path:
    return parts.media.unfinished / f"{upload_id}.part"


def _offset(parts: Services, upload: Upload) -> int:
    for path in (_path(parts, upload.id), parts.media.path(clips.upload_key(upload.id))):
        if path.is_file():
            return path.stat().st_size
    return 0


def _finish(parts: Services, upload: Upload) -> None:
    """Make the clip; again after a crash does no harm."""
    add(parts, upload.id, upload.merchant_id, _path(parts, upload.id), upload.size, About(**upload.about))


def _drop(parts: Services, upload: Upload) -> None:
    with parts.db.writing() as tx:
        uploads.end(tx, upload.id)
    _path(parts, upload.id).unlink(missing_ok=True)


def _check_version(request: Request) -> None:
    if request.headers.get("tus-resumable") != VERSION:
        raise WrongVersion("tus-version", "This service speaks tus {version}.", version=VERSION)


def _whole(request: Request, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise UserError("header", "The header {header} must be a whole number of bytes.", status=400, header=name)
    return int(text)


def _metadata(text: str) -> dict[str, str]:
    """Names and texts of `Upload-Metadata`: pairs of a key and Base64, separated by commas."""
    broken = UserError("upload-metadata", "The header Upload-Metadata cannot be read.", status=400)
    if len(text) > LONGEST_METADATA:
        raise broken
    found = {}
    for pair in filter(None, (pair.strip() for pair in text.split(","))):
        key, _, value = pair.partition(" ")
        try:
            found[key.lower()] = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise broken from error
    return found


def _checksum(request: Request) -> tuple[str, bytes]:
    """Algorithm and digest of `Upload-Checksum`; empty without one."""
    text = request.headers.get("upload-checksum")
    if text is None:
        return "", b""
    algorithm, _, value = text.partition(" ")
    try:
        expected = base64.b64decode(value.strip(), validate=True)
    except binascii.Error:
        expected = b""
    if algorithm not in ALGORITHMS or not expected:
        raise UserError(
            "checksum", "Name one of {algorithms} and a Base64 digest.", status=400, algorithms=", ".join(ALGORITHMS)
        )
    return algorithm, expected


def _times(upload: Upload) -> dict[str, str]:
    moment: datetime = upload.expires_at
    return {"Upload-Expires": format_datetime(moment, usegmt=True)}


def _answer(status: int, headers: dict[str, str]) -> Response:
    return Response(status_code=status, headers={"Tus-Resumable": VERSION, **headers})


routes = [
    Route("/v1/uploads", _speaking(create), methods=["POST"], max_body_size=UNLIMITED),
    Route("/v1/uploads", options, methods=["OPTIONS"]),
    Route("/v1/uploads/{id}", _speaking(head), methods=["HEAD"]),
    Route("/v1/uploads/{id}", _speaking(patch), methods=["PATCH"], max_body_size=UNLIMITED),
    Route("/v1/uploads/{id}", _speaking(terminate), methods=["DELETE"]),
    Route("/v1/uploads/{id}", _speaking(overridden), methods=["POST"], max_body_size=UNLIMITED),
    Route("/v1/uploads/{id}", options, methods=["OPTIONS"]),
]

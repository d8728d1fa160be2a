"""Clips and segments of a merchant as JSON: what is there, what became of an upload, and edits."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shop import merchants
from storage.clock import utcnow
from storage.database import Tx
from storage.errors import Forbidden, UserError
from video_assembly import clips, library, upkeep
from video_assembly.clips import Clip
from video_assembly.library import Segment
from web.bodies import read_json
from web.i18n import locale_of, translate
from web.limits import client_of
from web.services import services
from web.sessions import member

SCOPE = "clips:write"
PAGE = 100
MOST_LISTED = 500
MOST_EDITED = 200
NO_ROLE = "none"

Role = Literal["hook", "demo", "proof", "offer", "cta"]


class Change(BaseModel):
    """What may be changed of a segment; a field that is not sent stays, null clears."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    product_id: str | None = None
    category: str | None = Field(default=None, max_length=80)
    tags: list[str] = []
    language: str | None = Field(default=None, max_length=5)
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None
    archived: bool = False

    def given(self) -> dict[str, Any]:
        """Return only what was sent."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class ManyChanges(BaseModel):
    """One change for several segments; `add_tags` go on top of those that each one has."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str] = Field(min_length=1, max_length=MOST_EDITED)
    change: Change = Change()
    add_tags: list[str] = []


def owner(tx: Tx, request: Request) -> str:
    """Return the merchant for whom the caller acts; raises Unauthorized, or Forbidden for somebody without a shop."""
    person = member(request, "merchant", SCOPE)
    merchant_id = merchants.merchant_of(tx, person.id)
    if merchant_id is None:
        raise Forbidden("no-shop", "Your account does not belong to a shop. Ask the operator for an invitation.")
    return merchant_id


def clip_json(request: Request, clip: Clip, segments: Sequence[Segment]) -> dict[str, Any]:
    """Return a clip in the form of the public interface, its sentences in the caller's language; seconds."""
    locale = locale_of(request)
    return {
        "id": clip.id,
        "filename": clip.filename,
        "title": clip.title,
        "state": clip.state,
        "progress": round(clip.progress, 3),
        "reason": clip.reason,
        "detail": translate(locale, clip.detail, **clip.detail_values) if clip.detail else None,
        "retryable": clip.state == "refused" and clip.reason in upkeep.WORTH_ANOTHER_TRY,
        "warnings": [
            {"code": notice["code"], "detail": translate(locale, notice["message"], **notice["values"])}
            for notice in clip.warnings
        ],
        "bytes": clip.bytes,
        "duration": None if clip.duration_ms is None else clip.duration_ms / 1000,
        "language": clip.language,
        "rights_until": _iso(clip.rights_until),
        "product_ids": list(clip.product_ids),
        "role": clip.role,
        "tags": list(clip.tags),
        "created_at": _iso(clip.created_at),
        "ready_at": _iso(clip.ready_at),
        "segments": [segment_json(request, segment) for segment in segments],
    }


def segment_json(request: Request, segment: Segment) -> dict[str, Any]:
    """Return a segment in the form of the public interface; `start` and `duration` are seconds."""
    url = services(request).media.url
    return {
        "id": segment.id,
        "clip_id": segment.clip_id,
        "product_id": segment.product_id,
        "category": segment.category,
        "role": segment.role,
        "tags": list(segment.tags),
        "language": segment.language,
        "start": segment.start_ms / 1000,
        "duration": segment.duration_ms / 1000,
        "has_sound": segment.has_sound,
        "position": segment.position,
        "mp4": url(segment.media_key),
        "thumbnail": url(segment.thumb_key),
        "poster": url(segment.poster_key),
        "valid_from": _iso(segment.valid_from),
        "valid_until": _iso(segment.valid_until),
        "archived": segment.archived_at is not None,
        "created_at": _iso(segment.created_at),
    }


def library_json(request: Request, tx: Tx, merchant_id: str) -> dict[str, Any]:
    """Return everything that a library's page shows: the newest clips, and segments that are not archived."""
    found = clips.list_clips(tx, merchant_id, limit=PAGE)
    return {
        "clips": [clip_json(request, clip, []) for clip in found],
        "segments": [segment_json(request, segment) for segment in library.list_segments(tx, merchant_id)],
    }


def list_clips(request: Request) -> Response:
    """`GET /v1/clips`: one's own clips, the newest first, without their segments; `limit` and `after` page."""
    limit = _limit(request)
    with services(request).db.reading() as tx:
        after = request.query_params.get("after")
        found = clips.list_clips(tx, owner(tx, request), limit=limit + 1, after=after)
    items = [clip_json(request, clip, []) for clip in found[:limit]]
    return JSONResponse({"items": items, "next": found[limit - 1].id if len(found) > limit else None})


def one_clip(request: Request) -> Response:
    """`GET /v1/clips/{id}`: the state of an upload, why it is refused, its segments when it is ready."""
    with services(request).db.reading() as tx:
        merchant_id = owner(tx, request)
        clip = clips.clip(tx, request.path_params["id"], merchant_id)
        segments = library.list_segments(tx, merchant_id, clip_id=clip.id)
    return JSONResponse(clip_json(request, clip, segments))


def retry_clip(request: Request) -> Response:
    """`POST /v1/clips/{id}/retry`: another attempt at a clip that failed through no fault of the file."""
    parts = services(request)
    parts.limiter.take("write", client_of(request))
    with parts.db.writing() as tx:
        clip = upkeep.try_again(tx, request.path_params["id"], owner(tx, request), utcnow())
    return JSONResponse(clip_json(request, clip, []), 202)


def delete_clip(request: Request) -> Response:
    """`DELETE /v1/clips/{id}`: out of the library; bytes that videos are made of stay until these are gone."""
    parts = services(request)
    parts.limiter.take("write", client_of(request))
    clip_id = request.path_params["id"]
    with parts.db.writing() as tx:
        upkeep.remove_clip(tx, clip_id, owner(tx, request), utcnow())
    parts.media.delete(clips.upload_key(clip_id))
    return Response(status_code=204)


def list_segments(request: Request) -> Response:
    """`GET /v1/segments`: one's own, filtered by `clip`, `product`, `role` (`none`: not chosen yet), `tag`."""
    asked = request.query_params
    role = asked.get("role")
    if role != NO_ROLE:
        clips.check_role(role)
    with services(request).db.reading() as tx:
        found = library.list_segments(
            tx,
            owner(tx, request),
            clip_id=asked.get("clip"),
            product_id=asked.get("product"),
            role=None if role == NO_ROLE else role,
            tag=asked.get("tag"),
            archived=asked.get("archived") == "true",
        )
    kept = [segment for segment in found if role != NO_ROLE or segment.role is None]
    return JSONResponse({"items": [segment_json(request, segment) for segment in kept]})


async def edit_segment(request: Request) -> Response:
    """`PATCH /v1/segments/{id}`: change role, product, tags, language, validity, or archive it."""
    change = await read_json(request, Change)
    changed = await run_in_threadpool(_edit, request, [request.path_params["id"]], change, [])
    return JSONResponse(changed[0])


async def edit_segments(request: Request) -> Response:
    """`PATCH /v1/segments`: the same change for several segments, for all of them or for none."""
    wanted = await read_json(request, ManyChanges)
    return JSONResponse({"items": await run_in_threadpool(_edit, request, wanted.ids, wanted.change, wanted.add_tags)})


def _edit(request: Request, ids: Sequence[str], change: Change, add_tags: Sequence[str]) -> list[dict[str, Any]]:
    parts = services(request)
    parts.limiter.take("write", client_of(request))
    values, now = change.given(), utcnow()
    changed = []
    with parts.db.writing() as tx:
        merchant_id = owner(tx, request)
        for segment_id in dict.fromkeys(ids):
            if add_tags:
                tags = change.tags if "tags" in values else library.segment(tx, segment_id, merchant_id).tags
                values_here = values | {"tags": [*tags, *add_tags]}
            else:
                values_here = values
            changed.append(library.edit_segment(tx, segment_id, merchant_id, now, **values_here))
    return [segment_json(request, segment) for segment in changed]


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(PAGE))
    if not (text.isdecimal() and 1 <= int(text[:9]) <= MOST_LISTED):
        raise UserError("limit", "Ask for 1 to {most} items.", field="limit", most=MOST_LISTED)
    return int(text)


routes = [
    Route("/v1/clips", list_clips),
    Route("/v1/clips/{id}", one_clip),
    Route("/v1/clips/{id}", delete_clip, methods=["DELETE"]),
    Route("/v1/clips/{id}/retry", retry_clip, methods=["POST"]),
    Route("/v1/segments", list_segments),
    Route("/v1/segments", edit_segments, methods=["PATCH"]),
    Route("/v1/segments/{id}", edit_segment, methods=["PATCH"]),
]

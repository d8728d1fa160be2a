"""A merchant's clips as JSON: what is there, and what became of an upload."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from storage.clock import utcnow
from video_assembly import clips, search, upkeep
from video_assembly.clips import Clip
from web.i18n import locale_of, translate
from web.limits import client_of
from web.merchant_access import limit_of, owner
from web.segments import iso, segments_json
from web.services import services

PAGE = 100
MOST_LISTED = 500


def clip_json(request: Request, clip: Clip, segments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
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
        "rights_until": iso(clip.rights_until),
        "product_ids": list(clip.product_ids),
        "role": clip.role,
        "tags": list(clip.tags),
        "created_at": iso(clip.created_at),
        "ready_at": iso(clip.ready_at),
        "segments": list(segments),
    }


def list_clips(request: Request) -> Response:
    """`GET /v1/clips`: one's own clips, the newest first, without their segments; `limit` and `after` page."""
    limit = limit_of(request, PAGE, MOST_LISTED)
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
        segments = segments_json(request, tx, search.of_clip(tx, merchant_id, clip.id))
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


routes = [
    Route("/v1/clips", list_clips),
    Route("/v1/clips/{id}", one_clip),
    Route("/v1/clips/{id}", delete_clip, methods=["DELETE"]),
    Route("/v1/clips/{id}/retry", retry_clip, methods=["POST"]),
]

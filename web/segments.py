"""A merchant's segments as JSON: search, changes for one or many, new versions, captions."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from storage.clock import utcnow
from storage.database import Tx
from storage.errors import NotFound, UserError
from video_assembly import captions, clips, coverage, edits, library, search, versions, webvtt
from video_assembly.library import Segment
from video_assembly.search import Filters, Found
from video_assembly.versions import Recut
from web.bodies import read_json
from web.i18n import locale_of, translate
from web.limits import client_of
from web.merchant_access import limit_of, owner
from web.problems import problem
from web.services import services

PAGE = 60
MOST_LISTED = 500
MOST_EDITED = 200
LONGEST_FILTER = 200

Role = Literal["hook", "demo", "proof", "offer", "cta"]


class Change(BaseModel):
    """What may be changed of a segment; a field that is not sent stays, null clears."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    product_id: str | None = None
    category: str | None = Field(default=None, max_length=80)
    tags: list[str] = []
    language: str | None = Field(default=None, max_length=5)
    season: Literal["spring", "summer", "autumn", "winter"] | None = None
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None
    rights_until: AwareDatetime | None = None
    rights_note: str | None = Field(default=None, max_length=200)
    speech: bool | None = None
    uncaptioned: bool = False
    archived: bool = False

    def given(self) -> dict[str, Any]:
        """Return only what was sent."""
        return {name: getattr(self, name) for name in self.model_fields_set & Change.model_fields.keys()}


class OneChange(Change):
    """A change of one segment; with `in` and `out`, seconds of its clip, a new version is cut."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    start: float | None = Field(default=None, alias="in", ge=0, le=3600)
    end: float | None = Field(default=None, alias="out", ge=0, le=3600)


class ItsChange(BaseModel):
    """What is changed of one segment among several."""

    model_config = ConfigDict(extra="forbid")

    id: str
    change: Change


class ManyChanges(BaseModel):
    """One change for several segments, `add_tags` on top of those that each has; or `items`, a change for each."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str] = Field(default=[], max_length=MOST_EDITED)
    change: Change = Change()
    add_tags: list[str] = []
    items: list[ItsChange] = Field(default=[], max_length=MOST_EDITED)


def segments_json(request: Request, tx: Tx, segments: Sequence[Segment]) -> list[dict[str, Any]]:
    """Return segments in the form of the public interface; `start` and `duration` are seconds."""
    ids = [segment.id for segment in segments]
    languages, wishes = captions.languages(tx, ids), versions.wishes(tx, ids)
    url, now = services(request).media.url, utcnow()
    return [
        {
            "id": segment.id,
            "clip_id": segment.clip_id,
            "product_id": segment.product_id,
            "category": segment.category,
            "role": segment.role,
            "tags": list(segment.tags),
            "language": segment.language,
            "season": segment.season,
            "start": segment.start_ms / 1000,
            "duration": segment.duration_ms / 1000,
            "has_sound": segment.has_sound,
            "position": segment.position,
            "mp4": url(segment.media_key),
            "thumbnail": url(segment.thumb_key),
            "poster": url(segment.poster_key),
            "valid_from": iso(segment.valid_from),
            "valid_until": iso(segment.valid_until),
            "rights_until": iso(segment.rights_until),
            "rights_note": segment.rights_note,
            "speech": segment.speech,
            "speech_likely": None if segment.speech_hint is None else segment.speech_hint >= search.SPEECH_LIKELY,
            "findings": list(segment.findings),
            "proposal": segment.proposal,
            "captions": languages.get(segment.id, []),
            "uncaptioned": segment.uncaptioned_at is not None,
            "version": segment.version,
            "used_in": segment.used_in,
            "recut": _recut_json(wishes.get(segment.id)),
            "lacks": list(lacks(segment, bool(languages.get(segment.id)), now)),
            "archived": segment.archived_at is not None,
            "created_at": iso(segment.created_at),
        }
        for segment in segments
    ]


def lacks(segment: Segment, captioned: bool, now: datetime) -> Iterator[str]:
    """Yield why no video is made with a segment now; the same rule as `library.usable`, reason by reason."""
    if segment.archived_at is not None:
        yield "archived"
    if segment.role is None:
        yield "role"
    if segment.product_id is None and segment.category is None:
        yield "product"
    if segment.speech and not captioned and segment.uncaptioned_at is None:
        yield "captions"
    if segment.valid_from is not None and segment.valid_from > now:
        yield "not-yet"
    if segment.valid_until is not None and segment.valid_until <= now:
        yield "over"
    if segment.rights_until is not None and segment.rights_until <= now:
        yield "rights"


def found_json(request: Request, tx: Tx, found: Found) -> dict[str, Any]:
    """Return a page of segments with how many there are and where the next page begins."""
    return {"items": segments_json(request, tx, found.items), "total": found.total, "next": found.next}


def filters_of(request: Request) -> Filters:
    """Read what is looked for from the address."""
    asked = request.query_params
    return Filters(**{name: asked.get(name, "")[:LONGEST_FILTER] for name in Filters.__dataclass_fields__})


def list_segments(request: Request) -> Response:
    """`GET /v1/segments`: one's own, by `q`, `clip`, `product`, `role`, `tag`, `language`, `season`, `state`.

    `none` finds what has none; `limit` and `cursor` page.
    """
    wanted = filters_of(request)
    if wanted.role != search.NONE:
        clips.check_role(wanted.role or None)
    limit = limit_of(request, PAGE, MOST_LISTED)
    with services(request).db.reading() as tx:
        merchant_id = owner(tx, request)
        after = request.query_params.get("cursor")
        found = search.find(tx, merchant_id, wanted, utcnow(), limit=limit, after=after)
        body = found_json(request, tx, found)
    response = JSONResponse(body)
    if found.next is not None:
        more = request.url.include_query_params(cursor=found.next)
        response.headers["Link"] = f'<{more.path}?{more.query}>; rel="next"'
    return response


def coverage_json(tx: Tx, merchant_id: str) -> list[dict[str, Any]]:
    """Return how many segments there are for each product or category, language and role; `longest` in seconds."""
    return [
        {
            **{name: value for name, value in asdict(cell).items() if name != "longest_ms"},
            "longest": cell.longest_ms / 1000,
        }
        for cell in coverage.cells(tx, merchant_id, utcnow())
    ]


def get_coverage(request: Request) -> Response:
    """`GET /v1/coverage`: what the library has, to see what it lacks."""
    with services(request).db.reading() as tx:
        return JSONResponse({"items": coverage_json(tx, owner(tx, request))})


def one_segment(request: Request) -> Response:
    """`GET /v1/segments/{id}`: one segment with its versions."""
    segment_id = request.path_params["id"]
    with services(request).db.reading() as tx:
        merchant_id = owner(tx, request)
        segment = library.segment(tx, segment_id, merchant_id)
        (body,) = segments_json(request, tx, [segment])
        body["versions"] = [
            {
                "id": each.id,
                "version": each.version,
                "start": each.start_ms / 1000,
                "duration": each.duration_ms / 1000,
                "used_in": each.used_in,
                "created_at": iso(each.created_at),
                "current": each.current,
            }
            for each in versions.history(tx, segment_id, merchant_id)
        ]
    return JSONResponse(body)


async def edit_segment(request: Request) -> Response:
    """`PATCH /v1/segments/{id}`: change what is said of it, archive it, or have new edges cut, which takes a while."""
    change = await read_json(request, OneChange)
    segment_id = request.path_params["id"]

    def edit() -> Response:
        parts = services(request)
        parts.limiter.take("write", client_of(request))
        now = utcnow()
        with parts.db.writing() as tx:
            merchant_id = owner(tx, request)
            segment = edits.edit_segment(tx, segment_id, merchant_id, now, **change.given())
            if change.start is not None or change.end is not None:
                _cut(tx, segment, change, now)
            (body,) = segments_json(request, tx, [segment])
        return JSONResponse(body, 202 if change.start is not None or change.end is not None else 200)

    return await run_in_threadpool(edit)


async def edit_segments(request: Request) -> Response:
    """`PATCH /v1/segments`: changes of several segments, all of them or none."""
    wanted = await read_json(request, ManyChanges)

    def edit() -> Response:
        parts = services(request)
        parts.limiter.take("write", client_of(request))
        now = utcnow()
        with parts.db.writing() as tx:
            merchant_id = owner(tx, request)
            changed = [
                edits.edit_segment(tx, segment_id, merchant_id, now, **values)
                for segment_id, values in _changes(tx, merchant_id, wanted)
            ]
            body = segments_json(request, tx, changed)
        return JSONResponse({"items": body})

    return await run_in_threadpool(edit)


def get_captions(request: Request) -> Response:
    """`GET /v1/segments/{id}/captions/{language}`: the captions as WebVTT."""
    segment_id, language = request.path_params["id"], request.path_params["language"]
    with services(request).db.reading() as tx:
        library.segment(tx, segment_id, owner(tx, request))
        cues = captions.of(tx, [segment_id]).get(segment_id, {}).get(language)
    if cues is None:
        raise NotFound("captions-unknown", "This segment has no captions in this language.")
    return vtt(webvtt.write(cues))


async def put_captions(request: Request) -> Response:
    """`PUT /v1/segments/{id}/captions/{language}`: a WebVTT file; what is wrong with it is said line by line."""
    try:
        text = (await request.body()).decode("utf-8")
    except UnicodeDecodeError:
        raise UserError("not-text", "Save the captions as text in UTF-8.", status=415) from None

    def put() -> Response:
        parts = services(request)
        parts.limiter.take("write", client_of(request))
        segment_id, language = request.path_params["id"], request.path_params["language"]
        with parts.db.writing() as tx:
            merchant_id = owner(tx, request)
            _, mistakes = edits.set_captions(tx, segment_id, merchant_id, language, text, utcnow())
            (body,) = segments_json(request, tx, [library.segment(tx, segment_id, merchant_id)])
        if mistakes:
            locale = locale_of(request)
            lines = [{"line": each.line, "detail": translate(locale, each.message, **each.values)} for each in mistakes]
            return problem(
                request, 422, "captions-wrong", "The captions cannot be read: see the lines.", {"lines": lines}
            )
        return JSONResponse(body)

    return await run_in_threadpool(put)


def delete_captions(request: Request) -> Response:
    """`DELETE /v1/segments/{id}/captions/{language}`: without captions in this language from now on."""
    parts = services(request)
    parts.limiter.take("write", client_of(request))
    segment_id, language = request.path_params["id"], request.path_params["language"]
    with parts.db.writing() as tx:
        edits.drop_captions(tx, segment_id, owner(tx, request), language, utcnow())
    return Response(status_code=204)


def vtt(text: str) -> Response:
    """Return captions with their media type."""
    return PlainTextResponse(text, media_type="text/vtt", headers={"Cache-Control": "private, no-cache"})


def iso(at: datetime | None) -> str | None:
    """Write an instant as RFC 3339 in UTC."""
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _cut(tx: Tx, segment: Segment, change: OneChange, now: datetime) -> None:
    start = segment.start_ms if change.start is None else round(change.start * 1000)
    end = segment.start_ms + segment.duration_ms if change.end is None else round(change.end * 1000)
    versions.cut_anew(tx, segment.id, segment.merchant_id, start, end, now)


def _changes(tx: Tx, merchant_id: str, wanted: ManyChanges) -> Iterator[tuple[str, dict[str, Any]]]:
    for segment_id in dict.fromkeys(wanted.ids):
        values = wanted.change.given()
        if wanted.add_tags:
            tags = values["tags"] if "tags" in values else library.segment(tx, segment_id, merchant_id).tags
            values["tags"] = [*tags, *wanted.add_tags]
        yield segment_id, values
    for each in wanted.items:
        yield each.id, each.change.given()


def _recut_json(wish: Recut | None) -> dict[str, Any] | None:
    if wish is None or wish.state == "done":
        return None
    start = wish.start_ms / 1000
    return {
        "state": wish.state,
        "in": start,
        "out": (wish.start_ms + wish.units * versions.UNIT_MS) / 1000,
        "reason": wish.reason,
    }


routes = [
    Route("/v1/coverage", get_coverage),
    Route("/v1/segments", list_segments),
    Route("/v1/segments", edit_segments, methods=["PATCH"]),
    Route("/v1/segments/{id}", one_segment),
    Route("/v1/segments/{id}", edit_segment, methods=["PATCH"]),
    Route("/v1/segments/{id}/captions/{language}", get_captions),
    Route("/v1/segments/{id}/captions/{language}", put_captions, methods=["PUT"], max_body_size=webvtt.MOST_BYTES),
    Route("/v1/segments/{id}/captions/{language}", delete_captions, methods=["DELETE"]),
]

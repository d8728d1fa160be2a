"""The bytes of videos and pictures, and the links by which a video is shared."""

import re
from collections.abc import Iterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from storage.accounts import Person
from storage.clock import utcnow
from storage.errors import NotFound
from video_assembly import captions, playlists, videos, webvtt
from video_assembly.videos import Playable
from web import stitching
from web.i18n import locale_of
from web.ranged import ranged, reader
from web.services import Services, services
from web.sessions import viewer
from web.sharing import LONGEST_TOKEN, SHARE_LIFE, share_opens, share_token

# A recipe never changes, but who may play it and until when does.
VIDEO_CACHE = "private, max-age=3600"
# A merchant may mend a word at any time.
CAPTIONS_CACHE = "private, no-cache"
FOR_EVER = "public, max-age=31536000, immutable"
FOR_A_WHILE = "public, max-age=3600"

# What anybody may have who knows its digest; uploads are nobody's but their merchant's.
PUBLIC_KEY = re.compile(r"(?:segments|thumbs|posters|products)/[A-Za-z0-9][A-Za-z0-9._-]{0,120}")
DIGEST = re.compile(r"[0-9a-f]{32,64}")
# The longest video that a template allows has 37 units.
MOST_PLACES = 64
KINDS = {".mp4": "video/mp4", ".webp": "image/webp", ".jpg": "image/jpeg", ".png": "image/png"}


def get_video(request: Request) -> Response:
    """`GET /v/{id}.mp4`: the whole video or any part of it, to its viewer or with a share link."""
    parts = services(request)
    # A player without a session gets no guest's one: it has a share link or nothing
    person = viewer(request) if request.state.person is not None else None
    video_id = request.path_params["id"]

    def look_up() -> Playable:
        return video_for(request, parts, person, video_id)[0]

    # What a link opens is looked up each time: its key and its end are in the request.
    known = person is not None and not share_of(request)
    allowed = stitching.playable(person.id, video_id, utcnow(), look_up) if known and person else look_up()
    found = stitching.stitched(parts, allowed.recipe)
    return ranged(
        request,
        size=found.size,
        etag=found.etag,
        read=found.read,
        media_type=found.content_type,
        headers={"Cache-Control": VIDEO_CACHE},
    )


def get_captions(request: Request) -> Response:
    """`GET /v/{id}.vtt?language=`: the captions of a video, for who may play it; in the page's language if there."""
    parts = services(request)
    person = viewer(request) if request.state.person is not None else None
    playable, _ = video_for(request, parts, person, request.path_params["id"])
    pieces = [(each.id, each.duration_ms) for each in playable.recipe.ingredients]
    with parts.db.reading() as tx:
        cues = captions.of_video(tx, pieces, request.query_params.get("language", locale_of(request)))
    return PlainTextResponse(webvtt.write(cues), media_type="text/vtt", headers={"Cache-Control": CAPTIONS_CACHE})


def get_playlist(request: Request) -> Response:
    """`GET /v/{id}.m3u8`: the same video as HLS, in two sizes; `form=` is the playlist of one of them."""
    parts = services(request)
    person = viewer(request) if request.state.person is not None else None
    playable, _ = video_for(request, parts, person, request.path_params["id"])
    found = stitching.playlist(parts, playable.recipe, request.query_params.get("form"), share_of(request))
    return Response(found, media_type=playlists.content_type, headers={"Cache-Control": VIDEO_CACHE})


def get_unit(request: Request) -> Response:
    """`GET /media/units/{digest}/init.mp4` and `.../{unit}-{place}.m4s`: what those playlists name, for everybody."""
    parts = services(request)
    asked = request.path_params
    unit, place = asked.get("unit", 0), asked.get("place", 0)
    key = f"segments/{asked['digest']}.mp4"
    if not DIGEST.fullmatch(asked["digest"]) or place >= MOST_PLACES or not parts.media.exists(key):
        raise NotFound("not-found", "There is nothing at this address.")
    path = parts.media.path(key)
    try:
        body = playlists.fragment(path, unit, place) if "unit" in asked else playlists.init(path)
    except IndexError:
        raise NotFound("not-found", "There is nothing at this address.") from None

    def read(start: int, stop: int) -> Iterator[bytes]:
        yield body[start:stop]

    return ranged(
        request,
        size=len(body),
        etag=f'"{asked["digest"]}-{unit}-{place}"' if "unit" in asked else f'"{asked["digest"]}-init"',
        read=read,
        media_type="video/mp4",
        headers={"Cache-Control": FOR_EVER},
    )


def post_share(request: Request) -> Response:
    """`POST /v1/videos/{id}/share`: a link that opens this video for a week, without an account."""
    parts = services(request)
    person = viewer(request)
    parts.limiter.take("write", person.id)
    video_id = request.path_params["id"]
    playable, _ = video_for(request, parts, person, video_id)
    with parts.db.writing() as tx:
        video_id = videos.shareable(tx, playable.recipe, utcnow()).id
    expires = (utcnow() + SHARE_LIFE).replace(microsecond=0)
    token = share_token(parts.settings.secret_key(), video_id, expires)
    url = request.url.replace(path=f"/feed/{video_id}", query=f"share={token}")
    body = {"url": str(url), "days": SHARE_LIFE.days, "expires": expires.isoformat().replace("+00:00", "Z")}
    return JSONResponse(body, 201)


def get_media(request: Request) -> Response:
    """`GET /media/{key}`: segments, posters, thumbnails and product pictures."""
    parts = services(request)
    key = request.path_params["key"]
    kind = KINDS.get(Path(key).suffix)
    if kind is None or not PUBLIC_KEY.fullmatch(key) or not parts.media.exists(key):
        raise NotFound("not-found", "There is nothing at this address.")
    path = parts.media.path(key)
    known = path.stat()
    named_by_content = DIGEST.fullmatch(path.stem) is not None

    return ranged(
        request,
        size=known.st_size,
        etag=f'"{path.stem}"' if named_by_content else f'"{known.st_mtime_ns:x}-{known.st_size:x}"',
        read=reader(path),
        media_type=kind,
        headers={"Cache-Control": FOR_EVER if named_by_content else FOR_A_WHILE},
    )


def video_for(request: Request, parts: Services, person: Person | None, video_id: str) -> tuple[Playable, bool]:
    """Return a video that this request may play, and whether it is the viewer's own rather than a shared one.

    Raises NotFound for somebody else's, and UserError 410 when its product is no longer sold.
    """
    now = utcnow()
    token = share_of(request)
    with parts.db.reading() as tx:
        if person is not None:
            try:
                return videos.video(tx, video_id, now, viewer_id=person.id, sources=False), True
            except NotFound:
                if not token:
                    raise
        if not token or not share_opens(parts.settings.secret_key(), video_id, token, now):
            raise NotFound("video-unknown", "There is no such video.")
        return videos.video(tx, video_id, now, viewer_id=None, sources=False), False


def share_of(request: Request) -> str:
    """Return the token of a share link, or an empty string."""
    return request.query_params.get("share", "")[:LONGEST_TOKEN]


routes = [
    Route("/v/{id}.mp4", get_video),
    Route("/v/{id}.vtt", get_captions),
    Route("/v/{id}.m3u8", get_playlist),
    Route("/v1/videos/{id}/share", post_share, methods=["POST"]),
    Route("/media/units/{digest}/init.mp4", get_unit),
    Route("/media/units/{digest}/{unit:int}-{place:int}.m4s", get_unit),
    Route("/media/{key:path}", get_media),
]

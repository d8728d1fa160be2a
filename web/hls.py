"""A show over plain HTTP: live HLS with all of it from its first second on, and the replay when it is over."""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from livestream import aac, playlist
from livestream.recording import FORMS, Recording
from shop import catalog, shows
from shop.shows import Show
from storage.errors import NotFound
from web.chapters import Chapter, chapters, webvtt
from web.i18n import locale_of
from web.ranged import ranged
from web.services import Services, services

PLAYLIST = "application/vnd.apple.mpegurl"
# Players of other sites may play what everybody may watch.
SHARED = {"Access-Control-Allow-Origin": "*"}
FRESH = {**SHARED, "Cache-Control": "no-cache"}
FOR_EVER = {**SHARED, "Cache-Control": "public, max-age=31536000, immutable"}
FILE = re.compile(rf"({'|'.join(FORMS)})(?:\.m3u8|-(\d{{1,7}})\.(mp4|m4s))")
SOON_SECONDS = 2
MOST_KEPT = 64


class Shelf:
    """The recordings that are asked for, read on from where they were read before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Recording] = OrderedDict()

    def find(self, parts: Services, room: str) -> Recording:
        """Return a room's recording as it is now; empty when there is none."""
        folder = parts.settings.recordings_dir / room
        with self._lock:
            if not folder.is_dir():
                self._kept.pop(room, None)
                return Recording(folder)
            kept = self._kept.get(room)
            if kept is None or kept.folder != folder:
                kept = self._kept[room] = Recording(folder)
            self._kept.move_to_end(room)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            return kept.refresh()


shelf = Shelf()


def index(request: Request) -> Response:
    """`GET /live/{room}/index.m3u8`: where the show's playlists are."""
    _, recording = _playable(request)
    return PlainTextResponse(playlist.multivariant(recording), headers=FRESH, media_type=PLAYLIST)


def replay(request: Request) -> Response:
    """`GET /live/{room}/replay.m3u8`: the same once the show is over; before, there is no replay."""
    show, recording = _playable(request)
    if not show.over:
        raise NotFound("replay-not-yet", "The replay is there when the show is over.")
    return PlainTextResponse(playlist.multivariant(recording), headers=FRESH, media_type=PLAYLIST)


def chapter_list(request: Request) -> Response:
    """`GET /live/{room}/chapters.vtt`: which product was shown when, in seconds of the replay."""
    show, _ = _playable(request)
    text = webvtt(shown_in(request, show))
    return PlainTextResponse(text, headers={**FRESH, "Vary": "Accept-Language, Cookie"}, media_type="text/vtt")


def file(request: Request) -> Response:
    """`GET /live/{room}/hls/{name}`: a playlist of one form, an init or a segment."""
    name = FILE.fullmatch(request.path_params["name"])
    if name is None:
        raise _nothing()
    show, recording = _playable(request)
    form, number, kind = name.groups()
    if number is None:
        skip = request.query_params.get("_HLS_skip") in ("YES", "v2")
        text = playlist.media(recording, form, over=show.over, skip=skip)
        return PlainTextResponse(text, headers=FRESH, media_type=PLAYLIST)
    held = recording.takes if kind == "mp4" else recording.parts
    if int(number) >= len(held):
        raise _nothing()
    if kind == "mp4":
        places = recording.head(int(number), form)
    else:
        part = recording.parts[int(number)]
        places = part.video + (part.sound if form == "opus" else aac.segment(recording, part.number))

    def read(start: int, stop: int) -> Iterator[bytes]:
        return recording.blocks(places, start, stop)

    return ranged(
        request,
        size=sum(length for _, _, length in places),
        etag=f'"{show.id}-{name[0]}"',
        read=read,
        media_type="video/mp4",
        headers=FOR_EVER,
    )


def has_replay(parts: Services, show: Show) -> bool:
    """Tell whether an ended show can be watched again."""
    return show.state == "ended" and bool(shelf.find(parts, show.id).parts)


def shown_in(request: Request, show: Show) -> list[Chapter]:
    """Return a recording's chapters in the language of the request."""
    parts = services(request)
    with parts.db.reading() as tx:
        pins = shows.pins_of(tx, show.id)
        products = catalog.by_id(tx, [pin.product_id for pin in pins], locale_of(request))
    return chapters(shelf.find(parts, show.id), pins, products)


def _playable(request: Request) -> tuple[Show, Recording]:
    """Return a show that anybody may watch and its recording, which has a segment at least; raises NotFound."""
    parts = services(request)
    with parts.db.reading() as tx:
        show = shows.show(tx, request.path_params["room"])
    recording = shelf.find(parts, show.id)
    if recording.parts:
        return show, recording
    if recording.refused:
        raise NotFound("hls-codec", "This show has no HLS: its publisher sends no H.264.")
    if show.over:
        raise NotFound("replay-unknown", "There is no replay of this show.")
    raise NotFound("hls-not-yet", "Nothing of this show can be played yet.", retry_after=SOON_SECONDS)


def _nothing() -> NotFound:
    return NotFound("not-found", "There is nothing at this address.")


def _routes() -> Iterator[Route]:
    endpoints: dict[str, Callable[[Request], Response]] = {
        "index.m3u8": index,
        "replay.m3u8": replay,
        "chapters.vtt": chapter_list,
        "hls/{name}": file,
    }
    for path, endpoint in endpoints.items():
        yield Route(f"/live/{{room}}/{path}", endpoint)


routes = list(_routes())

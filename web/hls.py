"""A show over plain HTTP: live HLS with all of it from its first second on, and the replay when it is over."""

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from livestream import aac, playlist
from livestream.recording import FORMS, JOURNAL, Recording
from shop import catalog, shows
from shop.shows import Show
from storage.errors import NotFound, UserError
from storage.kept import Kept
from web.chapters import Chapter, chapters, webvtt
from web.i18n import locale_of
from web.ranged import ranged
from web.services import Services, services

PLAYLIST = "application/vnd.apple.mpegurl"
# Players of other sites may play what everybody may watch.
SHARED = {"Access-Control-Allow-Origin": "*"}
FRESH = {**SHARED, "Cache-Control": "no-cache"}
FOR_EVER = {**SHARED, "Cache-Control": "public, max-age=31536000, immutable"}
FILE = re.compile(rf"({'|'.join(FORMS)})(?:\.m3u8|-(\d{{1,7}})(?:\.(\d{{1,3}}))?\.(mp4|m4s))")
SOON_SECONDS = 2
# A player with low latency asks for what is not there yet: how long it waits, how often it is looked for, and how many
# may wait; the others are answered at once.
PATIENCE, LOOK_SECONDS, MOST_WAITING = 3.0 * playlist.TARGET, 0.03, 2000
# Such a player costs four requests a second, 2 % of a core: while so many wait, nobody else is offered pieces. The
# others play whole segments, at a quarter of that.
MOST_LOW = 24
MOST_KEPT = 64


class Shelf:
    """The recordings that are asked for, read on from where they were read before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: Kept[Path, Recording] = Kept(MOST_KEPT)
        self._texts: Kept[tuple[Any, ...], str] = Kept(MOST_KEPT)

    def find(self, parts: Services, room: str) -> Recording:
        """Return a room's recording as it is now; empty when there is none."""
        folder = parts.settings.recordings_dir / room
        with self._lock:
            if not folder.is_dir():
                self._kept.drop(folder)
                return Recording(folder)
            kept = self._kept.find(folder)
            if kept is None:
                kept = Recording(folder)
                self._kept.keep(folder, kept)
            # Others read the next lines into it while this one is looked at.
            found = kept.refresh()
            return replace(found, takes=[*found.takes], parts=[*found.parts], unfinished=[*found.unfinished])

    def playlist(self, recording: Recording, form: str, **how: bool) -> str:
        """Return a playlist; those who waited for the same piece get the same one, made once."""
        key = (recording.folder, recording.head_line, recording.read, form, *sorted(how.items()))
        with self._lock:
            text = self._texts.find(key)
            if text is None:
                text = playlist.media(recording, form, **how)
                self._texts.keep(key, text)
            return text


shelf = Shelf()


class Growth:
    """Lets requests wait for a file to grow; however many wait, one task looks at it."""

    def __init__(self) -> None:
        self._looks: dict[tuple[asyncio.AbstractEventLoop, Path, int], asyncio.Task[None]] = {}
        self.waiting = 0

    async def beyond(self, path: Path, size: int, seconds: float) -> bool:
        """Wait until the file has more than `size` bytes; False when it has not after so many seconds."""
        if self.waiting >= MOST_WAITING:
            return False
        key = (asyncio.get_running_loop(), path, size)
        if key not in self._looks:
            look = self._looks[key] = asyncio.create_task(self._look(path, size))
            look.add_done_callback(lambda _: self._looks.pop(key, None))
        self.waiting += 1
        try:
            await asyncio.wait_for(asyncio.shield(self._looks[key]), seconds)
        except TimeoutError:
            return False
        finally:
            self.waiting -= 1
        return True

    @staticmethod
    async def _look(path: Path, size: int) -> None:
        for _ in range(round(PATIENCE / LOOK_SECONDS)):
            if _size(path) != size:
                return
            await asyncio.sleep(LOOK_SECONDS)


growth = Growth()


def _size(path: Path) -> int:
    """Bytes of a file; this takes microseconds."""
    return path.stat().st_size if path.exists() else -1


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


async def file(request: Request) -> Response:
    """`GET /live/{room}/hls/{name}`: a playlist of one form, an init, a segment or a piece of one.

    A playlist with `_HLS_msn` (and `_HLS_part`) and the piece that is hinted at come when they are there
    (draft-pantos-hls-rfc8216bis section 6.2.5.2).
    """
    name = FILE.fullmatch(request.path_params["name"])
    if name is None:
        raise _nothing()
    form, number, piece, kind = name.groups()
    if piece is not None and (kind != "m4s" or form != "opus"):
        raise _nothing()
    show, recording = await run_in_threadpool(_playable, request)
    wanted = _number(request, "_HLS_msn") if number is None else int(number)
    if not show.over and wanted is not None and (number is None or piece is not None):
        part = _number(request, "_HLS_part") if number is None else int(piece)
        recording = await _wait(services(request), recording, form, wanted, -1 if part is None else part)
    low = growth.waiting < MOST_LOW or "_HLS_msn" in request.query_params
    return await run_in_threadpool(_file, request, name, show, recording, low)


async def _wait(parts: Services, recording: Recording, form: str, segment: int, piece: int) -> Recording:
    """Wait until there is a segment (`piece` is -1 then) or a piece of it, or until that takes too long."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE
    while playlist.in_pieces(recording, form) and not playlist.has(recording, segment, piece):
        if segment > len(recording.parts) + 1:
            raise UserError("hls-far", "Ask for the next segment or the one after it.", status=400)
        # A piece behind the last one of its segment is the next segment's first.
        if not await growth.beyond(recording.folder / JOURNAL, recording.read, end - loop.time()):
            break
        recording = await run_in_threadpool(shelf.find, parts, recording.folder.name)
    return recording


def _number(request: Request, name: str) -> int | None:
    value = request.query_params.get(name, "")
    return int(value) if re.fullmatch(r"[0-9]{1,7}", value) else None


def _file(request: Request, name: re.Match[str], show: Show, recording: Recording, low: bool) -> Response:
    form, number, piece, kind = name.groups()
    if number is None:
        skip = request.query_params.get("_HLS_skip") in ("YES", "v2")
        text = shelf.playlist(recording, form, over=show.over, skip=skip, low=low)
        return PlainTextResponse(text, headers=FRESH, media_type=PLAYLIST)
    held = recording.takes if kind == "mp4" else recording.parts
    if piece is not None:
        pieces = recording.partials.get(int(number), ())
        if int(piece) >= len(pieces):
            raise _nothing()
        places = pieces[int(piece)].places
    elif int(number) >= len(held):
        raise _nothing()
    elif kind == "mp4":
        places = recording.head(int(number), form)
    else:
        part = recording.parts[int(number)]
        # With Opus a segment is its pieces, one behind the other.
        places = (
            tuple(sorted(part.video + part.sound, key=lambda place: place[1]))
            if form == "opus"
            else part.video + aac.segment(recording, part.number)
        )

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
    endpoints: dict[str, Callable[[Request], Response | Awaitable[Response]]] = {
        "index.m3u8": index,
        "replay.m3u8": replay,
        "chapters.vtt": chapter_list,
        "hls/{name}": file,
    }
    for path, endpoint in endpoints.items():
        yield Route(f"/live/{{room}}/{path}", endpoint)


routes = list(_routes())

"""Videos as files to keep: asked for, watched on their way, downloaded, cancelled.

A viewer may have their own videos, a merchant those of their shop; to anybody else there is no such thing.
"""

import re
from typing import Any, Literal

from babel.dates import format_date
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shop import catalog, merchants
from storage.accounts import Person
from storage.clock import utcnow
from storage.database import Tx
from storage.errors import Conflict, Forbidden, NotFound
from video_assembly import downloads, videos
from video_assembly.downloads import Download, Texts, Wish
from video_assembly.recipes import Recipe
from web.bodies import read_json
from web.i18n import locale_of, money, translate
from web.limits import network_of
from web.ranged import ranged, reader
from web.services import services
from web.sessions import viewer

SCOPES = frozenset({"viewer", "operate", "clips:write"})
UMLAUTS = {ord(letter): plain for letter, plain in zip("äöüß", ("ae", "oe", "ue", "ss"), strict=True)}
# Names of files on every system: letters, digits and what needs no quoting.
NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9-]+")
LONGEST_NAME = 60


class Asked(BaseModel):
    """What the file is to be like."""

    model_config = ConfigDict(extra="forbid")

    form: Literal["9:16", "1:1", "16:9"] = "9:16"
    crossfades: bool = False
    captions: bool = False
    cards: bool = False


async def post_export(request: Request) -> Response:
    """`POST /v1/videos/{id}/export`: 202 and where the file will be; asking again for the same leads to the same."""
    asked = await read_json(request, Asked)
    return await run_in_threadpool(_request, request, Wish(**asked.model_dump()))


def _request(request: Request, wish: Wish) -> Response:
    parts = services(request)
    person = _asker(request)
    parts.limiter.take_all([("file", person.id), ("file-address", network_of(request))])
    now, locale = utcnow(), locale_of(request)
    with parts.db.writing() as tx:
        recipe = _recipe_for(tx, person, request.path_params["id"])
        found = downloads.request(tx, person.id, recipe, wish, _texts(tx, recipe, locale), now)
    location = f"/v1/exports/{found.id}"
    return JSONResponse(export_json(found, locale), 202, headers={"Location": location})


def get_exports(request: Request) -> Response:
    """`GET /v1/exports?video=`: the caller's files that are there or on their way, the newest first."""
    person = _asker(request)
    video = request.query_params.get("video")
    with services(request).db.reading() as tx:
        found = downloads.mine(tx, person.id, utcnow(), video)
    return JSONResponse({"items": [export_json(each, locale_of(request)) for each in found]})


def get_export(request: Request) -> Response:
    """`GET /v1/exports/{id}`: how far the file is, and where it is once it is ready."""
    with services(request).db.reading() as tx:
        found = _own(tx, request)
    return JSONResponse(export_json(found, locale_of(request)))


def get_file(request: Request) -> Response:
    """`GET /v1/exports/{id}/file`: the file, to be kept under a name that says what it is."""
    parts = services(request)
    with parts.db.reading() as tx:
        found = _own(tx, request)
    if found.state != "ready" or found.bytes is None:
        raise Conflict("export-unfinished", "This file is not ready yet.")
    path = parts.media.path(found.media_key)
    if not path.is_file():
        raise NotFound("export-unknown", "There is no such file, or its 24 hours are over. Make it anew.")

    headers = {"Cache-Control": "private, no-store", "Content-Disposition": f'attachment; filename="{_name(found)}"'}
    return ranged(
        request,
        size=found.bytes,
        etag=f'"{found.id}"',
        read=reader(path),
        media_type="video/mp4",
        headers=headers,
    )


def delete_export(request: Request) -> Response:
    """`DELETE /v1/exports/{id}`: stop making it, or delete the file."""
    parts = services(request)
    person = _asker(request)
    with parts.db.writing() as tx:
        found = downloads.one(tx, request.path_params["id"], person.id, utcnow())
        downloads.drop(tx, found.id, person.id)
    parts.media.delete(found.media_key)
    return Response(status_code=204)


def export_json(found: Download, locale: str) -> dict[str, Any]:
    """Return an export in the form of the public interface."""
    wish = found.wanted
    return {
        "id": found.id,
        "video_id": found.recipe_id,
        "form": wish.form,
        "crossfades": wish.crossfades,
        "captions": wish.captions,
        "cards": wish.cards,
        "state": found.state,
        "progress": round(found.progress, 3),
        "reason": found.reason,
        "detail": translate(locale, found.detail) if found.detail else None,
        "bytes": found.bytes,
        "file": f"/v1/exports/{found.id}/file" if found.state == "ready" else None,
        "provenance": found.note,
        "created_at": found.created_at.isoformat().replace("+00:00", "Z"),
        "expires_at": found.expires_at.isoformat().replace("+00:00", "Z") if found.expires_at else None,
    }


def _asker(request: Request) -> Person:
    person: Person | None = request.state.person
    if person is None or person.scopes is None:
        return viewer(request)
    if not person.scopes & SCOPES:
        raise Forbidden("scope-missing", "This token may not do this.")
    return person


def _own(tx: Tx, request: Request) -> Download:
    return downloads.one(tx, request.path_params["id"], _asker(request).id, utcnow())


def _recipe_for(tx: Tx, person: Person, video_id: str) -> Recipe:
    """Return the recipe of a video of one's own, or of one's own shop; raises NotFound for others."""
    now = utcnow()
    try:
        return videos.video(tx, video_id, now, viewer_id=person.id).recipe
    except NotFound:
        shop_id = merchants.merchant_of(tx, person.id)
        if shop_id is None or not person.may("merchant", "clips:write"):
            raise
        recipe = videos.video(tx, video_id, now, viewer_id=None).recipe
        # A greeting is between the shop's pages and its viewer.
        if recipe.merchant_id != shop_id or videos.shareable(tx, recipe, now) != recipe:
            raise
        return recipe


def _texts(tx: Tx, recipe: Recipe, locale: str) -> Texts:
    product = catalog.by_id(tx, [recipe.product_id], locale)[recipe.product_id]
    date = format_date(utcnow(), "long", locale=locale)
    return Texts(
        merchant=product.merchant,
        title=product.title,
        price=money(locale, product.price.amount, product.price.currency),
        note=translate(locale, "Price on {date}", date=date),
        label=translate(locale, "Made with AI"),
        locale=locale,
    )


def _name(found: Download) -> str:
    plain = found.texts.title.translate(UMLAUTS)
    title = NOT_IN_NAMES.sub("-", plain).strip("-")[:LONGEST_NAME] or "video"
    return f"{title}-{found.wanted.form.replace(':', 'x')}.mp4"


routes = [
    Route("/v1/videos/{id}/export", post_export, methods=["POST"]),
    Route("/v1/exports", get_exports),
    Route("/v1/exports/{id}", get_export),
    Route("/v1/exports/{id}", delete_export, methods=["DELETE"]),
    Route("/v1/exports/{id}/file", get_file),
]

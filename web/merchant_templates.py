"""How a merchant's videos are told: the page of templates, with previews and variants, and the same as JSON."""

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shop import catalog, categories, merchants
from storage.clock import utcnow
from storage.database import Tx
from video_assembly import library, previews, search, templates, vetoes
from video_assembly.previews import Preview, Somebody
from video_assembly.recipes import Recipe
from video_assembly.storyboard import Storyboard
from video_assembly.templates import DEFAULT, StoredTemplate, Template, template_of
from web.bodies import read_json
from web.coverage import ROLE_NAMES, spoken
from web.i18n import locale_of, translate
from web.limits import client_of
from web.merchant_access import owner
from web.pages import render
from web.reasons import SEGMENT_REASONS
from web.services import services
from web.sessions import page_for
from web.sharing import share_token

MOST_PRODUCTS = 500
MOST_TASTES = 20
MOST_SEEN = 60
# A preview is played at once or not at all.
PLAYABLE_FOR = timedelta(hours=2)


class Written(BaseModel):
    """A template as it is sent; `rules` are checked by `template_of`."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=200)
    category: str | None = None
    active: bool = False
    rules: dict[str, Any] = Field(default={}, max_length=20)


class Profile(BaseModel):
    """Somebody to be imagined: language, tags from -1 (not at all) to 1, segments seen lately."""

    model_config = ConfigDict(extra="forbid")

    language: str | None = None
    tastes: dict[str, float] = Field(default={}, max_length=MOST_TASTES)
    seen: list[str] = Field(default=[], max_length=MOST_SEEN)


class Wish(BaseModel):
    """For which product, by which rules (None: those that hold), for whom."""

    model_config = ConfigDict(extra="forbid")

    product_id: str
    rules: dict[str, Any] | None = Field(default=None, max_length=20)
    profile: Profile = Profile()
    seed: str = Field(default="preview", max_length=100)


class Campaign(BaseModel):
    """Different videos about one product."""

    model_config = ConfigDict(extra="forbid")

    product_id: str
    rules: dict[str, Any] | None = Field(default=None, max_length=20)
    language: str | None = None
    count: int = Field(default=previews.MOST_VARIANTS, ge=1, le=previews.MOST_VARIANTS)
    seed: str = Field(default="campaign", max_length=100)


class Veto(BaseModel):
    """A video that is not to be made, or may be made again."""

    model_config = ConfigDict(extra="forbid")

    product_id: str
    segment_ids: list[str] = Field(min_length=1, max_length=vetoes.MOST_SEGMENTS)
    vetoed: bool = True


def page(request: Request) -> Response:
    """`GET /merchant/templates`: write rules, see what they make for three people side by side, publish."""
    locale, parts = locale_of(request), services(request)
    with parts.db.reading() as tx:
        merchant_id = owner(tx, request)
        found = catalog.list_products(tx, locale, merchant_id=merchant_id, limit=MOST_PRODUCTS)
        names = categories.category_names(tx, locale)
        state = {
            "templates": [template_json(each) for each in templates.list_templates(tx, merchant_id)],
            "standard": DEFAULT.to_json(),
            "products": [{"id": each.id, "title": each.title, "category": each.category} for each in found],
            "categories": sorted(
                ({"id": each, "name": names.get(each, each)} for each in {product.category for product in found}),
                key=lambda each: each["name"],
            ),
            "tags": search.tags(tx, merchant_id),
            "languages": spoken(tx, merchant_id, locale),
        }
        merchant = merchants.merchant_name(tx, merchant_id)
    return render(request, "merchant-templates.html", merchant=merchant, state=state)


def list_templates(request: Request) -> Response:
    """`GET /v1/templates`: one's own, by name."""
    with services(request).db.reading() as tx:
        found = templates.list_templates(tx, owner(tx, request))
    return JSONResponse({"items": [template_json(each) for each in found]})


async def add_template(request: Request) -> Response:
    """`POST /v1/templates`: a draft, or published when `active`."""
    written = await read_json(request, Written)
    return await run_in_threadpool(_write, request, written, None)


async def edit_template(request: Request) -> Response:
    """`PUT /v1/templates/{id}`: all of it anew; `active` publishes it."""
    written = await read_json(request, Written)
    return await run_in_threadpool(_write, request, written, request.path_params["id"])


def delete_template(request: Request) -> Response:
    """`DELETE /v1/templates/{id}`."""
    parts = services(request)
    parts.limiter.take("write", client_of(request))
    with parts.db.writing() as tx:
        templates.remove_template(tx, request.path_params["id"], owner(tx, request))
    return Response(status_code=204)


async def post_preview(request: Request) -> Response:
    """`POST /v1/preview`: the video that would be made for somebody, with the reason for each segment."""
    wish = await read_json(request, Wish)

    def made() -> Response:
        parts = services(request)
        parts.limiter.take("write", client_of(request))
        rules = None if wish.rules is None else template_of(wish.rules)
        somebody = Somebody(wish.profile.language, _bounded(wish.profile.tastes), wish.profile.seen)
        with parts.db.writing() as tx:
            merchant_id = owner(tx, request)
            found = previews.preview(tx, merchant_id, wish.product_id, rules, somebody, wish.seed, utcnow())
            lenders = _lenders(tx, request, [] if found.board is None else [found.board])
        if found.board is None or found.recipe is None:
            return JSONResponse({"video": None, "detail": _why_not(request, found)})
        return JSONResponse({"video": video_json(request, found.board, found.recipe, lenders), "detail": None})

    return await run_in_threadpool(made)


async def post_campaign(request: Request) -> Response:
    """`POST /v1/campaign`: up to 30 different videos about a product; those ruled out are not among them."""
    wish = await read_json(request, Campaign)

    def made() -> Response:
        parts = services(request)
        parts.limiter.take("write", client_of(request))
        rules = None if wish.rules is None else template_of(wish.rules)
        with parts.db.writing() as tx:
            found = previews.variants(
                tx, owner(tx, request), wish.product_id, rules, wish.language, wish.count, wish.seed, utcnow()
            )
            lenders = _lenders(tx, request, [board for board, _ in found])
        return JSONResponse({"videos": [video_json(request, board, recipe, lenders) for board, recipe in found]})

    return await run_in_threadpool(made)


async def put_veto(request: Request) -> Response:
    """`PUT /v1/vetoes`: never make this video, or allow it again."""
    veto = await read_json(request, Veto)

    def written() -> Response:
        parts = services(request)
        parts.limiter.take("write", client_of(request))
        with parts.db.writing() as tx:
            merchant_id = owner(tx, request)
            for each in set(veto.segment_ids):
                library.segment(tx, each, merchant_id)
            if veto.vetoed:
                vetoes.veto(tx, merchant_id, veto.product_id, veto.segment_ids, utcnow())
            else:
                vetoes.allow(tx, merchant_id, veto.product_id, veto.segment_ids)
        return JSONResponse(veto.model_dump())

    return await run_in_threadpool(written)


def template_json(stored: StoredTemplate) -> dict[str, Any]:
    """Return a template as its merchant sees it."""
    return {
        "id": stored.id,
        "name": stored.name,
        "category": stored.category,
        "active": stored.active,
        "rules": stored.template.to_json(),
    }


def video_json(request: Request, board: Storyboard, recipe: Recipe, lenders: Mapping[str, str]) -> dict[str, Any]:
    """Return a video that was tried out, with an address that plays it for some hours.

    `lenders` are the titles of products that lend it a hook, by id.
    """
    parts, locale = services(request), locale_of(request)
    token = share_token(parts.settings.secret_key(), recipe.id, utcnow() + PLAYABLE_FOR)
    start, segments = 0, []
    for part in board.parts:
        each = part.segment
        segments.append(
            {
                "id": each.id,
                "role": each.role,
                "role_name": translate(locale, ROLE_NAMES[each.role]),
                "start": start / 1000,
                "duration": each.duration_ms / 1000,
                "poster": parts.media.url(each.poster_key),
                "thumbnail": parts.media.url(library.thumb_key(each.digest)),
                "language": each.language,
                "tags": list(each.tags),
                "reason_code": part.reason,
                "reason": translate(locale, SEGMENT_REASONS.get(part.reason, SEGMENT_REASONS["fits-best"])),
                "propensity": part.propensity,
                "lent_by": lenders.get(each.product_id or "") if each.product_id != recipe.product_id else None,
            }
        )
        start += each.duration_ms
    return {
        "id": recipe.id,
        "mp4": f"/v/{recipe.id}.mp4?share={token}",
        "captions": f"/v/{recipe.id}.vtt?share={token}",
        # The first picture of a hook is often a plain ground on which words appear later.
        "poster": segments[0]["thumbnail"],
        "duration": recipe.duration_ms / 1000,
        "segments": segments,
    }


def _lenders(tx: Tx, request: Request, boards: Sequence[Storyboard]) -> dict[str, str]:
    """Return the titles of the products whose segments are in these videos, by id."""
    parts = (part for board in boards for part in board.parts)
    ids = {part.segment.product_id for part in parts if part.segment.product_id is not None}
    return {each.id: each.title for each in catalog.by_id(tx, ids, locale_of(request)).values()}


def _write(request: Request, written: Written, template_id: str | None) -> Response:
    parts = services(request)
    parts.limiter.take("write", client_of(request))
    rules: Template = template_of(written.rules)
    now = utcnow()
    with parts.db.writing() as tx:
        merchant_id = owner(tx, request)
        if template_id is None:
            stored = templates.add_template(
                tx, merchant_id, written.name, rules, now, category=written.category, active=written.active
            )
        else:
            stored = templates.edit_template(
                tx,
                template_id,
                merchant_id,
                now,
                name=written.name,
                template=rules,
                category=written.category,
                active=written.active,
            )
    return JSONResponse(template_json(stored), 201 if template_id is None else 200)


def _bounded(tastes: Mapping[str, float]) -> dict[str, float]:
    return {tag: max(-1.0, min(1.0, taste)) for tag, taste in tastes.items() if math.isfinite(taste)}


def _why_not(request: Request, found: Preview) -> str:
    locale = locale_of(request)
    values = dict(found.values)
    if "role" in values:
        values["role"] = translate(locale, ROLE_NAMES[values["role"]])
    return translate(locale, found.reason, **values)


routes = [
    Route("/merchant/templates", page_for("merchant", page)),
    Route("/v1/templates", list_templates),
    Route("/v1/templates", add_template, methods=["POST"]),
    Route("/v1/templates/{id}", edit_template, methods=["PUT"]),
    Route("/v1/templates/{id}", delete_template, methods=["DELETE"]),
    Route("/v1/preview", post_preview, methods=["POST"]),
    Route("/v1/campaign", post_campaign, methods=["POST"]),
    Route("/v1/vetoes", put_veto, methods=["PUT"]),
]

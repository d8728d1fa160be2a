"""The feed: its page, the same as JSON, and the events that come back from it."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from personalization import consent, events, log, memory, quarantine, state, vocabulary
from personalization.hidden import hidden
from shop import catalog, categories, shows
from shop.catalog import Product
from storage import costs
from storage.accounts import Person
from storage.clock import utcnow
from storage.database import Tx
from storage.errors import Forbidden, NotFound, UserError
from storage.media import Media
from video_assembly import captions, library, recipes, slots, videos
from video_assembly.library import digest_of
from video_assembly.recipes import Recipe
from video_assembly.videos import FeedPage, FeedVideo
from web import ranked, stitching
from web.i18n import locale_of, translate
from web.limits import client_of
from web.pages import render
from web.products import product_json
from web.reasons import PROMOTED, SEGMENT_REASONS, why_json
from web.services import Services, services
from web.sessions import member, viewer
from web.video import share_of, video_for

PAGE = 10
MOST_LISTED = videos.MOST_PLACES
LONGEST_SEED = 100
# The one in front of the feed that the address names has a place before the first
NAMED_PLACE = 0


def get_feed(request: Request) -> Response:
    """`GET /v1/feed?limit=&after=`: the next videos for this viewer, and the rooms that are live.

    `seed=` makes it from that seed instead of the viewer's own, for operators; nothing of it is kept.
    """
    parts = services(request)
    person = viewer(request)
    parts.limiter.take("feed", client_of(request))
    seed = request.query_params.get("seed")
    if seed is not None and not person.may("operator", "operate"):
        raise Forbidden("seed-forbidden", "Only operators choose the seed of a feed.")
    page = page_of(parts, person, _limit(request), request.query_params.get("after"), seed and seed[:LONGEST_SEED])
    return JSONResponse(feed_json(parts, person, page, locale_of(request)))


async def post_batch(request: Request) -> Response:
    """`POST /v1/batch`: events in Segment's shape, 202 with what became of them; without consent none is stored."""
    parts = services(request)
    body = await request.body()

    def ingest() -> dict[str, Any]:
        batch = events.read_batch(body)
        person = viewer(request)
        parts.limiter.take("events", client_of(request))
        counts = parts.writer.write(
            person.id, lambda tx: events.ingest(tx, person.id, batch, utcnow(), recipes.subjects)
        )
        if counts.stored:
            for _, message in batch.messages:
                parts.metrics.events.labels(message.event).inc()
        return {
            "accepted": counts.accepted,
            "duplicate": counts.duplicate,
            "rejected": counts.rejected,
            "stored": counts.stored,
            "rejections": [
                {
                    "index": each.index,
                    "message_id": each.message_id,
                    "code": each.code,
                    "detail": translate(locale_of(request), each.message),
                }
                for each in counts.rejections
            ],
            "unknown": dict(counts.unknown),
            "quarantined": counts.quarantined,
            "version": counts.version,
        }

    return JSONResponse(await run_in_threadpool(ingest), 202)


def tracking_plan(request: Request) -> Response:
    """`GET /v1/tracking-plan`: the JSON schema of each event, for whoever sends or reads them."""
    return JSONResponse(vocabulary.tracking_plan(), headers={"Cache-Control": "public, max-age=3600"})


def quarantined(request: Request) -> Response:
    """`GET /v1/tracking-plan/quarantine`: fields that were sent and that no schema has, for operators."""
    member(request, "operator", "operate")
    with services(request).db.reading() as tx:
        found = quarantine.everything(tx)
    times = ("first_at", "last_at")
    return JSONResponse({"fields": [each | {name: each[name].isoformat() for name in times} for each in found]})


def feed_page(request: Request) -> Response:
    """`GET /feed` and `GET /feed/{video}`: the feed, beginning with the video that the address names."""
    parts = services(request)
    person = viewer(request)
    locale = locale_of(request)
    wanted = request.path_params.get("video", "")
    page = page_of(parts, person, PAGE, None, None)
    first = feed_json(parts, person, page, locale)
    gone = False
    if wanted and wanted not in {each["id"] for each in first["videos"]}:
        try:
            first["videos"].insert(0, _named(request, parts, person, wanted, locale))
        except UserError:
            gone, wanted = True, ""
    with parts.db.reading() as tx:
        agreed = consent.current(tx, person.id)
    return render(
        request,
        "feed.html",
        first=first,
        poster=next((each["poster"] for each in first["videos"] if not wanted or each["id"] == wanted), None),
        start=wanted,
        share=share_of(request),
        gone=gone,
        agreed=agreed.personalise or agreed.measure,
        ask_consent=not agreed.asked,
    )


def page_of(parts: Services, person: Person, limit: int, after: str | None, seed: str | None) -> FeedPage:
    """Return a page of a person's feed: read when the worker was there before, else made now."""
    now = utcnow()

    def make(tx: Tx) -> FeedPage:
        before = time.thread_time()
        made = videos.feed(tx, person.id, limit=limit, now=now, after=after, seed=seed)
        _book(tx, parts, person, now, time.thread_time() - before)
        return made

    with parts.metrics.feeds.time():
        if seed is None:
            with parts.db.reading() as tx:
                found = videos.ready(tx, person.id, limit=limit, now=now, after=after)
            if found is not None:
                return found
        return parts.writer.write(person.id, make)


def _book(tx: Tx, parts: Services, person: Person, now: datetime, cpu: float) -> None:
    """Note what it cost to do here what the worker would have done, and with which it is counted."""
    made = slots.filled_at(tx, person.id, now)
    if made:
        tally = costs.Tally(slots.known_before(tx, person.id, now), made)
        costs.book_work(tx, "assemble", costs.Spent(cpu, 0, 0), tally, parts.settings.watts_per_core, now)


def feed_json(parts: Services, person: Person, page: FeedPage, locale: str) -> dict[str, Any]:
    """Return a page of a feed in the form of the public interface, with what its cards show."""
    with parts.db.reading() as tx:
        named = {each["product_id"] for video in page.videos for each in video.reasons if each.get("product_id")}
        products = catalog.by_id(tx, named | _products_in(page.videos), locale)
        names = categories.category_names(tx, locale)
        liked = _liked(tx, person.id, [video.id for video in page.videos])
        shown = {each.id for video in page.videos for each in video.segments}
        words, spoken = captions.languages(tx, shown), library.spoken(tx, shown)
        rooms = shows.list_shows(tx, states=("live", "reconnecting"))
        if page.profiled and rooms:
            unwanted = {value for kind, value in hidden(memory.load(tx, person.id)[0]) if kind == "host"}
            rooms = [room for room in rooms if room.host_id not in unwanted]
        if len(rooms) > 1:
            now = utcnow()
            rooms = ranked.rooms(tx, state.current(tx, person.id, now), rooms, now)
    return {
        "videos": [
            {
                **_video_json(video, products, parts.media, locale, words, spoken),
                "key": f"{page.version}.{video.place}.{video.id}",
                "promoted": video.promoted,
                "why": [
                    *([_said_to_be_paid(locale)] if video.promoted else []),
                    *[why_json(reason, products, names, locale, page.profiled) for reason in video.reasons],
                ],
                "liked": video.id in liked,
                "shared": False,
            }
            for video in page.videos
            if video.product_id in products
        ],
        "rooms": [
            {"id": room.id, "title": room.title, "host": room.host, "state": room.state, "url": f"/live/{room.id}"}
            for room in rooms
        ],
        "personalized": page.profiled,
        "version": page.version,
        "cursor": page.cursor,
    }


def _said_to_be_paid(locale: str) -> dict[str, Any]:
    return {"code": "promoted", "text": translate(locale, PROMOTED), "at": None}


def _named(request: Request, parts: Services, person: Person, video_id: str, locale: str) -> dict[str, Any]:
    """Return a video that is not on the first page: one from before, or one that somebody shared."""
    playable, own = video_for(request, parts, person, video_id)
    video = _as_place(playable.recipe)
    share = "" if own else share_of(request)
    with parts.db.reading() as tx:
        products = catalog.by_id(tx, _products_in([video]), locale)
        liked = _liked(tx, person.id, [video.id])
        ids = [each.id for each in video.segments]
        words, spoken = captions.languages(tx, ids), library.spoken(tx, ids)
    if video.product_id not in products:
        raise NotFound("video-unknown", "There is no such video.")
    sentence = "You have had this video before." if own else "Somebody shared this video with you."
    shown = _video_json(video, products, parts.media, locale, words, spoken, share)
    token = f"?share={share}" if share else ""
    return {
        **shown,
        "mp4": shown["mp4"] + token,
        "captions": shown["captions"] and shown["captions"] + token,
        "hls": shown["hls"] + token,
        "key": f"named.{video.id}",
        "why": [{"code": "again" if own else "shared", "text": translate(locale, sentence), "at": None}],
        "liked": video.id in liked,
        "shared": not own,
        "promoted": False,
    }


def _as_place(recipe: Recipe) -> FeedVideo:
    start, shown = 0, []
    for each in recipe.ingredients:
        shown.append(
            videos.FeedSegment(
                id=each.id,
                clip_id=each.clip_id,
                product_id=each.product_id,
                role=each.role,
                start_ms=start,
                duration_ms=each.duration_ms,
                poster_key=each.poster_key,
                reason="named",
                propensity=1.0,
            )
        )
        start += each.duration_ms
    return FeedVideo(
        place=NAMED_PLACE,
        id=recipe.id,
        product_id=recipe.product_id,
        merchant_id=recipe.merchant_id,
        duration_ms=recipe.duration_ms,
        kind="named",
        score=0.0,
        parts={},
        propensity=1.0,
        reasons=(),
        segments=tuple(shown),
    )


def _video_json(
    video: FeedVideo,
    products: Mapping[str, Product],
    media: Media,
    locale: str,
    words: Mapping[str, Sequence[str]],
    spoken: Mapping[str, str],
    share: str = "",
) -> dict[str, Any]:
    return {
        "id": video.id,
        "mp4": f"/v/{video.id}.mp4",
        "hls": f"/v/{video.id}.m3u8",
        "hls_preload": stitching.preload(video.id, digest_of(video.poster_key), share),
        "poster": media.url(video.poster_key),
        "captions": f"/v/{video.id}.vtt" if any(each.id in words for each in video.segments) else None,
        "language": next((spoken[each.id] for each in video.segments if each.id in spoken), None),
        "duration": video.duration_ms / 1000,
        "propensity": video.propensity,
        "product": product_json(products[video.product_id], media),
        "segments": [
            {
                "id": each.id,
                "clip_id": each.clip_id,
                "product": _brief(products.get(each.product_id or "")),
                "role": each.role,
                "start": each.start_ms / 1000,
                "duration": each.duration_ms / 1000,
                "reason": translate(locale, SEGMENT_REASONS.get(each.reason, SEGMENT_REASONS["fits-best"])),
                "propensity": each.propensity,
            }
            for each in video.segments
        ],
    }


def _brief(product: Product | None) -> dict[str, Any] | None:
    if product is None:
        return None
    return {"id": product.id, "title": product.title, "price": product.price.json(), "stock": product.stock}


def _products_in(shown: Iterable[FeedVideo]) -> set[str]:
    found = set()
    for video in shown:
        found.add(video.product_id)
        found |= {each.product_id for each in video.segments if each.product_id}
    return found


def _liked(tx: Tx, viewer_id: str, video_ids: Sequence[str]) -> set[str]:
    """Return which of the videos the viewer's last word on was a like."""
    table = log.events
    query = (
        select(table.c.video_id, table.c.name)
        .where(table.c.viewer_id == viewer_id, table.c.name.in_(("Video Liked", "Video Unliked")))
        .where(table.c.video_id.in_(video_ids))
        .order_by(table.c.seq)
    )
    last = {row.video_id: row.name for row in tx.all(query)}
    return {video_id for video_id, name in last.items() if name == "Video Liked"}


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(PAGE))
    if not (text.isdecimal() and text.isascii() and 1 <= int(text[:9]) <= MOST_LISTED):
        raise UserError("limit", "Ask for 1 to {most} items.", field="limit", most=MOST_LISTED)
    return int(text)


routes = [
    Route("/v1/feed", get_feed),
    Route("/v1/tracking-plan", tracking_plan),
    Route("/v1/tracking-plan/quarantine", quarantined),
    Route("/v1/batch", post_batch, methods=["POST"], max_body_size=2 * events.MOST_BYTES),
    Route("/feed", feed_page),
    Route("/feed/{video}", feed_page),
]

"""Signalling over HTTP: WHIP to publish in a room (RFC 9725), WHEP to play it (draft-ietf-wish-whep-03)."""

from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from livestream.client import Answer
from livestream.errors import LiveError
from livestream.offers import MAX_BYTES
from shop import shows
from shop.shows import Show
from storage.accounts import Person
from storage.errors import Conflict, NotFound, UserError
from web import ice, joining, passes, trickle
from web.limits import client_of
from web.problems import on_livestream_error, on_user_error
from web.services import Services, services
from web.sessions import login_of, member

SDP = "application/sdp"
# Players and encoders on other sites may speak to us; what a browser remembers of us is not sent along, because
# credentials are not allowed here and `application/sdp` and DELETE are asked for in advance (Fetch, CORS protocol).
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": f"Location, ETag, Link, Retry-After, {joining.HEADER}",
}
METHODS = {"endpoint": "GET, HEAD, POST, OPTIONS", "session": "GET, HEAD, PATCH, DELETE, OPTIONS"}
# Clients ask the endpoint what its sessions will take: PATCH in this list means that candidates may be trickled.
ALLOWED_METHODS = "GET, HEAD, POST, PATCH, DELETE, OPTIONS"
# Some send the entity tag back under its own name.
ALLOWED_HEADERS = f"Authorization, Content-Type, If-Match, ETag, {joining.HEADER}"
PREFLIGHT_SECONDS = "600"

Endpoint = Callable[[Request], Awaitable[Response]]


def live_scope(room: str) -> str:
    """Return the scope of a token that may publish in a room."""
    return f"live:publish:{room}"


def for_everywhere(endpoint: Endpoint) -> Endpoint:
    """Let pages of other sites read the answer, refusals included."""

    async def answer(request: Request) -> Response:
        try:
            response, result = await endpoint(request), "created"
        except UserError as error:
            response, result = on_user_error(request, error), error.code
        except LiveError as error:
            response, result = on_livestream_error(request, error), error.code
        if request.method == "POST":
            kind = "whip" if request.url.path.endswith("/whip") else "whep"
            services(request).metrics.sessions.labels(kind, result).inc()
        response.headers.update(CORS)
        return response

    return answer


@for_everywhere
async def publish(request: Request) -> Response:
    """`POST /live/{room}/whip`: the host's camera or encoder begins; 201 with the answer and the session's address."""
    parts = services(request)
    sent_here = await passes.take(request, "whip")
    show = await run_in_threadpool(_hosted_show, parts, request)
    if show.over:
        raise Conflict("room-over", "This show is over.")
    parts.limiter.take("offer", client_of(request))
    offer = await _offer(request)
    host = await parts.media_process.elsewhere(show.id, claim=True)
    if host is not None and not sent_here:
        return passes.redirect(request, host, show.id, "whip")
    answer = await parts.media_process.publish(show.id, offer, login=login_of(request))
    return _created(request, "whip", offer, answer)


@for_everywhere
async def play(request: Request) -> Response:
    """`POST /live/{room}/whep`: a viewer's player begins or comes back; nobody has to sign in."""
    parts = services(request)
    sent_here = await passes.take(request, "whep")
    comer = joining.at_the_door(request, request.path_params["room"])
    offer = await _offer(request)
    show = await run_in_threadpool(_show, parts, comer.room)
    if show.over:
        raise Conflict("room-over", "This show is over.")
    host = await parts.media_process.elsewhere(show.id)
    if host is not None and not sent_here:
        return passes.redirect(request, host, show.id, "whep")
    answer, token = await joining.join(request, comer, offer)
    created = _created(request, "whep", offer, answer)
    created.headers[joining.HEADER] = token
    return created


@for_everywhere
async def unpublish(request: Request) -> Response:
    """`DELETE /live/{room}/whip/{session}`: the host is done, the show ends."""
    parts = services(request)
    await passes.take_session(request)
    show = await run_in_threadpool(_hosted_show, parts, request)
    session = request.path_params["session"]
    # The demo's show is a loop: its publisher ends and begins again.
    if parts.rooms.publisher(show.id) == session and not show.demo:
        await parts.rooms.set_state(show.id, "ended")
        await parts.media_process.close(session)
    else:
        await _close(parts, session)
    return Response(status_code=200)


@for_everywhere
async def leave(request: Request) -> Response:
    """`DELETE /live/{room}/whep/{session}`: a viewer is done; who knows the session's address may end it."""
    await _close(services(request), request.path_params["session"])
    return Response(status_code=200)


@for_everywhere
async def nothing(request: Request) -> Response:
    """`GET` of an endpoint or a session: it is there and has no content (RFC 9725 section 4.2)."""
    return Response(status_code=204)


@for_everywhere
async def recognise(request: Request) -> Response:
    """`HEAD /live/{room}/whep`: a generic player sees what it is."""
    return Response(media_type=SDP) if request.method == "HEAD" else Response(status_code=204)


@for_everywhere
async def preflight(request: Request) -> Response:
    """`OPTIONS`: what may be sent here, without asking who."""
    methods = METHODS["session" if "session" in request.path_params else "endpoint"]
    headers = {
        "Accept-Post": SDP,
        "Allow": methods,
        "Access-Control-Allow-Methods": ALLOWED_METHODS,
        "Access-Control-Allow-Headers": ALLOWED_HEADERS,
        "Access-Control-Max-Age": PREFLIGHT_SECONDS,
    }
    if "session" in request.path_params:
        headers["Accept-Patch"] = trickle.FRAGMENT
    response = Response(status_code=204, headers=headers)
    # A browser's preflight comes without a name; our own pages and programs with a token ask with theirs.
    ice.add_links(request, response, known=request.state.person is not None)
    return response


@for_everywhere
async def patch(request: Request) -> Response:
    """`PATCH` of a session: candidates are taken, ICE restarts refused; 404 once it has ended."""
    parts = services(request)
    room, session = request.path_params["room"], request.path_params["session"]
    parts.limiter.take("patch", client_of(request))
    await passes.take_session(request)
    await run_in_threadpool(_hosted_show if "/whip/" in request.url.path else _asked_show, parts, request)
    if _content_type(request) != trickle.FRAGMENT:
        sentence = "Send an SDP fragment with the content type application/trickle-ice-sdpfrag."
        raise UserError("not-a-fragment", sentence, status=415)
    fragment = await _text(request)
    tag = request.headers.get("if-match") or request.headers.get("etag")
    trickle.check_fragment(parts.settings, f"{room}/{session}", tag, fragment)
    if not await parts.media_process.knows(session):
        raise NotFound("session-unknown", "This session is over or never was.")
    return Response(status_code=204)


async def _offer(request: Request) -> str:
    if _content_type(request) != SDP:
        raise UserError("not-sdp", "Send an SDP offer with the content type application/sdp.", status=415)
    return await _text(request)


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


async def _text(request: Request) -> str:
    too_large = UserError("sdp-too-large", "The SDP offer is larger than 32 kB.", status=413)
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > MAX_BYTES:
        raise too_large
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise too_large
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise UserError("sdp-malformed", "The body is not an SDP offer.") from error


def _show(parts: Services, room: str) -> Show:
    with parts.db.reading() as tx:
        return shows.show(tx, room)


def _asked_show(parts: Services, request: Request) -> Show:
    return _show(parts, request.path_params["room"])


def _hosted_show(parts: Services, request: Request) -> Show:
    room = request.path_params["room"]
    return hosted_show(parts, room, room_host(request, room))


def room_host(request: Request, room: str) -> Person:
    """Return the host who asks, by session or by a token for this room or for all of theirs."""
    person: Person | None = request.state.person
    every = person is not None and person.scopes is not None and live_scope("*") in person.scopes
    return member(request, "host", live_scope("*" if every else room))


def hosted_show(parts: Services, room: str, host: Person) -> Show:
    """Return a show of this host; somebody else's is as unknown as one that is not there. Raises NotFound."""
    show = _show(parts, room)
    if show.host_id != host.id:
        raise NotFound("room-unknown", "There is no such room.")
    return show


async def _close(parts: Services, session: str) -> None:
    if not await parts.media_process.close(session):
        raise NotFound("session-unknown", "This session is over or never was.")


def _created(request: Request, door: str, offer: str, answer: Answer) -> Response:
    room = request.path_params["room"]
    person: Person | None = request.state.person
    by_pass = door == "whip" and passes.QUERY in request.query_params and person is not None
    query = passes.session_query(request, room, answer.session, person.id) if by_pass and person else ""
    headers = {
        "Location": f"/live/{room}/{door}/{answer.session}{query}",
        "ETag": trickle.entity_tag(services(request).settings, f"{room}/{answer.session}", offer),
        "Cache-Control": "no-store",
    }
    response = Response(answer.sdp, 201, headers=headers, media_type=SDP)
    # Somebody is live here and this client watches or publishes: it may have a relay, too.
    ice.add_links(request, response, known=True)
    return response


routes = [
    Route("/live/{room}/whip", preflight, methods=["OPTIONS"]),
    Route("/live/{room}/whip", publish, methods=["POST"]),
    Route("/live/{room}/whip", nothing, methods=["GET"]),
    Route("/live/{room}/whip/{session}", preflight, methods=["OPTIONS"]),
    Route("/live/{room}/whip/{session}", unpublish, methods=["DELETE"]),
    Route("/live/{room}/whip/{session}", patch, methods=["PATCH"]),
    Route("/live/{room}/whip/{session}", nothing, methods=["GET"]),
    Route("/live/{room}/whep", preflight, methods=["OPTIONS"]),
    Route("/live/{room}/whep", play, methods=["POST"]),
    Route("/live/{room}/whep", recognise, methods=["GET"]),
    Route("/live/{room}/whep/{session}", preflight, methods=["OPTIONS"]),
    Route("/live/{room}/whep/{session}", leave, methods=["DELETE"]),
    Route("/live/{room}/whep/{session}", patch, methods=["PATCH"]),
    Route("/live/{room}/whep/{session}", nothing, methods=["GET"]),
]

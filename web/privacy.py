"""What a viewer agrees to: the question's answer, to be read and changed at any time."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from personalization import consent
from personalization.consent import Consent
from storage.clock import utcnow
from video_assembly import videos
from web.bodies import read_json
from web.services import services
from web.sessions import viewer

# The wording of templates/feed.html and templates/account.html; a new wording gets a new one.
TEXT_VERSION = "2026-11-26"


class Purposes(BaseModel):
    """What is agreed to or withdrawn; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")
    personalise: bool | None = None
    measure: bool | None = None


class Answer(BaseModel):
    """A viewer's answer, and where it was given."""

    model_config = ConfigDict(extra="forbid")
    purposes: Purposes
    source: str = Field("api", max_length=40, pattern=r"^[a-z0-9-]+$")


def get_consent(request: Request) -> Response:
    """`GET /v1/me/consent`: what the viewer agrees to, and whether they were asked."""
    person = viewer(request)
    with services(request).db.reading() as tx:
        return JSONResponse(consent_json(consent.current(tx, person.id)))


async def put_consent(request: Request) -> Response:
    """`PUT /v1/me/consent`: agree to a purpose or withdraw from it; what was withdrawn from is deleted at once."""
    parts = services(request)
    answer = await read_json(request, Answer)

    def put() -> dict[str, Any]:
        person = viewer(request)
        parts.limiter.take("write", person.id)
        given = {name: value for name, value in answer.purposes.model_dump().items() if value is not None}
        with parts.db.writing() as tx:
            before = consent.current(tx, person.id)
            purposes = {name: given.get(name, getattr(before, name)) for name in consent.PURPOSES}
            now = utcnow()
            consent.put(tx, person.id, **purposes, text_version=TEXT_VERSION, source=answer.source, now=now)
            if before.personalise and not purposes["personalise"]:
                videos.forget_profile(tx, person.id, now)
            return consent_json(consent.current(tx, person.id))

    return JSONResponse(await run_in_threadpool(put))


def consent_json(given: Consent) -> dict[str, Any]:
    """Return a consent in the form of the public interface."""
    return {"asked": given.asked, "purposes": {name: getattr(given, name) for name in consent.PURPOSES}}


routes = [
    Route("/v1/me/consent", get_consent),
    Route("/v1/me/consent", put_consent, methods=["PUT"]),
]

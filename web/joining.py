"""Who may take a viewer's place in a room: limits for newcomers, tokens for those whose connection was lost."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request

from livestream.client import Answer
from livestream.errors import LiveError
from storage.accounts import Person
from storage.clock import utcnow
from web.limits import client_of, network_of
from web.services import services
from web.sessions import login_of
from web.signing import sign, unsign

HEADER = "Vitrine-Resume"
PURPOSE = "resume"
# Longer than any show; a player that was away longer comes in as everybody does.
RESUME_LIFE = timedelta(hours=12)


@dataclass(frozen=True)
class Comer:
    """Somebody at a room's door.

    `line` goes on from session to session of one player, so that a token is worth one place, not as many as one asks
    for; `resume` is the lost session whose place is claimed.
    """

    room: str
    person: str
    login: str
    line: str
    resume: str | None


def at_the_door(request: Request, room: str) -> Comer:
    """Read who comes, and count the attempt; raises TooMany. A token that is not theirs or too old is no token."""
    parts = services(request)
    person: Person | None = request.state.person
    who = person.id if person is not None else ""
    said = unsign(parts.settings.secret_key(), PURPOSE, request.headers.get(HEADER, ""), utcnow())
    if said is None or said["room"] != room or said["person"] != who:
        parts.limiter.take("join", client_of(request))
        return Comer(room, who, login_of(request), secrets.token_urlsafe(12), None)
    parts.limiter.take("resume", said["line"])
    return Comer(room, who, login_of(request), said["line"], said["session"])


async def join(request: Request, comer: Comer, offer: str) -> tuple[Answer, str]:
    """Have the media process answer an offer; returns its answer and the token for the next time.

    Raises TooMany and what MediaClient.play raises. Only connections count for the limit of newcomers: who is told to
    try again, because nobody is live yet, may do so.
    """
    parts = services(request)
    counted = [("offer-person", comer.person)] if comer.person else []
    counted.append(("offer-address", network_of(request)))
    if comer.resume is None:
        parts.limiter.take_all(counted)
    try:
        answer = await parts.media_process.play(
            comer.room, offer, owner=comer.person or comer.line, login=comer.login, resume=comer.resume
        )
    except LiveError:
        if comer.resume is None:
            parts.limiter.give_back(counted)
        raise
    said = {"room": comer.room, "person": comer.person, "session": answer.session, "line": comer.line}
    return answer, sign(parts.settings.secret_key(), PURPOSE, said, utcnow() + RESUME_LIFE)

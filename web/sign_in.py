"""Sign-up, sign-in, sign-out, invitations, the account page and the choice of language."""

import re
from typing import Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from personalization import adoption, consent
from shop import carts, merchants, orders
from storage import accounts
from storage.accounts import Person
from storage.clock import utcnow
from storage.errors import NotFound, UserError
from web import demo
from web.hidden import hidden_from
from web.i18n import COOKIE, LOCALES, locale_of
from web.limits import at_this_machine, network_of
from web.pages import render
from web.services import Services, services
from web.sessions import login_of, session_token, start_session, viewer

# Not a proof that mail arrives there, only that it is no slip of the hand.
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]{2,}")
LONGEST_EMAIL = 254
LONGEST_NAME = 80
LONGEST_PASSWORD = 200


def home_of(person: Person) -> str:
    """Return the page on which people of this kind start their work."""
    for role, path in (("merchant", "/merchant"), ("host", "/studio"), ("operator", "/operator")):
        if role in person.roles:
            return path
    return "/feed"


def local_path(wish: str) -> str:
    """Return `wish` when it is a path on this site, else an empty string: no redirect leads away."""
    parts = urlsplit(wish)
    local = wish.startswith("/") and not wish.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return wish if local else ""


def sign_in_page(request: Request) -> Response:
    """`GET /sign-in`: the form; in the demo also one button for each persona and role."""
    parts = services(request)
    people = _demo_people(parts) if _demo_allowed(request) else []
    return render(
        request,
        "sign-in.html",
        next=local_path(request.query_params.get("next", "")),
        email="",
        people=people,
        interests=_interests(locale_of(request)),
        error="",
        learnt=_learnt(request),
    )


async def sign_in(request: Request) -> Response:
    """`POST /sign-in`: a session under a new token, or the form again; both take the same time."""
    parts = services(request)
    email, password, wish, merge = await _fields(request, "email", "password", "next", "merge")
    email = email.strip().lower()
    parts.limiter.take("sign-in-anyone", network_of(request))
    parts.limiter.take("sign-in", f"{network_of(request)} {email}")

    def attempt() -> Person | None:
        with parts.db.reading() as tx:
            found = accounts.by_email(tx, email)
        if not accounts.password_fits(found[1] if found else None, password[:LONGEST_PASSWORD]) or found is None:
            return None
        return _begin(request, parts, found[0], merge=merge == "yes")

    person = await run_in_threadpool(attempt)
    if person is None:
        people = await run_in_threadpool(_demo_people, parts) if _demo_allowed(request) else []
        return render(
            request,
            "sign-in.html",
            status_code=422,
            next=local_path(wish),
            email=email,
            people=people,
            interests=_interests(locale_of(request)),
            error="E-mail address and password do not belong together.",
            learnt=await run_in_threadpool(_learnt, request),
        )
    return RedirectResponse(local_path(wish) or home_of(person), 303)


def sign_up_page(request: Request) -> Response:
    """`GET /sign-up`: the form for viewers."""
    wish = local_path(request.query_params.get("next", ""))
    return render(request, "sign-up.html", email="", name="", error="", next=wish, invited="", action="/sign-up")


async def sign_up(request: Request) -> Response:
    """`POST /sign-up`: an account that keeps what the guest had."""
    return await _sign_up(request, invite=None)


def welcome_page(request: Request) -> Response:
    """`GET /welcome/{token}`: the form behind a one-time link."""
    with services(request).db.reading() as tx:
        role, note = accounts.open_invite(tx, request.path_params["token"], utcnow())
    return render(
        request,
        "sign-up.html",
        email="",
        name="",
        error="",
        next="",
        invited=note or role,
        action=request.url.path,
    )


async def welcome(request: Request) -> Response:
    """`POST /welcome/{token}`: an account with the role of the invitation."""
    return await _sign_up(request, invite=request.path_params["token"])


async def sign_out(request: Request) -> Response:
    """`POST /sign-out`: end this session."""
    parts = services(request)

    def end() -> None:
        token = session_token(request)
        if token:
            with parts.db.writing() as tx:
                accounts.close_session(tx, token)
        start_session(request, "")

    login = login_of(request)
    await run_in_threadpool(end)
    # The row's fact says it to every process; this one does not wait for the broker.
    parts.logins.end(login)
    return RedirectResponse("/", 303)


async def demo_sign_in(request: Request) -> Response:
    """`POST /demo/sign-in`: become one of the demo's people; loopback and demo mode only."""
    parts = services(request)
    if not _demo_allowed(request):
        raise NotFound("not-found", "There is nothing at this address.")
    person_id, wish, seen = await _fields(request, "person_id", "next", "lang")
    locale = seen if seen in LOCALES else locale_of(request)

    def begin() -> Person:
        if person_id not in {person.id for person in _demo_people(parts)}:
            raise NotFound("person-unknown", "There is no such person.")
        return _begin(request, parts, person_id)

    person = await run_in_threadpool(begin)
    # Who looks around as somebody else goes on in the own language, not in that person's
    return _speaking(locale, request, RedirectResponse(local_path(wish) or home_of(person), 303))


def account_page(request: Request) -> Response:
    """`GET /account`: who I am here, my orders, my choices."""
    parts = services(request)
    person = viewer(request)
    with parts.db.reading() as tx:
        context: dict[str, Any] = {
            "hidden": hidden_from(tx, person.id, locale_of(request)),
            "orders": orders.list_orders(tx, person.id),
            "consent": consent.current(tx, person.id),
            "merchant": merchants.merchant_of(tx, person.id),
        }
    return render(request, "account.html", **context)


async def choose_language(request: Request) -> Response:
    """`POST /language`: remember the language in a cookie and in the account."""
    parts = services(request)
    wish, back = await _fields(request, "lang", "next")
    if wish not in LOCALES:
        raise UserError("language-unknown", "This language is not spoken here.")
    person: Person | None = request.state.person
    if person is not None:
        await run_in_threadpool(_remember_locale, parts, person.id, wish)
    return _speaking(wish, request, RedirectResponse(local_path(back) or "/", 303))


async def _sign_up(request: Request, invite: str | None) -> Response:
    parts = services(request)
    parts.limiter.take("sign-up", network_of(request))
    email, name, password, wish = await _fields(request, "email", "name", "password", "next")
    email, name = email.strip().lower(), name.strip()

    def attempt() -> Person:
        if not EMAIL.fullmatch(email) or len(email) > LONGEST_EMAIL:
            raise UserError("email-odd", "This is not an e-mail address. It looks like name@example.org.")
        if not 1 <= len(name) <= LONGEST_NAME:
            raise UserError("name-missing", "Tell us a name of at most {most} characters.", most=LONGEST_NAME)
        stored = accounts.hash_password(password[:LONGEST_PASSWORD])
        now = utcnow()
        guest: Person | None = request.state.person
        guest_id = guest.id if guest is not None and guest.guest else None
        with parts.db.writing() as tx:
            role, note = accounts.use_invite(tx, invite, now) if invite else (None, "")
            locale = locale_of(request)
            person_id = accounts.sign_up(tx, email, name, stored, locale, now, guest_id=guest_id, role=role)
            if role == "merchant":
                shop_name = note or name
                merchant_id = merchants.add_merchant(tx, f"{_slug(shop_name)}-{person_id[-6:]}", shop_name)
                merchants.join_merchant(tx, person_id, merchant_id)
        return _begin(request, parts, person_id)

    try:
        person = await run_in_threadpool(attempt)
    except NotFound:
        raise
    except UserError as error:
        return render(
            request,
            "sign-up.html",
            status_code=error.status,
            email=email,
            name=name,
            error=error.message,
            values=error.extra,
            next=local_path(wish),
            invited="",
            action=request.url.path,
        )
    return RedirectResponse(local_path(wish) or home_of(person), 303)


def _begin(request: Request, parts: Services, person_id: str, *, merge: bool = False) -> Person:
    """Open a session under a new token, end the old one and take the guest's cart along; the profile with `merge`."""
    now = utcnow()
    before: Person | None = request.state.person
    with parts.db.writing() as tx:
        token = session_token(request)
        if token:
            accounts.close_session(tx, token)
        if before is not None and before.guest and before.id != person_id:
            carts.merge_carts(tx, before.id, person_id)
            orders.adopt_orders(tx, before.id, person_id)
            if merge:
                adoption.adopt(tx, before.id, person_id, now)
        start_session(request, accounts.open_session(tx, person_id, now))
        person = accounts.person(tx, person_id)
    request.state.person = person
    return person


def _learnt(request: Request) -> int:
    """Return how many things a guest's profile rests on, which may be taken along."""
    guest: Person | None = request.state.person
    if guest is None or not guest.guest:
        return 0
    with services(request).db.reading() as tx:
        return adoption.learnt(tx, guest.id)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")[:40] or "shop"


def _speaking(locale: str, request: Request, response: Response) -> Response:
    """Keep a language in the browser."""
    response.set_cookie(COOKIE, locale, max_age=365 * 86_400, samesite="lax", secure=request.url.scheme == "https")
    return response


def _remember_locale(parts: Services, person_id: str, locale: str) -> None:
    with parts.db.writing() as tx:
        accounts.set_locale(tx, person_id, locale)


def _demo_allowed(request: Request) -> bool:
    return services(request).settings.demo and at_this_machine(request)


def _demo_people(parts: Services) -> list[Person]:
    with parts.db.reading() as tx:
        ids = demo.people(tx)
        personas = [each["handle"] for each in demo.catalogue()["personas"]]
        # viewers first: most who look around want to watch
        return [accounts.person(tx, ids[handle]) for handle in sorted(ids, key=lambda handle: handle not in personas)]


def _interests(locale: str) -> dict[str, str]:
    return {each["name"]: each["interests"][locale] for each in demo.catalogue()["personas"]}


async def _fields(request: Request, *names: str) -> list[str]:
    form = await request.form(max_files=0, max_fields=20)
    return [value if isinstance(value := form.get(name, ""), str) else "" for name in names]


routes = [
    Route("/sign-in", sign_in_page),
    Route("/sign-in", sign_in, methods=["POST"]),
    Route("/sign-up", sign_up_page),
    Route("/sign-up", sign_up, methods=["POST"]),
    Route("/sign-out", sign_out, methods=["POST"]),
    Route("/welcome/{token}", welcome_page),
    Route("/welcome/{token}", welcome, methods=["POST"]),
    Route("/demo/sign-in", demo_sign_in, methods=["POST"]),
    Route("/account", account_page),
    Route("/language", choose_language, methods=["POST"]),
]

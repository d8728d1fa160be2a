"""The interest profile in plain words: read, corrected and switched off by its viewer, as a page and as JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from personalization import assortment, imports, interests, memory
from personalization.corrections import CONFIRMED, EVENT_FORGOTTEN, FORGOTTEN, LEAST, MOST, REJECTED, Correction
from personalization.hypotheses import Guess
from personalization.interests import STEP, Change, Interest, View
from personalization.profile import Evidence, Key
from shop import catalog, categories, merchants
from shop.catalog import Product
from storage import accounts
from storage.clock import utcnow
from storage.database import EPOCH, MILLISECOND, Tx
from storage.errors import NotFound, UserError
from storage.ids import new_id
from video_assembly import videos
from web.bodies import checked, read_json
from web.hidden import hidden_from
from web.i18n import locale_of, translate
from web.pages import render
from web.reasons import AGAINST, EVENTS, EVENTS_HERE, LITTLE, VALUES, code_of
from web.services import Services, services
from web.sessions import viewer

MOST_AT_ONCE = 20
Kind = Literal["product", "brand", "category", "merchant", "host", "value"]
KINDS = {
    "product": "Product",
    "brand": "Brand",
    "category": "Category",
    "merchant": "Shop",
    "host": "Host",
    "value": "What I value",
}
# What is guessed, by the traits of personalization.hypotheses.
GUESS = "You like something special."
GUESSES = {
    "child": "You buy for a child.",
    "linen": "You like linen.",
    "wool": "You like wool.",
    "wood": "You like wood.",
    "sustainable": "You care for what lasts and harms little.",
    "handmade": "You like what is made by hand.",
    "waterproof": "You are out in the rain.",
    "gift": "You look for gifts.",
}
# How strong an interest is, in words, from the strongest; the first that is reached.
STRENGTHS = (
    (0.6, "You like this very much."),
    (0.3, "You like this."),
    (0.0, "You may like this."),
    (-0.3, "You may care less for this."),
    (-1.0, "You care little for this."),
)
# What is said above the page after a form was sent, by what it did.
DONE = {
    "more": "Done. You will see more of this.",
    "less": "Done. You will see less of this.",
    "forget": "Forgotten. What you do from now on counts anew.",
    "forget-event": "Forgotten. It counts no more.",
    "add": "Done. You will see more of this.",
    "undo": "Taken back.",
    "surprise": "Done. Your feed changes with the next videos.",
    "profiled-on": "Your feed follows your interests again.",
    "profiled-off": "Your feed is the same as everybody's now. Your profile waits here.",
    "paused-on": "Paused. What you do now is not kept.",
    "paused-off": "Your feed learns again.",
    "promoted-on": "Done. What shops pay for may come up more often, and is marked.",
    "promoted-off": "Done. Nothing comes up because somebody pays for it.",
    "confirm": "Confirmed. You will see more of this.",
    "reject": "Deleted. We will not guess this again.",
}


class About(BaseModel):
    """Something to care for."""

    model_config = ConfigDict(extra="forbid")
    kind: Kind
    value: str = Field(min_length=1, max_length=120)

    @property
    def key(self) -> Key:
        """It as the profile has it."""
        return (self.kind, self.value)


class Stated(About):
    """How much to care for it."""

    weight: float = Field(ge=LEAST, le=MOST, allow_inf_nan=False)


class Patch(BaseModel):
    """A change to the profile; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")
    personalised: bool | None = None
    paused: bool | None = None
    surprise: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    promoted: bool | None = None
    set: list[Stated] = Field([], max_length=MOST_AT_ONCE)
    forget: list[About] = Field([], max_length=MOST_AT_ONCE)
    forget_events: list[str] = Field([], max_length=MOST_AT_ONCE)
    undo: list[str] = Field([], max_length=MOST_AT_ONCE)
    confirm: list[str] = Field([], max_length=MOST_AT_ONCE)
    reject: list[str] = Field([], max_length=MOST_AT_ONCE)


@dataclass(frozen=True)
class Names:
    """What people call the things that a profile is about."""

    locale: str
    products: Mapping[str, Product]
    categories: Mapping[str, str]
    merchants: Mapping[str, str]
    hosts: Mapping[str, str]

    def of(self, key: Key) -> str:
        """Return a name, an empty one for what is gone from the shop."""
        kind, value = key
        if kind == "product":
            return self.products[value].title if value in self.products else ""
        if kind == "merchant":
            return self.merchants.get(value, "")
        if kind == "host":
            return self.hosts.get(value, "")
        if kind == "value":
            return translate(self.locale, VALUES.get(value, value))
        return self.categories.get(value, value) if kind == "category" else value


def get_profile(request: Request) -> Response:
    """`GET /v1/me/profile`: the profile in plain words, each interest with the events behind it."""
    parts = services(request)
    person = viewer(request)
    with parts.db.reading() as tx:
        return JSONResponse(profile_json(tx, person.id, locale_of(request)))


async def patch_profile(request: Request) -> Response:
    """`PATCH /v1/me/profile`: correct it, take a correction back, pause, set the share of surprises, switch it off."""
    parts = services(request)
    patch = await read_json(request, Patch)
    locale = locale_of(request)

    def put() -> dict[str, Any]:
        person = viewer(request)
        apply(parts, person.id, patch)
        with parts.db.reading() as tx:
            return profile_json(tx, person.id, locale)

    return JSONResponse(await run_in_threadpool(put))


def apply(parts: Services, viewer_id: str, patch: Patch) -> None:
    """Carry out a change; the feed of before is given up."""
    parts.limiter.take("write", viewer_id)
    wanted = Change(
        profiled=patch.personalised,
        paused=patch.paused,
        surprise=patch.surprise,
        promoted=patch.promoted,
        state=[(each.key, each.weight) for each in patch.set],
        forget=[each.key for each in patch.forget],
        forget_events=patch.forget_events,
        undo=patch.undo,
        confirm=patch.confirm,
        reject=patch.reject,
    )
    ids = [new_id() for _ in range(6 * MOST_AT_ONCE)]
    now = utcnow()
    with parts.db.writing() as tx:
        interests.change(tx, viewer_id, wanted, ids, now)
        if patch.personalised is False:
            videos.forget_profile(tx, viewer_id, now)
        if patch.promoted is not None:
            videos.give_up(tx, viewer_id, now)


def page(request: Request) -> Response:
    """`GET /me/interests`: the same as a page whose buttons are plain forms."""
    parts = services(request)
    person = viewer(request)
    locale = locale_of(request)
    with parts.db.reading() as tx:
        found = interests.view(tx, person.id, utcnow())
        names = names_for(tx, found, locale)
        shown = [_shown(each, names) for each in found.interests if names.of(each.key)]
        context: dict[str, Any] = {
            "profile": found,
            "likes": [each for each in shown if each["strength"] > 0],
            "less": [each for each in shown if each["strength"] < 0],
            "hidden": hidden_from(tx, person.id, locale),
            "guesses": [each for each in map(_guessed, found.guesses, [names] * len(found.guesses)) if each["open"]],
            "corrections": [_corrected(each, names) for each in found.corrections],
            "addable": _addable(tx, found, locale),
            "kinds": KINDS,
            "done": DONE.get(request.query_params.get("done", ""), ""),
            "undo": _undoable(found, request.query_params.get("undo", "")),
        }
    return render(request, "interests.html", **context)


async def post(request: Request) -> Response:
    """`POST /me/interests`: one button of the page."""
    parts = services(request)
    async with request.form(max_files=0, max_fields=8) as form:
        said = {name: value for name in form if isinstance(value := form[name], str)}

    def put() -> Response:
        person = viewer(request)
        act = said.get("act", "")
        patch = _pressed(act, said, parts, person.id)
        apply(parts, person.id, patch)
        undo = ""
        if patch.set or patch.forget or patch.forget_events or patch.confirm or patch.reject:
            with parts.db.reading() as tx:
                newest = interests.view(tx, person.id, utcnow()).corrections
            undo = f"&undo={newest[0].id}" if newest else ""
        done = f"{act}-{said.get('to')}" if act in ("profiled", "paused", "promoted") else act
        return RedirectResponse(f"/me/interests?done={done}{undo}", 303)

    return await run_in_threadpool(put)


def profile_json(tx: Tx, viewer_id: str, locale: str) -> dict[str, Any]:
    """Return a profile in the form of the public interface."""
    found = interests.view(tx, viewer_id, utcnow())
    names = names_for(tx, found, locale)
    return {
        "personalised": found.choices.profiled and found.agreed.personalise,
        "consent": found.agreed.personalise,
        "paused": found.choices.paused,
        "compared": found.compared,
        "surprise": found.choices.surprise,
        "promoted": found.choices.promoted,
        "version": found.version,
        "events": found.events,
        "interests": [_shown(each, names) for each in found.interests if names.of(each.key)],
        "hidden": [
            {"kind": each.kind, "value": each.value, "name": each.name} for each in hidden_from(tx, viewer_id, locale)
        ],
        "guesses": [_guessed(each, names) for each in found.guesses],
        "corrections": [_corrected(each, names) for each in found.corrections],
    }


def names_for(tx: Tx, found: View, locale: str) -> Names:
    """Look up the names of everything that a view is about."""
    keys = {each.key for each in found.interests} | {each.key for each in found.corrections if each.key}
    evidence = {each.product_id for interest in found.interests for each in interest.evidence if each.product_id}
    shops: dict[str, str] = {}
    for kind, value in keys:
        if kind == "merchant":
            try:
                shops[value] = merchants.merchant_name(tx, value)
            except NotFound:
                continue
    return Names(
        locale,
        catalog.by_id(tx, evidence | {value for kind, value in keys if kind == "product"}, locale),
        categories.category_names(tx, locale),
        shops,
        {value: accounts.name_of(tx, value) for kind, value in keys if kind == "host"},
    )


def _pressed(act: str, said: Mapping[str, str], parts: Services, viewer_id: str) -> Patch:
    about = {"kind": said.get("kind"), "value": said.get("value")}
    if act == "add":
        kind, _, value = said.get("interest", "").partition(":")
        return checked(Patch, {"set": [{"kind": kind, "value": value, "weight": STEP}]})
    if act in ("more", "less"):
        with parts.db.reading() as tx:
            taste = memory.load(tx, viewer_id)[0].tastes.get((str(about["kind"]), str(about["value"])))
        weight = (taste.long if taste else 0.0) + (STEP if act == "more" else -STEP)
        return checked(Patch, {"set": [{**about, "weight": min(max(weight, LEAST), MOST)}]})
    if act == "forget":
        return checked(Patch, {"forget": [about]})
    if act == "forget-event":
        return checked(Patch, {"forget_events": [said.get("event", "")]})
    if act == "undo":
        return checked(Patch, {"undo": [said.get("correction", "")]})
    if act in ("confirm", "reject"):
        return checked(Patch, {act: [said.get("trait", "")]})
    if act == "surprise":
        return checked(Patch, {"surprise": said.get("surprise")})
    if act in ("profiled", "paused", "promoted"):
        return checked(Patch, {"personalised" if act == "profiled" else act: said.get("to") == "on"})
    raise UserError("action-unknown", "This button is from another version of the page. Open the page again.")


def _shown(each: Interest, names: Names) -> dict[str, Any]:
    kind, value = each.key
    words = next(sentence for least, sentence in STRENGTHS if each.strength >= least)
    return {
        "kind": kind,
        "value": value,
        "name": names.of(each.key),
        "weight": round(each.weight, 4),
        "strength": round(each.strength, 4),
        "stated": each.stated,
        "text": translate(names.locale, words),
        "evidence": [_evidence(one, each.key, names) for one in each.evidence],
    }


def _evidence(one: Evidence, key: Key, names: Names) -> dict[str, Any]:
    code = code_of(one.name)
    other, here = AGAINST.get(one.name, LITTLE) if one.weight < 0 else (EVENTS[code], EVENTS_HERE[code])
    product = names.products.get(one.product_id or "")
    if product is None or key == ("product", one.product_id):
        text = translate(names.locale, here)
    else:
        text = translate(names.locale, other, product=product.title)
    source = imports.source_of(one.event_id)
    if source:
        text += " " + translate(names.locale, "We have this from {source}.", source=source)
    at = (EPOCH + one.at * MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"event_id": one.event_id, "event": one.name, "text": text, "at": at, "weight": one.weight}


def _guessed(each: Guess, names: Names) -> dict[str, Any]:
    return {
        "trait": each.trait,
        "text": translate(names.locale, GUESSES.get(each.trait, GUESS)),
        "state": each.state,
        "probability": round(each.probability, 4),
        "evidence": translate(
            names.locale,
            "You welcomed {welcomed} of {shown} such videos, and {others_welcomed} of {others_shown} others.",
            welcomed=each.welcomed,
            shown=max(each.shown, each.welcomed),
            others_welcomed=each.others_welcomed,
            others_shown=max(each.others_shown, each.others_welcomed),
        ),
        "open": each.state in ("open", "kept", "confirmed"),
    }


def _corrected(each: Correction, names: Names) -> dict[str, Any]:
    name = names.of(each.key) if each.key else ""
    if each.name in (CONFIRMED, REJECTED):
        guess = translate(names.locale, GUESSES.get(each.target or "", GUESS))
        if each.name == CONFIRMED:
            text = translate(names.locale, "You said that this is true: {guess}", guess=guess)
        else:
            text = translate(names.locale, "You said that this is not true: {guess}", guess=guess)
    elif each.name == FORGOTTEN:
        text = translate(names.locale, "You had “{name}” forgotten.", name=name or "–")
    elif each.name == EVENT_FORGOTTEN:
        text = translate(names.locale, "You had something forgotten that you did here.")
    elif (each.amount or 0) > 0:
        text = translate(names.locale, "You said that you like “{name}”.", name=name or "–")
    else:
        text = translate(names.locale, "You said that you care little for “{name}”.", name=name or "–")
    return {"id": each.id, "text": text, "at": each.at.isoformat().replace("+00:00", "Z")}


def _undoable(found: View, correction_id: str) -> str:
    return next((each.id for each in found.corrections if each.id == correction_id), "")


def _addable(tx: Tx, found: View, locale: str) -> list[tuple[str, str, str]]:
    """Return (kind, value, name) of the categories, brands and traits on sale that are not yet among the interests."""
    there = {each.key for each in found.interests if each.weight > 0}
    on_sale = assortment.current(tx, utcnow())
    facts = on_sale.facts.values()
    names = categories.category_names(tx, locale)
    found_here: Iterable[tuple[str, str, str]] = {
        *(("category", each.category, names.get(each.category, each.category)) for each in facts),
        *(("brand", each.brand, each.brand) for each in facts if each.brand),
        *(("value", each, translate(locale, name)) for each, name in VALUES.items() if on_sale.having(each)),
    }
    wanted = [each for each in found_here if each[:2] not in there and each[1]]
    return sorted(wanted, key=lambda each: (each[0] != "category", each[2].casefold()))


routes = [
    Route("/v1/me/profile", get_profile),
    Route("/v1/me/profile", patch_profile, methods=["PATCH"]),
    Route("/me/interests", page),
    Route("/me/interests", post, methods=["POST"]),
]

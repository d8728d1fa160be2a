"""Everything about me: taken along as a ZIP, or erased for good."""

import hashlib
import io
import json
import zipfile
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from storage import accounts
from storage.accounts import Person
from storage.clock import utcnow
from storage.database import Tx
from storage.errors import Conflict
from video_assembly import privacy
from web.i18n import locale_of, translate
from web.interests import profile_json
from web.pages import render
from web.services import Services, services
from web.sessions import start_session, viewer
from web.signing import sign

# A receipt is worth keeping for as long as somebody may ask whether something was erased.
RECEIPT_LIFE = timedelta(days=3 * 365)
README = (
    "This is everything that this shop holds about you: one file for each part of it, as it is kept, and “profile.json”"
    " with your interests in plain words and what they come from."
)


def export(request: Request) -> Response:
    """`POST /v1/me/export`: everything about me as a ZIP of JSON files, and the profile in plain words."""
    parts = services(request)
    person = viewer(request)
    parts.limiter.take("export", person.id)
    locale = locale_of(request)
    with parts.db.reading() as tx:
        held = privacy.export(tx, person.id)
        held["profile"] = profile_json(tx, person.id, locale)
    files = {f"{name}.json": _json(part) for name, part in held.items()}
    files["README.txt"] = translate(locale, README).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    headers = {
        "Content-Disposition": f'attachment; filename="vitrine-{person.id[-6:]}.zip"',
        "Cache-Control": "no-store",
    }
    return Response(packed.getvalue(), media_type="application/zip", headers=headers)


def erase(request: Request) -> Response:
    """`DELETE /v1/me`: erase me everywhere; answers with a signed receipt and ends the session."""
    return JSONResponse(_erase(request, services(request), viewer(request)))


def erase_by_form(request: Request) -> Response:
    """`POST /me/erase`: the same for the page, which then says what was erased."""
    receipt = _erase(request, services(request), viewer(request))
    request.state.person = None
    return render(request, "erased.html", receipt=receipt)


def goodbye(request: Request) -> Response:
    """`GET /me/erase`: whoever comes back to the address of the form has nothing left to erase."""
    return RedirectResponse("/account", 303)


def _erase(request: Request, parts: Services, person: Person) -> dict[str, Any]:
    parts.limiter.take("write", person.id)
    now = utcnow()
    with parts.db.writing() as tx:
        _keep_an_operator(tx, person)
        rows = _counts(privacy.export(tx, person.id))
        before = hashlib.sha256(_json(privacy.export(tx, person.id))).hexdigest()
        privacy.erase(tx, person.id)
    start_session(request, "")
    receipt = {"erased_at": _iso(now), "rows": rows, "digest": before}
    said = {"erased_at": _iso(now), "digest": before}
    return receipt | {"receipt": sign(parts.settings.secret_key(), "erasure", said, now + RECEIPT_LIFE)}


def _keep_an_operator(tx: Tx, person: Person) -> None:
    operators = [each for each in accounts.everybody(tx) if "operator" in each.roles]
    if "operator" in person.roles and len(operators) == 1:
        raise Conflict("last-operator", "You are the only operator. Invite another one before you leave.")


def _counts(held: Any, name: str = "") -> dict[str, int]:
    """Return how many rows each part of an export has."""
    if isinstance(held, list):
        return {name: len(held)} if held else {}
    if not isinstance(held, dict):
        return {}
    found: dict[str, int] = {}
    for key, part in held.items():
        found |= _counts(part, f"{name}.{key}" if name else key)
    return found


def _json(part: Any) -> bytes:
    return json.dumps(part, ensure_ascii=False, indent=1, sort_keys=True, default=_plain).encode()


def _plain(value: Any) -> Any:
    return _iso(value) if isinstance(value, datetime) else str(value)


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


routes = [
    Route("/v1/me/export", export, methods=["POST"]),
    Route("/v1/me", erase, methods=["DELETE"]),
    Route("/me/erase", erase_by_form, methods=["POST"]),
    Route("/me/erase", goodbye),
]

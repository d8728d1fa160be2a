"""What needs no two groups of viewers: two rankings in one feed, and what another share of surprises would earn."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from babel.numbers import format_percent
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from personalization.interleaving import Preference
from personalization.offpolicy import Estimate, Proposal, TooLittle, proposed
from personalization.ranking import EXPLORATION
from shop import merchants
from storage.clock import utcnow
from storage.database import Tx
from storage.errors import UserError
from video_assembly import shown
from web.i18n import translate
from web.plots import EstimatesPlot, estimates_plot
from web.services import services
from web.sessions import member

# Shares of surprises that are weighed against the usual one.
PROPOSED = (0.0, 0.02, 0.1, 0.15, 0.2, 0.3)
PREFERENCES = {
    "first": "Viewers prefer the first.",
    "second": "Viewers prefer the second.",
    "open": "No preference is proven yet.",
}


@dataclass(frozen=True)
class Weighed:
    """What is known of other shares: places that were seen and welcomed, the estimates, and why there is none."""

    seen: int
    welcomed: int
    proposals: tuple[Proposal, ...]
    refused: TooLittle | None


def get_exploration(request: Request) -> Response:
    """`GET /v1/exploration?share=`: what this share of surprises would have earned at the places that were seen.

    Refused (409) while the log says too little about it.
    """
    person = member(request, "merchant", "operate")
    share = _share(request.query_params.get("share", ""))
    with services(request).db.reading() as tx:
        found = shown.showings(tx, utcnow(), merchants.merchant_of(tx, person.id))
    made = proposed(found, share, EXPLORATION)
    return JSONResponse(
        {
            "share": share,
            "usual": EXPLORATION,
            "showings": len(found),
            "welcomes": sum(each.welcomed for each in found),
            "snipw": asdict(made.snipw),
            "doubly_robust": asdict(made.robust),
        }
    )


def weighed(tx: Tx, now: datetime, merchant_id: str | None) -> Weighed:
    """Weigh all proposed shares by the log; those that it says too little about are left out."""
    found = shown.showings(tx, now, merchant_id)
    proposals, refused = [], None
    for share in PROPOSED:
        try:
            proposals.append(proposed(found, share, EXPLORATION))
        except TooLittle as error:
            refused = error
    return Weighed(len(found), sum(each.welcomed for each in found), tuple(proposals), refused)


def weighed_shown(found: Weighed, locale: str) -> dict[str, Any]:
    """Return it as the page shows it."""
    now = found.welcomed / found.seen if found.seen else 0.0
    rows = [
        {
            "share": percent(each.share, locale),
            "snipw": _interval(each.snipw, locale),
            "robust": _interval(each.robust, locale),
            "sample": round(each.snipw.sample),
        }
        for each in found.proposals
    ]
    return {
        "usual": percent(EXPLORATION, locale),
        "seen": found.seen,
        "welcomed": found.welcomed,
        "now": percent(now, locale),
        "rows": rows,
        "refused": found.refused and translate(locale, found.refused.message, **found.refused.extra),
        "plot": _plot(found.proposals, now, locale),
    }


def preference_json(found: Preference) -> dict[str, Any]:
    """Return it in the form of the public interface."""
    return asdict(found) | {"verdict": found.verdict}


def preference_shown(found: Preference, names: Sequence[str], locale: str) -> dict[str, Any]:
    """Return it as the page shows it, parts of a hundred for the bar."""
    total = found.first + found.second + found.equal
    counts = ((names[0], found.first), ("No difference", found.equal), (names[1], found.second))
    return {
        "parts": [(name, count, round(100 * count / total, 1) if total else 0.0) for name, count in counts],
        "total": total,
        "sentence": PREFERENCES[found.verdict],
        "verdict": found.verdict,
        "chance": percent(found.chance, locale),
        "always": percent(found.always, locale),
        "needed": found.needed,
    }


def percent(share: float, locale: str) -> str:
    """Write a share as people read it."""
    return str(format_percent(share, "0.# %" if locale == "de" else "0.#%", locale=locale))


def _interval(each: Estimate, locale: str) -> dict[str, str]:
    names = ("value", "low", "high")
    return {name: percent(max(0.0, getattr(each, name)), locale) for name in names}


def _plot(proposals: Sequence[Proposal], now: float, locale: str) -> EstimatesPlot | None:
    estimates = [
        (percent(each.share, locale), each.robust.value, each.robust.low, each.robust.high) for each in proposals
    ]
    return estimates_plot(estimates, now)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise UserError("share", "Give a share from 0 to 1.", field="share")
    return share


routes = [Route("/v1/exploration", get_exploration)]

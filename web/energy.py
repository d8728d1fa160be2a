"""The operator's page about energy: what a thousand videos take, by kind of work and day, and the budget for it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from storage import costs
from storage.clock import utcnow
from storage.costs import Cost
from storage.errors import UserError
from web.i18n import locale_of
from web.limits import client_of
from web.pages import render
from web.services import services
from web.sessions import member, page_for

DAYS = 14
HIGHEST_BUDGET = 1_000_000.0
# Kinds of work with a colour of their own, from the bottom of a bar; what else there is goes on top as "other".
SHOWN = ("ingest", "assemble", "personal", "export")
OTHER = "other"
MEGABYTE = 1_000_000
CHART_HEIGHT = 160.0


@dataclass(frozen=True)
class Bar:
    """A kind's share of a day's bar, in the chart's units."""

    kind: str
    top: float
    height: float


@dataclass(frozen=True)
class Day:
    """A day in the chart: its name, what it took in words, and its bar."""

    name: str
    watt_hours: str
    per_thousand: str
    bars: Sequence[Bar]


def page(request: Request) -> Response:
    """`GET /operator/energy`: the figures, the chart and its table, and the budget."""
    return _render(request)


async def set_budget(request: Request) -> Response:
    """`POST /operator/energy`: watt-hours that a thousand videos may take; an empty field takes the limit away."""
    async with request.form(max_files=0, max_fields=3) as form:
        typed = str(form.get("budget", "")).strip()
    return await run_in_threadpool(_set, request, typed)


def _set(request: Request, typed: str) -> Response:
    parts = services(request)
    member(request, "operator", "operate")
    parts.limiter.take("write", client_of(request))
    try:
        wanted = _number(typed)
    except UserError as error:
        return _render(request, error=error, typed=typed)
    with parts.db.writing() as tx:
        costs.set_budget(tx, wanted, utcnow())
    return RedirectResponse("/operator/energy", 303)


def _number(typed: str) -> float | None:
    if not typed:
        return None
    try:
        found = float(typed.replace(",", "."))
    except ValueError:
        found = math.nan
    if not 0 < found <= HIGHEST_BUDGET:
        raise UserError("budget", "Give a number above 0, or nothing for no limit.", field="budget")
    return found


def _render(request: Request, *, error: UserError | None = None, typed: str | None = None) -> Response:
    parts, now, locale = services(request), utcnow(), locale_of(request)
    with parts.db.reading() as tx:
        held = costs.by_day(tx, now, DAYS)
        budget, level = costs.budget(tx), costs.level(tx, now)
    highest = _highest(held)
    recent = [each for each in held if each.day >= (now - timedelta(days=costs.BUDGET_DAYS - 1)).date().isoformat()]
    return render(
        request,
        "energy.html",
        status_code=200 if error is None else error.status,
        days=DAYS,
        whole=_written(costs.per_thousand(held), locale),
        each_video=_written(costs.per_thousand(recent, costs.PER_VIDEO), locale),
        level=level,
        budget=typed if typed is not None else "" if budget is None else f"{budget:g}",
        chart=_chart(held, now, highest, locale),
        ticks=[(round(CHART_HEIGHT * (1 - part), 1), _written(part * highest, locale)) for part in (1.0, 0.5)],
        kinds=_kinds(held, locale),
        shown=(*SHOWN, OTHER),
        watts=f"{parts.settings.watts_per_core:g}",
        least=costs.LEAST_VIDEOS,
        error=error,
    )


def _chart(held: Sequence[Cost], now: datetime, highest: float, locale: str) -> list[Day]:
    days = [(now - timedelta(days=back)).date() for back in range(DAYS - 1, -1, -1)]
    by_day = {each: [cost for cost in held if cost.day == each.isoformat()] for each in days}
    return [_day(each, found, highest, locale) for each, found in by_day.items()]


def _highest(held: Sequence[Cost]) -> float:
    days = {each.day for each in held}
    return max((sum(cost.watt_hours for cost in held if cost.day == day) for day in days), default=0.0) or 1.0


def _day(day: date, held: Sequence[Cost], highest: float, locale: str) -> Day:
    bars, floor = [], CHART_HEIGHT
    for kind in (*SHOWN, OTHER):
        used = sum(each.watt_hours for each in held if _shown(each.kind) == kind)
        height = used / highest * CHART_HEIGHT
        floor -= height
        if height > 0:
            bars.append(Bar(kind, round(floor, 2), round(height, 2)))
    total = sum(each.watt_hours for each in held)
    name = format_date(day, "d.M." if locale == "de" else "MMM d", locale=locale)
    return Day(name, _written(total, locale), _written(costs.per_thousand(held), locale), bars)


def _kinds(held: Sequence[Cost], locale: str) -> list[dict[str, Any]]:
    found = []
    for kind in sorted({each.kind for each in held}):
        mine = [each for each in held if each.kind == kind]
        found.append(
            {
                "kind": kind,
                "jobs": sum(each.jobs for each in mine),
                "cpu": _written(sum(each.cpu_ms for each in mine) / 1000, locale),
                "watt_hours": _written(sum(each.watt_hours for each in mine), locale),
                "read": _written(sum(each.bytes_in for each in mine) / MEGABYTE, locale),
                "wrote": _written(sum(each.bytes_out for each in mine) / MEGABYTE, locale),
                "hits": sum(each.cache_hits for each in mine),
            }
        )
    return found


def _shown(kind: str) -> str:
    return kind if kind in SHOWN else OTHER


def _written(value: float | None, locale: str) -> str:
    """Write a figure with three significant digits, or a dash for none."""
    if value is None:
        return "–"
    digits = 0 if value == 0 else max(0, 2 - math.floor(math.log10(value)))
    return str(format_decimal(round(value, digits), locale=locale, decimal_quantization=False))


routes = [
    Route("/operator/energy", page_for("operator", page)),
    Route("/operator/energy", set_budget, methods=["POST"]),
]

"""The page of experiments: what each variant does to viewers, with intervals; operators start, widen and stop."""

from dataclasses import asdict
from typing import Any, Literal

from babel.dates import format_date
from babel.numbers import format_percent
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from personalization import bandits, experiments, outcomes
from personalization.experiments import AB, BANDIT, COMPARED, HOLDOUT, INTERLEAVED, WHOLE, Experiment, Variant
from personalization.outcomes import LESS_IS_BETTER, METRICS, Report, Result
from personalization.statistics import SRM_ALARM, Arm
from shop import merchants
from storage.clock import utcnow
from storage.database import Tx
from storage.errors import UserError
from video_assembly import shown
from web.bodies import checked, read_json
from web.comparisons import preference_json, preference_shown, weighed, weighed_shown
from web.i18n import locale_of, money, translate
from web.pages import render
from web.plots import interval_plot
from web.services import services
from web.sessions import member, page_for

CURRENCY = "EUR"
PresetName = Literal["holdout", "interleave", "interleave-surprise", "personal", "surprise", "bandit", "check"]
# What can be tried, the control first.
PRESETS: dict[str, tuple[str, str, tuple[Variant, ...]]] = {
    "holdout": (
        "All of personalisation, over the whole time",
        WHOLE,
        (Variant("held-out", HOLDOUT, {"personal": False}), Variant("as-always", COMPARED, {})),
    ),
    "personal": (
        "Personal feed against the same feed for all",
        AB,
        (Variant("same-for-all", 0.5, {"personal": False}), Variant("personal", 0.5, {})),
    ),
    "interleave": (
        "Two rankings in one feed: personal and the same for all",
        INTERLEAVED,
        (Variant("same-for-all", 0.5, {"personal": False}), Variant("personal", 0.5, {})),
    ),
    "interleave-surprise": (
        "Two rankings in one feed: the usual share of surprises and more",
        INTERLEAVED,
        (Variant("usual", 0.5, {}), Variant("more-surprises", 0.5, {"exploration": 0.15})),
    ),
    "surprise": (
        "More surprises against the usual share",
        AB,
        (Variant("usual", 0.5, {}), Variant("more-surprises", 0.5, {"exploration": 0.15})),
    ),
    "bandit": (
        "How many surprises: the best gets ever more viewers",
        BANDIT,
        (
            Variant("usual", 1 / 3, {}),
            Variant("more-surprises", 1 / 3, {"exploration": 0.15}),
            Variant("no-surprises", 1 / 3, {"exploration": 0.0}),
        ),
    ),
    "check": (
        "Check of the measurement: two equal variants",
        AB,
        (Variant("usual", 0.5, {}), Variant("usual-again", 0.5, {})),
    ),
}
VARIANTS = {
    "held-out": "Same for all, always",
    "as-always": "Personal, as always",
    "same-for-all": "Same for all",
    "personal": "Personal feed",
    "usual": "As usual",
    "usual-again": "As usual, again",
    "more-surprises": "More surprises",
    "no-surprises": "No surprises",
}
NAMES = {
    "conversion": "Viewers who buy",
    "order_value": "Order value per viewer",
    "abandonment": "Viewers who leave a full cart",
    "watch_time": "Watch time per viewer",
}
VERDICTS = {
    "better": "Clearly better than the control.",
    "worse": "Clearly worse than the control.",
    "open": "No difference is proven yet.",
}


class Wish(BaseModel):
    """A new experiment: what is tried, and with which share of the viewers it begins."""

    model_config = ConfigDict(extra="forbid")
    preset: PresetName
    traffic: float = Field(0.1, gt=0, le=1, allow_inf_nan=False)


class Widen(BaseModel):
    """A new share of the viewers."""

    model_config = ConfigDict(extra="forbid")
    traffic: float = Field(gt=0, le=1, allow_inf_nan=False)


def get_list(request: Request) -> Response:
    """`GET /v1/experiments`: what was tried, the newest first."""
    member(request, "merchant", "operate")
    with services(request).db.reading() as tx:
        return JSONResponse({"experiments": [_brief(tx, each) for each in experiments.everything(tx)]})


def get_one(request: Request) -> Response:
    """`GET /v1/experiments/{id}`: its report: causal uplift with intervals that hold at every look."""
    person = member(request, "merchant", "operate")
    with services(request).db.reading() as tx:
        experiment = experiments.get(tx, request.path_params["id"])
        now, merchant_id = utcnow(), merchants.merchant_of(tx, person.id)
        if experiment.kind == INTERLEAVED:
            found = shown.preference(tx, experiment, now, merchant_id)
            return JSONResponse(_brief(tx, experiment) | {"preference": preference_json(found)})
        return JSONResponse(_brief(tx, experiment) | _report_json(outcomes.report(tx, experiment, now, merchant_id)))


async def post_new(request: Request) -> Response:
    """`POST /v1/experiments`: start one; operators only."""
    wish = await read_json(request, Wish)

    def put() -> dict[str, Any]:
        member(request, "operator", "operate")
        with services(request).db.writing() as tx:
            return _brief(tx, experiments.get(tx, _begin(tx, wish)))

    return JSONResponse(await run_in_threadpool(put), 201)


async def post_change(request: Request) -> Response:
    """`POST /v1/experiments/{id}/{stop|ramp|share}`: end it, widen it, or give a bandit its next shares."""
    act = request.path_params["act"]
    widen = await read_json(request, Widen) if act == "ramp" else None

    def put() -> dict[str, Any]:
        member(request, "operator", "operate")
        with services(request).db.writing() as tx:
            _change(tx, request.path_params["id"], act, widen)
            return _brief(tx, experiments.get(tx, request.path_params["id"]))

    return JSONResponse(await run_in_threadpool(put))


def page(request: Request) -> Response:
    """`GET /merchant/experiments`: the list, and the report of the one that is named or the newest."""
    person = member(request, "merchant")
    locale = locale_of(request)
    metric = request.query_params.get("metric", "conversion")
    metric = metric if metric in METRICS else "conversion"
    with services(request).db.reading() as tx:
        merchant_id = merchants.merchant_of(tx, person.id)
        held = experiments.everything(tx)
        wanted = request.query_params.get("id", "")
        chosen = next((each for each in held if each.id == wanted), held[0] if held else None)
        now, both = utcnow(), chosen is not None and chosen.kind == INTERLEAVED
        report = outcomes.report(tx, chosen, now, merchant_id) if chosen and not both else None
        preference = shown.preference(tx, chosen, now, merchant_id) if chosen and both else None
        other_shares = weighed(tx, now, merchant_id)
        name = merchants.merchant_name(tx, merchant_id) if merchant_id else translate(locale, "All shops")
    return render(
        request,
        "experiments.html",
        merchant=name,
        operator=person.may("operator", "operate"),
        experiments=held,
        chosen=chosen,
        report=report and _shown(report, locale),
        alarm=report is not None and report.ratio_chance < SRM_ALARM,
        viewers=[(VARIANTS.get(name, name), count) for name, count in report.viewers.items()] if report else [],
        metric=metric,
        metrics=NAMES,
        plots=_plots(report, metric, locale) if report else [],
        preference=preference and chosen and preference_shown(preference, _names(chosen), locale),
        surprises=weighed_shown(other_shares, locale),
        presets={key: title for key, (title, _, _) in PRESETS.items()},
        states={"draft": "Planned", "running": "Running", "stopped": "Stopped"},
    )


async def post_form(request: Request) -> Response:
    """`POST /merchant/experiments`: one button of the page."""
    async with request.form(max_files=0, max_fields=6) as form:
        said = {name: str(form[name]) for name in form}

    def put() -> Response:
        member(request, "operator", "operate")
        act, experiment_id = said.get("act", ""), said.get("id", "")
        with services(request).db.writing() as tx:
            if act == "new":
                experiment_id = _begin(
                    tx, checked(Wish, {"preset": said.get("preset"), "traffic": said.get("traffic")})
                )
            else:
                widen = checked(Widen, {"traffic": said.get("traffic")}) if act == "ramp" else None
                _change(tx, experiment_id, act, widen)
        return RedirectResponse(f"/merchant/experiments?id={experiment_id}", 303)

    return await run_in_threadpool(put)


def _begin(tx: Tx, wish: Wish) -> str:
    title, kind, variants = PRESETS[wish.preset]
    now = utcnow()
    whole = kind == WHOLE
    experiment_id = experiments.add(tx, title, variants, now, kind=kind, layer=WHOLE if whole else "ranking")
    experiments.start(tx, experiment_id, HOLDOUT + COMPARED if whole else wish.traffic, now)
    return experiment_id


def _change(tx: Tx, experiment_id: str, act: str, widen: Widen | None) -> None:
    if act == "stop":
        experiments.stop(tx, experiment_id, utcnow())
    elif act == "ramp" and widen is not None:
        experiments.ramp(tx, experiment_id, widen.traffic)
    elif act == "share":
        bandits.share_out(tx, experiments.get(tx, experiment_id), utcnow())
    else:
        raise UserError("action-unknown", "This button is from another version of the page. Open the page again.")


def _brief(tx: Tx, each: Experiment) -> dict[str, Any]:
    return {
        "id": each.id,
        "title": each.title,
        "kind": each.kind,
        "state": each.state,
        "traffic": each.traffic,
        "variants": [asdict(variant) for variant in each.variants],
        "viewers": experiments.viewers(tx, each.id),
    }


def _report_json(report: Report) -> dict[str, Any]:
    return {
        "sample_ratio": {"chance": report.ratio_chance, "alarm": report.ratio_chance < SRM_ALARM},
        "metrics": {
            name: {
                "control": asdict(report.control[name]),
                "variants": [
                    {
                        "variant": each.variant,
                        **asdict(each.arm),
                        "uplift": asdict(each.uplift),
                        "verdict": _verdict(name, each),
                        "still_needed": each.needed,
                    }
                    for each in report.results[name]
                ],
            }
            for name in METRICS
        },
    }


def _verdict(metric: str, result: Result) -> str:
    verdict = result.uplift.verdict
    if metric in LESS_IS_BETTER:
        return {"better": "worse", "worse": "better"}.get(verdict, verdict)
    return verdict


def _shown(report: Report, locale: str) -> list[dict[str, Any]]:
    rows = []
    for name in METRICS:
        for each in report.results[name]:
            found = each.uplift
            rows.append(
                {
                    "metric": name,
                    "name": NAMES[name],
                    "variant": VARIANTS.get(each.variant, each.variant),
                    "control": _value(name, report.control[name], locale),
                    "value": _value(name, each.arm, locale),
                    "uplift": _percent(found.relative, locale),
                    "low": _percent(found.relative_low, locale),
                    "high": _percent(found.relative_high, locale),
                    "verdict": _verdict(name, each),
                    "sentence": VERDICTS[_verdict(name, each)],
                    "needed": each.needed,
                }
            )
    return rows


def _plots(report: Report, metric: str, locale: str) -> list[dict[str, Any]]:
    plots = []
    for each in report.results[metric]:
        points = report.series[metric, each.variant]
        dates = [str(format_date(point.at, "d. MMM" if locale == "de" else "MMM d", locale=locale)) for point in points]
        plots.append(
            {
                "variant": VARIANTS.get(each.variant, each.variant),
                "plot": interval_plot(points, dates),
                "rows": [
                    (date, *(_percent(value, locale) for value in _parts(point)))
                    for point, date in zip(points, dates, strict=True)
                ],
            }
        )
    return plots


def _names(experiment: Experiment) -> list[str]:
    return [VARIANTS.get(each.name, each.name) for each in experiment.variants]


def _parts(point: outcomes.Point) -> tuple[float | None, float | None, float | None]:
    return point.uplift.relative, point.uplift.relative_low, point.uplift.relative_high


def _value(metric: str, arm: Arm, locale: str) -> str:
    if metric == "order_value":
        return money(locale, round(arm.mean), CURRENCY)
    if metric == "watch_time":
        return translate(locale, "{seconds} s", seconds=round(arm.mean))
    return str(format_percent(arm.mean, "0.0 %" if locale == "de" else "0.0%", locale=locale))


def _percent(share: float | None, locale: str) -> str:
    if share is None:
        return "–"
    pattern = "+0.0 %;−0.0 %" if locale == "de" else "+0.0%;−0.0%"
    return str(format_percent(share, pattern, locale=locale))


routes = [
    Route("/merchant/experiments", page_for("merchant", page)),
    Route("/merchant/experiments", post_form, methods=["POST"]),
    Route("/v1/experiments", get_list),
    Route("/v1/experiments", post_new, methods=["POST"]),
    Route("/v1/experiments/{id}", get_one),
    Route("/v1/experiments/{id}/{act}", post_change, methods=["POST"]),
]

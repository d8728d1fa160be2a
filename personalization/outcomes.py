"""What the variants of an experiment did to viewers: causal, because chance alone decided who got which."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from personalization import log
from personalization.experiments import AB, WHOLE, Experiment, exposures
from personalization.statistics import Arm, Uplift, sample_ratio, still_needed, uplift
from shop.orders import order_lines, orders
from storage.database import Tx

# Orders for each viewer; the value of those in minor units; viewers who left something in the cart; seconds watched.
METRICS = ("conversion", "order_value", "abandonment", "watch_time")
# Of these, less is better.
LESS_IS_BETTER = frozenset({"abandonment"})
EXITED = "Video Playback Exited"
ADDED = "Product Added"
DAY = timedelta(days=1)
MOST_DAYS = 90
# An effect that is worth knowing, where nothing is known yet of the real one.
WORTH_KNOWING = 0.05


@dataclass(frozen=True)
class Result:
    """One measure of one variant against the control; `needed` more viewers until an effect of 5 % would show."""

    variant: str
    arm: Arm
    uplift: Uplift
    needed: int | None


@dataclass(frozen=True)
class Point:
    """The uplift as it was known at the end of a day."""

    at: datetime
    uplift: Uplift


@dataclass(frozen=True)
class Report:
    """An experiment's state: viewers and sample-ratio chance, control and results by measure, and how each came about.

    `series` is by measure and variant.
    """

    viewers: Mapping[str, int]
    ratio_chance: float
    control: Mapping[str, Arm]
    results: Mapping[str, tuple[Result, ...]]
    series: Mapping[tuple[str, str], tuple[Point, ...]]


@dataclass(frozen=True)
class Happening:
    """Something a viewer did: `kind` is exposed, order, added or watched, `amount` minor units or seconds."""

    at: datetime
    viewer: str
    kind: str
    amount: float = 0.0
    variant: str = ""


class Tally:
    """Sums of a measure over the viewers of each variant, kept up as viewers do something."""

    def __init__(self) -> None:
        self._values: dict[str, float] = {}
        self._sums: dict[str, list[float]] = {}

    def put(self, viewer: str, variant: str, value: float) -> None:
        """Set what a viewer did in all."""
        sums = self._sums.setdefault(variant, [0, 0.0, 0.0])
        before = self._values.get(viewer)
        if before is None:
            sums[0] += 1
        sums[1] += value - (before or 0.0)
        sums[2] += value * value - (before or 0.0) ** 2
        self._values[viewer] = value

    def value(self, viewer: str) -> float:
        """Return what a viewer did so far."""
        return self._values.get(viewer, 0.0)

    def arm(self, variant: str) -> Arm:
        """Return the summary of a variant."""
        viewers, total, squares = self._sums.get(variant, [0, 0.0, 0.0])
        return Arm.of(int(viewers), total, squares)


def report(tx: Tx, experiment: Experiment, now: datetime, merchant_id: str | None = None) -> Report:
    """Return what is known; with `merchant_id` only orders of this merchant count."""
    until = experiment.stopped_at or now
    return summarise(experiment, sorted(_happened(tx, experiment, until, merchant_id), key=lambda each: each.at), until)


def summarise(experiment: Experiment, happened: Sequence[Happening], until: datetime) -> Report:
    """Go through what happened, in its order, and note at the end of each day what was known."""
    control = experiment.variants[0].name
    others = [each.name for each in experiment.variants[1:]]
    tallies = {name: Tally() for name in METRICS}
    variant_of: dict[str, str] = {}
    viewers: dict[str, int] = {each.name: 0 for each in experiment.variants}
    points: dict[tuple[str, str], list[Point]] = {(name, other): [] for name in METRICS for other in others}
    day_ends = (happened[0].at if happened else until) + DAY

    def note(at: datetime) -> None:
        for name in METRICS:
            base = tallies[name].arm(control)
            for other in others:
                points[name, other].append(Point(at, uplift(base, tallies[name].arm(other))))

    for each in happened:
        while each.at >= day_ends:
            note(day_ends)
            day_ends += DAY
        if each.kind == "exposed":
            variant_of[each.viewer] = each.variant
            viewers[each.variant] = viewers.get(each.variant, 0) + 1
            for tally in tallies.values():
                tally.put(each.viewer, each.variant, 0.0)
        elif each.viewer in variant_of:
            _count(tallies, each, variant_of[each.viewer])
    note(until)
    bases = {name: tallies[name].arm(control) for name in METRICS}
    results = {
        name: tuple(
            Result(
                other,
                (arm := tallies[name].arm(other)),
                uplift(bases[name], arm),
                still_needed(bases[name], arm, WORTH_KNOWING),
            )
            for other in others
        )
        for name in METRICS
    }
    shares = {each.name: each.share for each in experiment.variants}
    chance = sample_ratio(viewers, shares) if experiment.kind in (AB, WHOLE) else 1.0
    return Report(viewers, chance, bases, results, {key: tuple(each[-MOST_DAYS:]) for key, each in points.items()})


def _count(tallies: Mapping[str, Tally], each: Happening, variant: str) -> None:
    if each.kind == "order":
        tallies["conversion"].put(each.viewer, variant, 1.0)
        tallies["order_value"].put(each.viewer, variant, tallies["order_value"].value(each.viewer) + each.amount)
        tallies["abandonment"].put(each.viewer, variant, 0.0)
    elif each.kind == "added":
        tallies["abandonment"].put(each.viewer, variant, 1.0)
    elif each.kind == "watched":
        tallies["watch_time"].put(each.viewer, variant, tallies["watch_time"].value(each.viewer) + each.amount)


def _happened(tx: Tx, experiment: Experiment, until: datetime, merchant_id: str | None) -> Iterable[Happening]:
    mine = exposures.c.experiment_id == experiment.id
    for row in tx.all(select(exposures.c.viewer_id, exposures.c.variant, exposures.c.at).where(mine)):
        yield Happening(row.at, row.viewer_id, "exposed", variant=row.variant)
    bought = (
        select(orders.c.person_id, orders.c.placed_at, func.sum(order_lines.c.price * order_lines.c.quantity))
        .join_from(orders, exposures, (exposures.c.viewer_id == orders.c.person_id) & mine)
        .join(order_lines, order_lines.c.order_id == orders.c.id)
        .where(orders.c.placed_at >= exposures.c.at, orders.c.placed_at <= until)
        .group_by(orders.c.id, orders.c.person_id, orders.c.placed_at)
    )
    if merchant_id is not None:
        bought = bought.where(order_lines.c.merchant_id == merchant_id)
    for person_id, at, goods in tx.all(bought):
        yield Happening(at, person_id, "order", float(goods))
    done = (
        select(log.events.c.viewer_id, log.events.c.at, log.events.c.name, log.events.c.watched_ms)
        .join_from(log.events, exposures, (exposures.c.viewer_id == log.events.c.viewer_id) & mine)
        .where(log.events.c.measure, log.events.c.name.in_((EXITED, ADDED)))
        .where(log.events.c.at >= exposures.c.at, log.events.c.at <= until)
    )
    if merchant_id is not None:
        done = done.where(log.events.c.merchant_id == merchant_id)
    for row in tx.all(done):
        if row.name == ADDED:
            yield Happening(row.at, row.viewer_id, "added")
        else:
            yield Happening(row.at, row.viewer_id, "watched", (row.watched_ms or 0) / 1000)

"""Experiments on the ranking: who gets which variant, who has seen it, starting, widening and stopping.

A viewer's variant is a hash of experiment and viewer, so it is the same everywhere without asking anybody. Experiments
of one layer share out its viewers, those of different layers are independent of each other. Only viewers who agreed to
be counted take part; a small share of them, the holdout, never does: it is kept for the comparison of all that the
profile does with nothing of it, over the whole time.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Float, ForeignKey, String, Table, delete, func, insert, select, update

from storage.database import AnyRow, Instant, Tx, metadata
from storage.errors import Conflict, NotFound
from storage.ids import new_id

HOLDOUT = 0.02
# So many viewers whose feed is as always are compared with them: of all others the intervals would be only a tenth
# narrower, at twelve times the log.
COMPARED = 0.08
MOST_RUNNING = 20
AB, BANDIT, INTERLEAVED, WHOLE = "ab", "bandit", "interleave", "holdout"
# What the exposure log says of a viewer who gets both variants in one feed.
BOTH = "both"
DRAFT, RUNNING, STOPPED = "draft", "running", "stopped"
# What a variant may change: the share of surprises, and whether the order follows the profile at all.
PARAMETERS = frozenset({"exploration", "personal"})

experiments = Table(
    "experiments",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("title", String(120), nullable=False),
    Column("layer", String(40), nullable=False),
    Column("kind", String(10), nullable=False),
    # [{"name", "share", "parameters"}]; the first is the control.
    Column("variants", JSON, nullable=False),
    # From `begins` on it has reserved `most` of the layer's viewers, and `traffic` of them take part now.
    Column("begins", Float, nullable=False),
    Column("most", Float, nullable=False),
    Column("traffic", Float, nullable=False),
    Column("state", String(10), nullable=False, index=True),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("stopped_at", Instant),
)
exposures = Table(
    "exposures",
    metadata,
    Column("experiment_id", ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True),
    Column("viewer_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("variant", String(40), nullable=False),
    Column("at", Instant, nullable=False),
)


@dataclass(frozen=True)
class Variant:
    """One way of ranking; `share` of the experiment's viewers get it."""

    name: str
    share: float
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Experiment:
    """An experiment; the first of its variants is the control."""

    id: str
    title: str
    layer: str
    kind: str
    variants: tuple[Variant, ...]
    begins: float
    most: float
    traffic: float
    state: str
    created_at: datetime
    started_at: datetime | None
    stopped_at: datetime | None


def fraction(salt: str, unit: str) -> float:
    """Return where a unit falls in [0, 1) under a salt: evenly spread, and independent of other salts."""
    return int.from_bytes(hashlib.sha256(f"{salt}:{unit}".encode()).digest()[:8]) / 2**64


def variant_of(experiment: Experiment, viewer_id: str) -> Variant | None:
    """Return the variant that a viewer gets, None for one who does not take part."""
    held = fraction("holdout", viewer_id)
    if experiment.kind == WHOLE:
        return experiment.variants[held >= HOLDOUT] if held < HOLDOUT + COMPARED else None
    if held < HOLDOUT:
        return None
    place = fraction(f"layer {experiment.layer}", viewer_id)
    if not experiment.begins <= place < experiment.begins + experiment.traffic:
        return None
    point = fraction(f"experiment {experiment.id}", viewer_id) * sum(each.share for each in experiment.variants)
    for variant in experiment.variants:
        point -= variant.share
        if point < 0:
            return variant
    return experiment.variants[-1]


def add(
    tx: Tx,
    title: str,
    variants: Sequence[Variant],
    now: datetime,
    *,
    layer: str = "ranking",
    kind: str = AB,
    most: float = 1.0,
) -> str:
    """Write a draft and return its id."""
    assert len({each.name for each in variants}) == len(variants) >= 2, "variants have names of their own"
    assert all(each.parameters.keys() <= PARAMETERS for each in variants), "variants change what ranking reads"
    assert kind not in (WHOLE, INTERLEAVED) or len(variants) == 2, "two sides are compared"
    experiment_id = new_id()
    tx.execute(
        insert(experiments).values(
            id=experiment_id,
            title=title,
            layer=layer,
            kind=kind,
            variants=[
                {"name": each.name, "share": each.share, "parameters": dict(each.parameters)} for each in variants
            ],
            begins=0.0,
            most=most,
            traffic=0.0,
            state=DRAFT,
            created_at=now,
        )
    )
    return experiment_id


def start(tx: Tx, experiment_id: str, traffic: float, now: datetime) -> None:
    """Start a draft with a share of its layer's viewers; raises Conflict when the layer has no room for it."""
    found = get(tx, experiment_id)
    if found.state != DRAFT:
        raise Conflict("experiment-state", "This experiment was started before. Make a new one.")
    others = running(tx)
    if len(others) >= MOST_RUNNING:
        raise Conflict("experiments-full", "{most} experiments run already. Stop one of them.", most=MOST_RUNNING)
    begins = _room(found.most, [each for each in others if each.layer == found.layer])
    if begins is None:
        raise Conflict("layer-full", "All viewers take part in other experiments of this kind. Stop one of them.")
    _set(tx, experiment_id, begins=begins, traffic=min(traffic, found.most), state=RUNNING, started_at=now)


def ramp(tx: Tx, experiment_id: str, traffic: float) -> None:
    """Change how many viewers take part; those who do stay in, because the share only grows from its beginning."""
    found = get(tx, experiment_id)
    if found.state != RUNNING:
        raise Conflict("experiment-state", "This experiment does not run.")
    if found.kind == WHOLE:
        raise Conflict("experiment-fixed", "Who takes part in this comparison never changes.")
    _set(tx, experiment_id, traffic=min(traffic, found.most))


def stop(tx: Tx, experiment_id: str, now: datetime) -> None:
    """End an experiment: everybody gets the usual ranking again. Stopping twice is fine."""
    if get(tx, experiment_id).state == RUNNING:
        _set(tx, experiment_id, state=STOPPED, stopped_at=now)


def share_out(tx: Tx, experiment_id: str, shares: Mapping[str, float]) -> None:
    """Give a bandit's variants new shares of the viewers to come; who has seen a variant keeps it."""
    found = get(tx, experiment_id)
    variants = [
        {"name": each.name, "share": shares[each.name], "parameters": dict(each.parameters)} for each in found.variants
    ]
    _set(tx, experiment_id, variants=variants)


def get(tx: Tx, experiment_id: str) -> Experiment:
    """Return an experiment; raises NotFound."""
    row = tx.one_or_none(select(experiments).where(experiments.c.id == experiment_id))
    if row is None:
        raise NotFound("experiment-unknown", "There is no such experiment.")
    return _experiment(row)


def everything(tx: Tx, limit: int = 50) -> list[Experiment]:
    """Return the experiments, the newest first."""
    return [_experiment(row) for row in tx.all(select(experiments).order_by(experiments.c.id.desc()).limit(limit))]


def running(tx: Tx) -> list[Experiment]:
    """Return those that run now."""
    rows = tx.all(select(experiments).where(experiments.c.state == RUNNING).order_by(experiments.c.id))
    return [_experiment(row) for row in rows]


def side_name(experiment_id: str, variant: str) -> str:
    """Return what the places of one side of an interleaving are logged under."""
    return f"{experiment_id}:{variant}"


def parameters(tx: Tx, viewer_id: str) -> dict[str, Any]:
    """Return what the running experiments change for a viewer who agreed to be counted."""
    return changes(tx, viewer_id)[0]


def changes(tx: Tx, viewer_id: str) -> tuple[dict[str, Any], Experiment | None]:
    """Return those parameters, and the experiment whose two variants share the viewer's feed, if there is one."""
    changed: dict[str, Any] = {}
    both = None
    for experiment, variant in _assigned(tx, viewer_id):
        if experiment.kind == INTERLEAVED:
            both = experiment
        else:
            changed |= variant.parameters
    return changed, both


def expose(tx: Tx, viewer_id: str, at: datetime) -> None:
    """Note that a viewer has seen what the running experiments made; the first time counts."""
    assigned = _assigned(tx, viewer_id)
    if not assigned:
        return
    held = select(exposures.c.experiment_id).where(exposures.c.viewer_id == viewer_id)
    known = set(tx.execute(held).scalars())
    rows = [
        {
            "experiment_id": experiment.id,
            "viewer_id": viewer_id,
            "variant": BOTH if experiment.kind == INTERLEAVED else variant.name,
            "at": at,
        }
        for experiment, variant in assigned
        if experiment.id not in known
    ]
    if rows:
        tx.execute(insert(exposures), rows)


def viewers(tx: Tx, experiment_id: str) -> dict[str, int]:
    """Return how many viewers have seen each variant."""
    query = select(exposures.c.variant, func.count().label("viewers")).where(exposures.c.experiment_id == experiment_id)
    return {row.variant: row.viewers for row in tx.all(query.group_by(exposures.c.variant))}


def erase(tx: Tx, viewer_id: str) -> None:
    """Take a viewer out of all experiments."""
    tx.execute(delete(exposures).where(exposures.c.viewer_id == viewer_id))


def export(tx: Tx, viewer_id: str) -> list[dict[str, Any]]:
    """Return which experiments a viewer took part in."""
    query = (
        select(experiments.c.title, exposures.c.variant, exposures.c.at)
        .join_from(exposures, experiments, experiments.c.id == exposures.c.experiment_id)
        .where(exposures.c.viewer_id == viewer_id)
        .order_by(exposures.c.at)
    )
    return [dict(row._mapping) for row in tx.all(query)]


def _assigned(tx: Tx, viewer_id: str) -> list[tuple[Experiment, Variant]]:
    found = [(each, variant_of(each, viewer_id)) for each in running(tx)]
    assigned = [(experiment, variant) for experiment, variant in found if variant is not None]
    if not assigned:
        return []
    query = select(exposures.c.experiment_id, exposures.c.variant).where(exposures.c.viewer_id == viewer_id)
    kept = {row.experiment_id: row.variant for row in tx.all(query)}
    return [
        (experiment, next((each for each in experiment.variants if each.name == kept.get(experiment.id)), variant))
        for experiment, variant in assigned
    ]


def _room(wanted: float, others: Sequence[Experiment]) -> float | None:
    """Return where a gap of `wanted` begins between those that run."""
    begins = 0.0
    for each in sorted(others, key=lambda one: one.begins):
        if begins + wanted <= each.begins + 1e-9:
            return begins
        begins = max(begins, each.begins + each.most)
    return begins if begins + wanted <= 1.0 + 1e-9 else None


def _set(tx: Tx, experiment_id: str, **values: Any) -> None:
    tx.execute(update(experiments).where(experiments.c.id == experiment_id).values(**values))


def _experiment(row: AnyRow) -> Experiment:
    values = dict(row._mapping)
    variants = tuple(Variant(each["name"], each["share"], each["parameters"]) for each in values.pop("variants"))
    return Experiment(variants=variants, **values)

"""What came of the places of feeds: each that was seen, how it was drawn, and whether its viewer welcomed it.

It is read from the places as they were filled and from the log of those who agreed to be counted, as long as places are
kept (`slots.KEPT_FOR`).
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Select, select

from personalization import interleaving
from personalization.experiments import Experiment, exposures, side_name
from personalization.interleaving import Preference
from personalization.log import STARTED, events
from personalization.offpolicy import Showing
from personalization.rates import WELCOMED
from storage.database import AnyRow, Tx
from video_assembly.recipes import recipes
from video_assembly.slots import KEPT_FOR, slots

# The newest events that are looked at: some seconds of reading.
MOST_EVENTS = 20_000


def showings(tx: Tx, now: datetime, merchant_id: str | None = None) -> list[Showing]:
    """Return what was drawn by score or as a surprise and seen; with `merchant_id` only its products are welcome."""
    found = []
    for row, welcomed in _seen(tx, _happened(now), now, merchant_id):
        if row.drawn is not None and row.kind in ("exploit", "explore"):
            explored = row.kind == "explore"
            drawn = row.drawn
            how = drawn["share"], drawn["among"], drawn["best"], explored, row.propensity
            found.append(Showing(row.viewer_id, *how, welcomed))
    return found


def preference(tx: Tx, experiment: Experiment, now: datetime, merchant_id: str | None = None) -> Preference:
    """Return which of two rankings that share feeds the viewers of an interleaving prefer."""
    first, second = (side_name(experiment.id, each.name) for each in experiment.variants)
    taking_part = select(exposures.c.viewer_id).where(exposures.c.experiment_id == experiment.id)
    until = experiment.stopped_at or now
    times: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    happened = _happened(until).where(events.c.viewer_id.in_(taking_part))
    for row, welcomed in _seen(tx, happened, until, merchant_id):
        side = (row.drawn or {}).get("side")
        if side in (first, second):
            times[row.viewer_id][side == second] += welcomed
    return interleaving.preference((each[0], each[1]) for each in times.values())


def _happened(until: datetime) -> Select[tuple[int, str, str, str, datetime]]:
    """Return the query for the newest showings and welcomes."""
    table = events.c
    return (
        select(table.seq, table.viewer_id, table.video_id, table.name, table.received_at)
        .where(table.measure, table.video_id.is_not(None), table.name.in_((STARTED, *sorted(WELCOMED))))
        .where(table.received_at > until - KEPT_FOR, table.received_at <= until)
        .order_by(table.seq.desc())
        .limit(MOST_EVENTS)
    )


def _seen(
    tx: Tx, query: Select[tuple[int, str, str, str, datetime]], until: datetime, merchant_id: str | None
) -> Iterable[tuple[AnyRow, bool]]:
    """Return each place that was seen, and whether its viewer welcomed it there, and it is the merchant's if given."""
    pairs = query.subquery()
    of_viewers = select(pairs.c.viewer_id, pairs.c.video_id).distinct().subquery()
    places = tx.all(
        select(
            *(slots.c[name] for name in ("viewer_id", "profile_version", "place", "recipe_id", "kind", "propensity")),
            slots.c.drawn,
            slots.c.created_at,
            recipes.c.merchant_id,
        )
        .join_from(
            slots,
            of_viewers,
            (of_viewers.c.viewer_id == slots.c.viewer_id) & (of_viewers.c.video_id == slots.c.recipe_id),
        )
        .join(recipes, recipes.c.id == slots.c.recipe_id)
        .where(slots.c.created_at <= until)
        .order_by(slots.c.created_at, slots.c.profile_version, slots.c.place)
    )
    given: defaultdict[tuple[str, str], list[AnyRow]] = defaultdict(list)
    for row in places:
        given[row.viewer_id, row.recipe_id].append(row)
    seen: dict[tuple[str, int, int], AnyRow] = {}
    welcomed: set[tuple[str, int, int]] = set()
    for event in reversed(tx.all(query)):
        # A video may come again; what is done is done to the last place that it had by then.
        before = [each for each in given[event.viewer_id, event.video_id] if each.created_at <= event.received_at]
        if before:
            key = (before[-1].viewer_id, before[-1].profile_version, before[-1].place)
            if event.name == STARTED:
                seen[key] = before[-1]
            else:
                welcomed.add(key)
    return [(row, key in welcomed and merchant_id in (None, row.merchant_id)) for key, row in seen.items()]

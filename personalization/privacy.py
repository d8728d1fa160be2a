"""Everything that personalization holds of a viewer, to be taken along or erased."""

from typing import Any

from personalization import choices, consent, crowd, experiments, log, memory, rates, watchtime
from storage.database import Tx


def export(tx: Tx, viewer_id: str) -> dict[str, Any]:
    """Return the viewer's consents, events, profile, choices and experiments as they are kept."""
    return {
        "consents": consent.export(tx, viewer_id),
        "events": log.export(tx, viewer_id),
        "profile": memory.export(tx, viewer_id),
        "choices": choices.export(tx, viewer_id),
        "experiments": experiments.export(tx, viewer_id),
    }


def erase(tx: Tx, viewer_id: str) -> None:
    """Delete all that, and take the viewer's share out of the counts that everybody's ranking uses."""
    rates.count(tx, log.measured(tx, viewer_id), sign=-1)
    watchtime.take_out(tx, viewer_id)
    crowd.forget(tx)
    log.erase(tx, viewer_id)
    memory.erase(tx, viewer_id)
    choices.erase(tx, viewer_id)
    experiments.erase(tx, viewer_id)
    consent.erase(tx, viewer_id)

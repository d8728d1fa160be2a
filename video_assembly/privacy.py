"""Everything that this package and those it stands on hold of a person, to be taken along or erased."""

from typing import Any

import shop
from personalization import privacy as personal
from storage import accounts
from storage.database import Tx
from video_assembly import downloads, recordings, videos
from video_assembly import personal as made_for


def export(tx: Tx, person_id: str) -> dict[str, Any]:
    """Return what every package holds of a person, by package."""
    return {
        "account": accounts.export(tx, person_id),
        "shop": shop.export(tx, person_id),
        "interests": personal.export(tx, person_id),
        "videos": videos.export(tx, person_id),
        "greetings": made_for.export(tx, person_id),
        "files": downloads.export(tx, person_id),
        "recordings": recordings.export(tx, person_id),
    }


def erase(tx: Tx, person_id: str) -> None:
    """Erase all of it; the account goes last, because the others ask who it was."""
    for part in (personal, videos, made_for, downloads, recordings, shop, accounts):
        part.erase(tx, person_id)

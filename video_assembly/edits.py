"""What a merchant changes of a segment: what it is about, where and how long it may be used, and its captions."""

import re
from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import update

from storage.database import Tx
from storage.errors import Conflict, UserError
from video_assembly import captions, webvtt
from video_assembly.clips import check_products, check_role, checked_tags
from video_assembly.library import Segment, segment, segments
from video_assembly.webvtt import Cue, Mistake

SEASONS = ("spring", "summer", "autumn", "winter")
LONGEST_NOTE = 200
LONGEST_CATEGORY = 80
LANGUAGE = re.compile(r"[a-z]{2}(?:-[A-Z]{2})?")


class Keep(Enum):
    """The type of `KEEP`, which is not None: None clears a column."""

    KEEP = "keep"


KEEP = Keep.KEEP


def edit_segment(
    tx: Tx,
    segment_id: str,
    merchant_id: str,
    now: datetime,
    *,
    role: str | Keep | None = KEEP,
    product_id: str | Keep | None = KEEP,
    category: str | Keep | None = KEEP,
    tags: Sequence[str] | Keep = KEEP,
    language: str | Keep | None = KEEP,
    season: str | Keep | None = KEEP,
    valid_from: datetime | Keep | None = KEEP,
    valid_until: datetime | Keep | None = KEEP,
    rights_until: datetime | Keep | None = KEEP,
    rights_note: str | Keep | None = KEEP,
    speech: bool | Keep | None = KEEP,
    uncaptioned: bool | Keep = KEEP,
    archived: bool | Keep = KEEP,
) -> Segment:
    """Change what is given and keep the rest; None clears. `uncaptioned` lets speech without captions into videos.

    Raises NotFound for a segment of somebody else, UserError with the field that is wrong, and Conflict when its
    files are deleted already.
    """
    before = segment(tx, segment_id, merchant_id)
    given: dict[str, Any] = {
        "role": role,
        "product_id": product_id,
        "category": category,
        "tags": tags if isinstance(tags, Keep) else checked_tags(tags),
        "language": language,
        "season": season,
        "valid_from": valid_from,
        "valid_until": valid_until,
        "rights_until": rights_until,
        "rights_note": rights_note.strip() or None if isinstance(rights_note, str) else rights_note,
        "speech": speech,
        "uncaptioned_at": _since(uncaptioned, before.uncaptioned_at, now),
        "archived_at": _since(archived, before.archived_at, now),
    }
    values = {name: value for name, value in given.items() if value is not KEEP}
    _check(tx, merchant_id, before, values)
    if values:
        tx.execute(update(segments).where(segments.c.id == segment_id).values(**values))
    return segment(tx, segment_id, merchant_id)


def set_captions(
    tx: Tx, segment_id: str, merchant_id: str, language: str, text: str, now: datetime
) -> tuple[list[Cue], list[Mistake]]:
    """Write a segment's captions from a WebVTT file and return its cues; with mistakes nothing is written.

    Captions say that there is speech. Raises NotFound, and UserError for a language that is none.
    """
    found = segment(tx, segment_id, merchant_id)
    check_language(language)
    cues, mistakes = webvtt.parse(text, found.duration_ms)
    if not mistakes:
        captions.put(tx, segment_id, language, cues, now)
        tx.execute(update(segments).where(segments.c.id == segment_id).values(speech=True))
    return cues, mistakes


def drop_captions(tx: Tx, segment_id: str, merchant_id: str, language: str, now: datetime) -> None:
    """Delete a segment's captions in a language; raises NotFound."""
    segment(tx, segment_id, merchant_id)
    captions.put(tx, segment_id, language, [], now)
    # Whether a video may use it can depend on its captions.
    tx.execute(update(segments).where(segments.c.id == segment_id).values(speech=segments.c.speech))


def check_language(language: str | None) -> None:
    """Raise UserError for what is no language; None is a language not stated."""
    if language is not None and not LANGUAGE.fullmatch(language):
        raise UserError("language", "Give the language like de or en-GB.", field="language")


def _check(tx: Tx, merchant_id: str, before: Segment, values: dict[str, Any]) -> None:
    check_role(values.get("role"))
    check_language(values.get("language"))
    if values.get("product_id") is not None:
        check_products(tx, [values["product_id"]], merchant_id, field="product_id")
    if values.get("season") is not None and values["season"] not in SEASONS:
        raise UserError("season", "Choose one of these: {seasons}.", field="season", seasons=", ".join(SEASONS))
    for name, longest in (("rights_note", LONGEST_NOTE), ("category", LONGEST_CATEGORY)):
        if len(values.get(name) or "") > longest:
            raise UserError("too-long", "Write at most {longest} characters.", field=name, longest=longest)
    opens, closes = values.get("valid_from", before.valid_from), values.get("valid_until", before.valid_until)
    if opens is not None and closes is not None and opens >= closes:
        raise UserError("validity", "The end must be after the beginning.", field="valid_until")
    if "archived_at" in values and values["archived_at"] is None and before.gone_at is not None:
        raise Conflict("files-gone", "The files of this segment are deleted. Upload its clip again.")


def _since(wanted: bool | Keep, before: datetime | None, now: datetime) -> datetime | Keep | None:
    """Return since when something holds that was wished for, or that it is not to be touched."""
    if isinstance(wanted, Keep):
        return wanted
    return (before or now) if wanted else None

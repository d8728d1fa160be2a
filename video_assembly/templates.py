"""How a merchant's videos are told: which roles in which order, how long, what must and what may never be in them.

A template is for one category of a merchant or for all that has none of its own; drafts (`active` false) are only
previewed. Where a merchant has no template, `Template()` holds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Column, ForeignKey, String, Table, delete, func, insert, select, update

from storage.database import AnyRow, Instant, Tx, metadata
from storage.errors import NotFound, UserError
from storage.ids import new_id
from video_assembly.clips import ROLES, checked_tags

ORDER = ROLES
# Without these two nothing is sold; the others may be missing when the length still holds.
NEEDED = frozenset({"offer", "cta"})
SHORTEST_MS = 12_000
LONGEST_MS = 30_000
TONES = ("calm", "lively")

# Bounds of what a merchant may ask for. A unit lasts 1.6 s; two tags are four states of every plan.
LEAST_MS = 1_600
MOST_MS = 60_000
MOST_MUST_TAGS = 2
LONGEST_NAME = 80
MOST_TEMPLATES = 50
BRAND_WINDOW = 10

templates = Table(
    "templates",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("merchant_id", ForeignKey("merchants.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String(LONGEST_NAME), nullable=False),
    Column("category", String(80)),
    Column("active", Boolean, nullable=False),
    Column("rules", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
)


@dataclass(frozen=True)
class Template:
    """The rules of a video.

    Each role comes once at most, in `order`; those in `needed` always. Lengths are in milliseconds. Each of
    `must_tags` is on at least one segment, none of `never_tags` on any. `brand_cap`: of ten places in a row of a
    feed, so many at most are about one brand. `tone` prefers slow (`calm`) or quick (`lively`) pictures. With
    `own_language` a viewer gets no video in another language, else one where there is none in the viewer's own.
    `personal` lets in what the shop allows of personal segments.
    """

    order: tuple[str, ...] = ORDER
    needed: frozenset[str] = NEEDED
    shortest_ms: int = SHORTEST_MS
    longest_ms: int = LONGEST_MS
    must_tags: tuple[str, ...] = ()
    never_tags: tuple[str, ...] = ()
    brand_cap: int | None = None
    tone: str | None = None
    own_language: bool = False
    personal: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return the rules as they are stored and given to pages; `template_of` reads them."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        listed = {name: list(values[name]) for name in ("order", "must_tags", "never_tags")}
        return {**values, **listed, "needed": [role for role in self.order if role in self.needed]}


DEFAULT = Template()


@dataclass(frozen=True)
class StoredTemplate:
    """A template as its merchant sees it; `category` None is for all categories without one of their own."""

    id: str
    merchant_id: str
    name: str
    category: str | None
    active: bool
    template: Template
    created_at: datetime
    updated_at: datetime


def template_of(given: Mapping[str, Any]) -> Template:
    """Return checked rules from a form or a program; what is not given is the default.

    Raises UserError with the field that is wrong.
    """
    unknown = set(given) - {field.name for field in fields(Template)}
    if unknown:
        name = min(unknown)[:40]
        raise UserError("field-unknown", "A template has no field “{field}”.", field=name)
    order = _names(given, "order", ORDER)
    if not order or len(set(order)) != len(order) or not set(order) <= set(ROLES):
        raise UserError("order", "Give the roles in their order, each once: {roles}.", field="order", roles=_listed())
    needed = frozenset(_names(given, "needed", [role for role in order if role in NEEDED]))
    if not needed or not needed <= set(order):
        raise UserError("needed", "Choose at least one role that is in every video.", field="needed")
    shortest, longest = (_whole(given, name) for name in ("shortest_ms", "longest_ms"))
    if not LEAST_MS <= shortest <= longest <= MOST_MS:
        raise UserError(
            "length",
            "A video lasts between {least} and {most} seconds, and the longest is not below the shortest.",
            field="longest_ms",
            least=LEAST_MS / 1000,
            most=MOST_MS // 1000,
        )
    must, never = (tuple(checked_tags(_names(given, name, ()))) for name in ("must_tags", "never_tags"))
    if len(must) > MOST_MUST_TAGS:
        raise UserError("must-tags", "Ask for at most {most} tags.", field="must_tags", most=MOST_MUST_TAGS)
    if set(must) & set(never):
        raise UserError("never-tags", "A tag cannot be both wanted and unwanted.", field="never_tags")
    cap = given.get("brand_cap")
    if cap is not None and not (type(cap) is int and 1 <= cap <= BRAND_WINDOW):
        raise UserError("brand-cap", "Choose 1 to {most} of ten.", field="brand_cap", most=BRAND_WINDOW)
    tone = given.get("tone")
    if tone is not None and tone not in TONES:
        raise UserError("tone", "Choose one of these tones: {tones}.", field="tone", tones=", ".join(TONES))
    own, personal = (_switch(given, name) for name in ("own_language", "personal"))
    return Template(tuple(order), needed, shortest, longest, must, never, cap, tone, own, personal)


def add_template(
    tx: Tx,
    merchant_id: str,
    name: str,
    template: Template,
    now: datetime,
    *,
    category: str | None = None,
    active: bool = False,
) -> StoredTemplate:
    """Write a template, a draft unless `active`; raises UserError for a bad name or too many templates."""
    if (tx.scalar(select(func.count()).where(templates.c.merchant_id == merchant_id)) or 0) >= MOST_TEMPLATES:
        raise UserError("templates", "A shop has at most {most} templates.", most=MOST_TEMPLATES)
    template_id = new_id()
    tx.execute(
        insert(templates).values(
            id=template_id,
            merchant_id=merchant_id,
            name=_name(name),
            category=_category(category),
            active=active,
            rules=template.to_json(),
            created_at=now,
            updated_at=now,
        )
    )
    return stored_template(tx, template_id, merchant_id)


def edit_template(
    tx: Tx,
    template_id: str,
    merchant_id: str,
    now: datetime,
    *,
    name: str,
    template: Template,
    category: str | None,
    active: bool,
) -> StoredTemplate:
    """Write all of a template anew; raises NotFound for somebody else's."""
    stored_template(tx, template_id, merchant_id)
    values = {"name": _name(name), "category": _category(category), "active": active, "rules": template.to_json()}
    tx.execute(update(templates).where(templates.c.id == template_id).values(**values, updated_at=now))
    return stored_template(tx, template_id, merchant_id)


def remove_template(tx: Tx, template_id: str, merchant_id: str) -> None:
    """Delete a merchant's own template; raises NotFound."""
    stored_template(tx, template_id, merchant_id)
    tx.execute(delete(templates).where(templates.c.id == template_id))


def stored_template(tx: Tx, template_id: str, merchant_id: str) -> StoredTemplate:
    """Return a merchant's own template; raises NotFound."""
    mine = (templates.c.id == template_id) & (templates.c.merchant_id == merchant_id)
    row = tx.one_or_none(select(templates).where(mine))
    if row is None:
        raise NotFound("template-unknown", "There is no such template.")
    return _stored(row)


def list_templates(tx: Tx, merchant_id: str) -> list[StoredTemplate]:
    """Return a merchant's templates by name."""
    query = select(templates).where(templates.c.merchant_id == merchant_id).order_by(templates.c.name, templates.c.id)
    return [_stored(row) for row in tx.all(query)]


def active_templates(tx: Tx) -> dict[tuple[str, str | None], Template]:
    """Return what holds for (merchant, category) and, under category None, for a merchant's other categories."""
    query = select(templates).where(templates.c.active).order_by(templates.c.updated_at, templates.c.id)
    # Of two for the same products the one that was edited last.
    return {(row.merchant_id, row.category): _rules(row.rules) for row in tx.all(query)}


def template_for(active: Mapping[tuple[str, str | None], Template], merchant_id: str, category: str | None) -> Template:
    """Return the template for a product: its category's, else its merchant's, else the default."""
    return active.get((merchant_id, category)) or active.get((merchant_id, None)) or DEFAULT


def _stored(row: AnyRow) -> StoredTemplate:
    return StoredTemplate(**{**{k: v for k, v in row._mapping.items() if k != "rules"}, "template": _rules(row.rules)})


def _rules(rules: Mapping[str, Any]) -> Template:
    """Return rules that were checked before they were stored."""
    values = dict(rules)
    for name in ("order", "must_tags", "never_tags"):
        values[name] = tuple(values[name])
    return Template(**{**values, "needed": frozenset(values["needed"])})


def _name(name: str) -> str:
    kept = name.strip()
    if not kept or len(kept) > LONGEST_NAME:
        raise UserError("name", "Give a name of at most {most} characters.", field="name", most=LONGEST_NAME)
    return kept


def _category(category: str | None) -> str | None:
    if category is not None and not 0 < len(category) <= LONGEST_NAME:
        raise UserError("category", "Choose a category.", field="category")
    return category


def _names(given: Mapping[str, Any], name: str, default: Iterable[str]) -> Sequence[str]:
    found = given.get(name, default)
    if isinstance(found, str) or not isinstance(found, Iterable):
        raise UserError("list", "Give a list of words.", field=name)
    words = list(found)
    if len(words) > 100 or not all(isinstance(word, str) for word in words):
        raise UserError("list", "Give a list of words.", field=name)
    return words


def _whole(given: Mapping[str, Any], name: str) -> int:
    found = given.get(name, getattr(DEFAULT, name))
    if type(found) is not int:
        raise UserError("whole-number", "Give a whole number of milliseconds.", field=name)
    return found


def _switch(given: Mapping[str, Any], name: str) -> bool:
    found = given.get(name, getattr(DEFAULT, name))
    if not isinstance(found, bool):
        raise UserError("switch", "Say true or false.", field=name)
    return found


def _listed() -> str:
    return ", ".join(ROLES)

"""What a merchant would get: the video that a template makes for somebody, and many variants of one for a campaign."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from shop.catalog import products
from storage.database import Tx
from storage.errors import UserError
from video_assembly import recipes, shelves, storyboard
from video_assembly.clips import check_products
from video_assembly.edits import check_language
from video_assembly.lots import Subject
from video_assembly.recipes import Recipe
from video_assembly.shelf import Shelf
from video_assembly.storyboard import Rules, Storyboard
from video_assembly.templates import Template

MOST_VARIANTS = 30
# How often somebody who has seen segments is taken to have seen them.
SEEN_TIMES = 3.0


@dataclass(frozen=True)
class Somebody:
    """A viewer to be imagined: language, what they think of tags (-1 to 1), segments that they have seen."""

    language: str | None = None
    tastes: Mapping[str, float] = field(default_factory=dict)
    seen: Sequence[str] = ()


@dataclass(frozen=True)
class Preview:
    """A video as it would be made; without one `reason` is an English msgid that says why, `values` fill it."""

    board: Storyboard | None
    recipe: Recipe | None
    reason: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


def preview(
    tx: Tx,
    merchant_id: str,
    product_id: str,
    template: Template | None,
    somebody: Somebody,
    seed: str,
    now: datetime,
) -> Preview:
    """Return the video about a merchant's own product that a template, or the one that holds, makes for somebody.

    Nothing of it is kept but the recipe, so that it can be played. Raises UserError for somebody else's product.
    """
    check_language(somebody.language)
    subject, shelf = _subject(tx, merchant_id, product_id), shelves.current(tx, now)
    board = storyboard.plan(
        shelf,
        subject,
        # A preview is to be the same twice: surprises are left out.
        Rules(language=somebody.language, exploration=0.0),
        seed,
        used=dict.fromkeys(somebody.seen, SEEN_TIMES),
        lend=storyboard.Everything(),
        tastes=somebody.tastes,
        template=template,
    )
    if board is None:
        reason, values = _why_not(shelf, subject, template or shelf.template(subject))
        return Preview(None, None, reason, values)
    return Preview(board, recipes.store(tx, [board], now, counted=False)[0])


def variants(
    tx: Tx,
    merchant_id: str,
    product_id: str,
    template: Template | None,
    language: str | None,
    count: int,
    seed: str,
    now: datetime,
) -> list[tuple[Storyboard, Recipe]]:
    """Return up to `count` different videos about a merchant's own product, each unlike those before it."""
    check_language(language)
    subject, shelf = _subject(tx, merchant_id, product_id), shelves.current(tx, now)
    boards = storyboard.campaign(
        shelf, subject, Rules(language=language), seed, min(count, MOST_VARIANTS), template=template
    )
    return list(zip(boards, recipes.store(tx, boards, now, counted=False), strict=True))


def _subject(tx: Tx, merchant_id: str, product_id: str) -> Subject:
    check_products(tx, [product_id], merchant_id, field="product_id")
    category = tx.scalar(select(products.c.category).where(products.c.id == product_id))
    if category is None:
        raise UserError("product-unknown", "Choose a product of your own shop.", field="product_id")
    return Subject(product_id, merchant_id, str(category))


def _why_not(shelf: Shelf, subject: Subject, template: Template) -> tuple[str, Mapping[str, Any]]:
    longest: dict[str, int] = {}
    for each in shelf.segments.values():
        lent = each.role == "hook" and each.category == subject.category
        own = each.merchant_id == subject.merchant_id and (each.product_id == subject.product_id or lent)
        if own and each.role in template.order and not set(each.tags) & set(template.never_tags):
            longest[each.role] = max(longest.get(each.role, 0), each.duration_ms)
    missing = [role for role in template.order if role in template.needed and role not in longest]
    if missing:
        return "A segment in the role “{role}” is missing.", {"role": missing[0]}
    if sum(longest.values()) < template.shortest_ms:
        seconds = f"{sum(longest.values()) / 1000:.1f}"
        return "Its segments last {seconds} s together at most: too short.", {"seconds": seconds}
    return "No video keeps all of these rules. Loosen tags, language or length.", {}

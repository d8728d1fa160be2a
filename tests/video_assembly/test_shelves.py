"""The shelf in memory says what the database says, although it only looks at what changed."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, event, update

from shop.catalog import products
from storage.database import Database, Tx
from tests.video_assembly.shopfront import NOW, PRODUCTS, Shopfront, add_clip, open_shopfront
from video_assembly import edits, shelves, templates, vetoes
from video_assembly.candidates import candidates
from video_assembly.library import segments
from video_assembly.lots import Subject
from video_assembly.shelf import Shelf
from video_assembly.storyboard import Everything, Rules, plan
from video_assembly.templates import ORDER, Template, active_templates
from video_assembly.vetoes import vetoed

pytestmark = pytest.mark.slow

SOON = timedelta(minutes=1)


@pytest.fixture
def front(db: Database) -> Shopfront:
    return open_shopfront(db)


def check(front: Shopfront, now: datetime) -> Shelf:
    """The shelf plans as one that was read anew."""
    with front.db.reading() as tx:
        kept = shelves.current(tx, now)
        fresh = Shelf(candidates(tx, now), active_templates(tx), vetoed(tx))
    assert kept.segments == fresh.segments
    for handle, (seller, _, category, _) in PRODUCTS.items():
        subject = Subject(front.products[handle], front.merchants[seller], category)
        assert kept.tellable(subject, "de") == fresh.tellable(subject, "de")
        ways = [plan(each, subject, Rules("de"), "seed", lend=Everything()) for each in (kept, fresh)]
        assert ways[0] == ways[1], handle
    return kept


def test_any_edits_are_seen_at_once(front: Shopfront) -> None:
    check(front, NOW)
    dice = random.Random(4)
    own = {seller: [] for seller in front.merchants}
    with front.db.reading() as tx:
        for each in candidates(tx, NOW):
            own[next(name for name, found in front.merchants.items() if found == each.merchant_id)].append(each.id)

    def edit(tx: Tx, now: datetime, seller: str, segment_id: str) -> None:
        changes = {
            "role": dice.choice(ORDER),
            "archived": dice.random() < 0.3,
            "tags": dice.sample(["wool", "cotton"], dice.randint(0, 2)),
            "rights_until": dice.choice([None, now + SOON]),
            "valid_from": dice.choice([None, now + SOON / 2]),
            "language": dice.choice(["de", "en", None]),
        }
        some = dice.sample(sorted(changes), 2)
        edits.edit_segment(tx, segment_id, front.merchants[seller], now, **{name: changes[name] for name in some})

    def subtitle(tx: Tx, now: datetime, seller: str, segment_id: str) -> None:
        text = "WEBVTT\n\n00:00.000 --> 00:01.000\nWolle.\n"
        _, mistakes = edits.set_captions(tx, segment_id, front.merchants[seller], "de", text, now)
        assert not mistakes

    def silence(tx: Tx, now: datetime, seller: str, segment_id: str) -> None:
        edits.drop_captions(tx, segment_id, front.merchants[seller], "de", now)

    def more(tx: Tx, now: datetime, seller: str, _: str) -> None:
        handle = dice.choice([name for name, each in PRODUCTS.items() if each[0] == seller])
        salt = str(dice.random())
        own[seller] += add_clip(tx, front.merchants[seller], front.products[handle], ORDER, salt=salt)

    def rule(tx: Tx, now: datetime, seller: str, _: str) -> None:
        template = Template(tone=dice.choice(["calm", "lively"]), never_tags=("wool",))
        templates.add_template(tx, front.merchants[seller], "Rules", template, now, active=True)

    def forbid(tx: Tx, now: datetime, seller: str, _: str) -> None:
        handle = dice.choice([name for name, each in PRODUCTS.items() if each[0] == seller])
        subject = Subject(front.products[handle], front.merchants[seller], PRODUCTS[handle][2])
        board = plan(shelves.current(tx, now), subject, Rules("de"), "seed", lend=Everything())
        if board is not None:
            vetoes.veto(tx, subject.merchant_id, subject.product_id, board.segment_ids, now)

    steps: list[Callable[[Tx, datetime, str, str], None]] = [edit, edit, edit, subtitle, silence, more, rule, forbid]
    for number in range(30):  # within ten minutes, so that nothing is read anew
        now = NOW + number * timedelta(seconds=7)
        with front.db.writing() as tx:
            seller = dice.choice(sorted(own))
            dice.choice(steps)(tx, now, seller, dice.choice(own[seller]))
        check(front, now)


def test_what_did_not_change_is_not_read_again(front: Shopfront) -> None:
    asked: list[str] = []
    event.listen(front.db.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    kept = check(front, NOW)
    asked.clear()
    with front.db.reading() as tx:
        assert shelves.current(tx, NOW + timedelta(minutes=1)) is kept
        assert shelves.refresh(tx, NOW + timedelta(minutes=1), anew=True) is kept, "it was read and nothing was new"
    assert sum("product_id" in each for each in asked) == 1, "that once"
    front.feed(front.viewer)
    assert check(front, NOW) is kept, "counting videos is no change"


def test_rights_end_without_anybody_writing(front: Shopfront) -> None:
    seller, handle = front.merchants["herd"], front.products["lamp"]
    with front.db.writing() as tx:
        found = next(each for each in candidates(tx, NOW) if each.product_id == handle and each.role == "demo")
        edits.edit_segment(tx, found.id, seller, NOW, rights_until=NOW + SOON, valid_from=NOW - SOON)
    assert found.id in check(front, NOW).segments
    assert found.id in check(front, NOW + SOON / 2).segments
    assert found.id not in check(front, NOW + SOON).segments
    assert found.id in check(front, NOW).segments, "a request may be a little older than the one before"


def test_changes_that_no_segment_tells_are_seen_when_they_are_chosen(front: Shopfront) -> None:
    page = front.feed(front.viewer)
    lamp = front.products["lamp"]
    with front.db.writing() as tx:
        tx.execute(update(products).where(products.c.id == lamp).values(category="kitchen"))
        tx.execute(delete(segments).where(segments.c.product_id == front.products["jacket"], segments.c.role == "cta"))
    stranger = front.add_viewer()
    names = front.names(front.feed(stranger, limit=20))
    assert "jacket" not in names
    assert "lamp" in names
    with front.db.reading() as tx:
        assert {each.category for each in shelves.current(tx, NOW).segments.values() if each.product_id == lamp} == {
            "kitchen"
        }
    assert page.videos

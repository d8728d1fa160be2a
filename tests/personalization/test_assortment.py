"""What is on sale, from memory: stock at once, other edits within seconds."""

from datetime import timedelta

from sqlalchemy import delete, select, update

from personalization import assortment, rates
from personalization.log import Event
from personalization.profile import NOTHING
from personalization.ranking import rank
from shop import stock
from shop.catalog import products, variants
from tests.personalization.conftest import NOW, Scene


def test_what_sells_out_is_gone_at_once(scene: Scene) -> None:
    with scene.db.writing() as tx:
        assert scene.lamp in assortment.current(tx, NOW).columns("all", lambda each: True).at
        variant = tx.scalar(select(variants.c.id).where(variants.c.product_id == scene.lamp))
        stock.take(tx, variant, 5, NOW)
        assert scene.lamp not in assortment.current(tx, NOW).columns("all", lambda each: True).at


def test_other_edits_come_after_seconds_or_when_told(scene: Scene) -> None:
    with scene.db.writing() as tx:
        before = assortment.current(tx, NOW)
        assert assortment.current(tx, NOW) is before
        tx.execute(update(products).where(products.c.id == scene.lamp).values(published=False))
        assert scene.lamp not in assortment.current(tx, NOW + assortment.KEPT_FOR).facts
        tx.execute(update(products).where(products.c.id == scene.lamp).values(published=True))
        assortment.forget(tx)
        assert scene.lamp in assortment.current(tx, NOW + assortment.KEPT_FOR).facts


def test_beside_requests_it_is_looked_at_sooner(scene: Scene) -> None:
    welcomed = [Event(f"w{n}", "Video Liked", NOW, scene.lamp) for n in range(60)]
    soon = NOW + assortment.COUNTED_EVERY / assortment.SOONER
    with scene.db.writing() as tx:
        before = assortment.current(tx, NOW)
        rates.count(tx, welcomed)
        assert assortment.current(tx, soon) is before
        assert assortment.refresh(tx, soon).candidates[scene.lamp].rate > before.candidates[scene.lamp].rate
        assert assortment.current(tx, soon) is assortment.refresh(tx, soon)


def test_what_is_mended_is_what_would_be_read(scene: Scene) -> None:
    with scene.db.writing() as tx:
        name = assortment.current(tx, NOW).columns("all", lambda each: True)
        variant = tx.scalar(select(variants.c.id).where(variants.c.product_id == scene.lamp))
        stock.take(tx, variant, 2, NOW)
        mended = assortment.current(tx, NOW)
        assortment.forget(tx)
        read = assortment.current(tx, NOW)
        assert mended.candidates == read.candidates
        assert list(mended.facts.items()) == list(read.facts.items())
        again = [each.columns("all", lambda each: True) for each in (mended, read)]
        assert (again[0].stock == again[1].stock).all()
        assert again[0].stock.sum() == name.stock.sum() - 2
        tx.execute(delete(products).where(products.c.id == scene.lamp))
        late = NOW + assortment.COUNTED_EVERY
        assert scene.lamp not in assortment.current(tx, late).facts


def test_what_was_rarely_shown_gets_its_chance(scene: Scene) -> None:
    shown = [Event(f"e{n}", "Video Content Started", NOW, scene.lamp) for n in range(200)]
    welcomed = [Event(f"w{n}", "Video Liked", NOW, scene.lamp) for n in range(60)]
    with scene.db.writing() as tx:
        rates.count(tx, shown + welcomed)
        found = assortment.current(tx, NOW + timedelta(minutes=1))
        columns = found.columns("all", lambda each: True)
        assert found.candidates[scene.jacket].promise > 5 * found.candidates[scene.lamp].promise
        first = rank(NOTHING, columns, [1], NOW, "s", exploration=0)[0]
    assert first.product_id != scene.lamp
    assert first.parts["promise"] > 0

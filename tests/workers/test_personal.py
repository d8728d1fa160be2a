"""The job `personal`: MoviePy draws, the common form holds, the cost is booked and the files go with their truth."""

from datetime import timedelta

import av
import pytest
from PIL import Image
from sqlalchemy import select, update

from shop import catalog
from storage import costs, jobs
from storage.clock import utcnow
from tests.video_assembly.footage import DEMO, demo_segments
from tests.video_assembly.shopfront import add_product
from tests.workers.conftest import Floor
from video_assembly import inserts, library, personal, renditions
from video_assembly.personal import Switches, personal_segments
from workers.tasks import carry_out, sweep

pytestmark = pytest.mark.slow


@pytest.fixture
def product_id(floor: Floor) -> str:
    """A product with a picture, whose shop wants its price in videos."""
    picture = next((DEMO / "products").glob("*.webp"))
    floor.media.put("products/filter.webp", picture)
    with floor.db.writing() as tx:
        found = add_product(tx, floor.merchant_id, "filter", "Nord", "kitchen", 5)
        tx.execute(update(catalog.products).values(image="products/filter.webp"))
        personal.allow(tx, floor.merchant_id, Switches(prices=True))
        inserts.prepare(tx, [found], utcnow())
    return found


def jobs_of(floor: Floor) -> list[str]:
    with floor.db.reading() as tx:
        return list(tx.execute(select(jobs.jobs.c.id).where(jobs.jobs.c.kind == personal.JOB)).scalars())


def test_a_price_is_drawn_like_any_segment_and_goes_with_it(floor: Floor, product_id: str) -> None:
    first, second = jobs_of(floor)
    carry_out(floor.workshop, first)

    with floor.db.reading() as tx:
        row = tx.all(select(personal_segments).where(personal_segments.c.state == "ready"))[0]
        source = renditions.sources(tx, [row.id])[0]
        small = renditions.small_sources(tx, [row.id])[0]
        job = tx.all(select(jobs.jobs).where(jobs.jobs.c.id == first))[0]
        booked = costs.totals(tx)
    assert row.init_digest == demo_segments()[0]["init_digest"], "it can stand between any two segments"
    assert small.init_digest == demo_segments()[0]["small"]["init_digest"]
    with av.open(str(floor.media.path(source.media_key))) as container:
        assert sum(1 for _ in container.decode(video=0)) == 2 * 48
    assert floor.media.exists(small.media_key)
    with Image.open(floor.media.path(library.poster_key(row.digest))) as poster:
        assert poster.convert("L").getextrema()[1] > 230, "the poster shows what is written, not the empty beginning"
    assert (job.state, job.cpu_ms > 500, job.bytes_out > row.bytes, job.watt_hours > 0) == ("done", True, True, True)
    assert [(each.kind, each.jobs) for each in booked] == [("personal", 1)]
    assert list(floor.media.incoming.iterdir()) == []

    with floor.db.writing() as tx:
        tx.execute(update(catalog.variants).where(catalog.variants.c.product_id == product_id).values(price=1))
    sweep(floor.workshop)
    assert floor.media.exists(source.media_key), "somebody may be watching"
    carry_out(floor.workshop, second)
    with floor.db.writing() as tx:
        assert len(tx.all(select(personal_segments).where(personal_segments.c.state == "ready"))) == 1, "too late"
        tx.execute(update(personal_segments).values(retired_at=utcnow() - personal.GRACE - timedelta(seconds=1)))
    sweep(floor.workshop)
    assert not floor.media.exists(source.media_key)
    assert not floor.media.exists(small.media_key)


def test_a_name_that_cannot_be_written_is_done_without(floor: Floor) -> None:
    with floor.db.writing() as tx:
        wish = inserts.greeting_of("", "李", "de")
        assert wish is not None
        personal.find(tx, [personal.Wish(wish.kind, wish.content)], utcnow())
    (job_id,) = jobs_of(floor)
    carry_out(floor.workshop, job_id)
    with floor.db.reading() as tx:
        assert tx.scalar(select(personal_segments.c.state)) == "failed"
        assert tx.scalar(select(jobs.jobs.c.state)) == "done"

"""Consent comes first: nothing is kept without it, and taking it back forgets."""

from sqlalchemy import select

from personalization import consent, log, memory, rates, state
from personalization.consent import Consent
from tests.personalization.conftest import NOW, Scene

LIKE = {"messageId": "m1", "event": "Video Liked", "properties": {"video_id": "v-lamp"}}
START = {"messageId": "m2", "event": "Video Content Started", "properties": {"video_id": "v-lamp"}}


def test_before_an_answer_nothing_is_stored(scene: Scene) -> None:
    viewer = scene.add_viewer()
    counts = scene.ingest(LIKE, START, viewer=viewer)
    assert (counts.accepted, counts.stored, counts.duplicate, counts.version) == (2, 0, 0, None)
    with scene.db.reading() as tx:
        assert consent.current(tx, viewer) == Consent(asked=False, personalise=False, measure=False)
        assert log.export(tx, viewer) == []
        assert not state.current(tx, viewer, NOW).profiled


def test_a_no_is_an_answer(scene: Scene) -> None:
    viewer = scene.add_viewer()
    scene.consent(False, False, viewer)
    assert scene.ingest(LIKE, viewer=viewer).stored == 0
    with scene.db.reading() as tx:
        assert consent.current(tx, viewer) == Consent(asked=True, personalise=False, measure=False)


def test_every_answer_stays_in_the_ledger(scene: Scene) -> None:
    scene.consent(False, True)
    scene.consent(True, True)
    with scene.db.reading() as tx:
        given = [(each["purpose"], each["given"]) for each in consent.export(tx, scene.viewer)]
        assert consent.current(tx, scene.viewer) == Consent(True, True, True)
    assert given == [
        ("personalise", True),
        ("measure", True),
        ("personalise", False),
        ("measure", True),
        ("personalise", True),
        ("measure", True),
    ]


def test_each_purpose_stands_for_itself(scene: Scene) -> None:
    measured_only, personal_only = scene.add_viewer(), scene.add_viewer()
    scene.consent(False, True, measured_only)
    scene.consent(True, False, personal_only)
    assert scene.ingest(LIKE, START, viewer=measured_only).stored == 2
    assert scene.ingest(LIKE, START, viewer=personal_only).stored == 2
    with scene.db.reading() as tx:
        assert memory.load(tx, measured_only)[0].tastes == {}
        assert memory.load(tx, personal_only)[0].tastes
        row = tx.one_or_none(select(rates.product_counts))
        assert row is not None
        assert (row.shown, row.welcomed) == (1, 1)
    scene.consent(True, True, measured_only)
    with scene.db.reading() as tx:
        assert memory.load(tx, measured_only)[0].tastes == {}, "what was given for measuring is not used for more"


def test_taking_back_forgets_the_profile_and_the_counts(scene: Scene) -> None:
    scene.ingest(LIKE, START)
    before = scene.db
    with before.reading() as tx:
        version = memory.version(tx, scene.viewer)
    scene.consent(False, True)
    with before.reading() as tx:
        profile, after = memory.load(tx, scene.viewer)
        assert profile.tastes == {}
        assert after == version + 1
        assert len(log.export(tx, scene.viewer)) == 2
        assert not state.current(tx, scene.viewer, NOW).profiled
        assert rates.current(tx).by_product
    scene.consent(False, False)
    with before.reading() as tx:
        assert log.export(tx, scene.viewer) == []
        assert tx.all(select(rates.product_counts)) == []


def test_an_answer_about_the_profile_tells_the_viewers_pages(scene: Scene) -> None:
    with scene.db.writing() as tx:
        consent.put(tx, scene.viewer, personalise=False, measure=True, text_version="1", source="account", now=NOW)
        assert [topic for topic, _ in tx.facts] == [f"viewer:{scene.viewer}"]
        consent.put(tx, scene.viewer, personalise=False, measure=False, text_version="1", source="account", now=NOW)
        assert len(tx.facts) == 1

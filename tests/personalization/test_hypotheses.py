"""Guesses: formed from what was welcomed, tested with one place of ten, kept, dropped, and answered by the viewer."""

import itertools
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import update

from personalization import hypotheses, interests, ranking
from personalization.hypotheses import Guess, guesses
from personalization.interests import Change
from personalization.log import STARTED, Event
from personalization.profile import Profile
from personalization.ranking import Candidate
from personalization.traits import traits_of
from shop.catalog import products
from storage.ids import new_id
from tests.personalization.conftest import NOW, Scene

TRAITS = {"a": {"linen"}, "b": {"linen"}, "c": {"linen", "wool"}, "x": set[str](), "y": set[str]()}


def told(name: str, product: str, number: int, at: datetime = NOW) -> Event:
    return Event(f"{name}{product}{number}", name, at, product_id=product)


def history(welcomed: Iterable[str], shown: Iterable[str]) -> list[Event]:
    events = [told(STARTED, product, number) for number, product in enumerate(shown)]
    return events + [told("Video Liked", product, number) for number, product in enumerate(welcomed)]


def found(events: Iterable[Event], trait: str = "linen") -> Guess | None:
    return next((each for each in guesses(events, TRAITS) if each.trait == trait), None)


def test_traits_are_read_off_words() -> None:
    assert traits_of("Kissen aus Leinen, handgemacht") == {"linen", "handmade"}
    assert traits_of("Recycled rain jacket for kids") == {"sustainable", "waterproof", "child"}
    # "Wolle" is no "wolf", and a stem counts only at the beginning of a word
    assert traits_of("Wolfram\nunkind\nMondholz") == set()


def test_a_guess_is_formed_from_two_products_and_no_fewer() -> None:
    others = ["x", "y"] * 4
    opened = found(history("ab", [*"ab", *others]))
    assert opened is not None
    assert (opened.state, opened.shown, opened.welcomed, opened.others_shown) == ("open", 2, 2, 8)
    assert found(history("aa", [*"aa", *others])) is None
    assert found(history("abxyx", [*"ab", "x", "y", "x"])) is None


def test_it_is_kept_or_dropped_by_what_the_tests_say() -> None:
    others = ["x", "y"] * 10
    kept = found(history("abcabcab", [*"abcabcab", *others]))
    assert kept is not None
    assert (kept.state, kept.probability > 0.95) == ("kept", True)
    dropped = found(history("xyxyxyxy", [*"abcabcab", *"xyxyxyxyxy"]))
    assert dropped is not None
    assert dropped.state == "dropped"


def test_the_viewer_has_the_last_word(scene: Scene) -> None:
    with scene.db.writing() as tx:
        tx.execute(update(products).where(products.c.id.in_([scene.lamp, scene.blanket])).values(words="leinen"))
    for number, product in enumerate((scene.lamp, scene.blanket, *[scene.jacket] * 8)):
        for event in [STARTED] + (["Video Liked"] if product != scene.jacket else []):
            scene.ingest({"messageId": f"{event}{number}", "event": event, "properties": {"product_id": product}})

    def states() -> dict[str, str]:
        with scene.db.reading() as tx:
            return {each.trait: each.state for each in hypotheses.current(tx, scene.viewer, NOW)}

    def change(later: int, **wanted: list[str]) -> None:
        with scene.db.writing() as tx:
            now = NOW + timedelta(minutes=later)
            interests.change(tx, scene.viewer, Change(**wanted), [new_id()], now)  # type: ignore[arg-type]

    assert states() == {"linen": "open"}
    change(1, reject=["linen"])
    assert states() == {"linen": "rejected"}
    change(2, confirm=["linen"])
    assert states() == {"linen": "confirmed"}
    with scene.db.reading() as tx:
        newest = interests.view(tx, scene.viewer, NOW).corrections[0].id
    change(3, undo=[newest])
    assert states() == {"linen": "rejected"}


def test_a_feed_has_at_most_one_test(scene: Scene) -> None:
    with scene.db.writing() as tx:
        tx.execute(update(products).where(products.c.id.in_([scene.lamp, scene.blanket])).values(words="leinen"))
    for number, product in enumerate((scene.lamp, scene.blanket, *[scene.jacket] * 8)):
        for event in [STARTED] + (["Video Liked"] if product != scene.jacket else []):
            scene.ingest({"messageId": f"{event}{number}", "event": event, "properties": {"product_id": product}})
    candidates = [
        Candidate(each, scene.merchant, "c", "b", NOW, 5) for each in (scene.lamp, scene.jacket, "other", "more")
    ]
    choices = ranking.rank(Profile(), candidates, range(1, 31), NOW, "s", exploration=0.0)
    with scene.db.reading() as tx:
        made, again = (
            hypotheses.with_guesses(tx, scene.viewer, Profile(), choices, candidates, NOW, "s", {}) for _ in range(2)
        )
    assert made == again
    tests = [choice for choice in made if choice.kind == "guess"]
    assert {choice.place % 10 for choice in tests} <= {hypotheses.TEST_PLACE}
    assert {choice.product_id for choice in tests} <= {scene.lamp}
    assert [choice.place for choice in made] == list(range(1, 31))
    for one, two in itertools.pairwise(made):
        assert one.product_id != two.product_id


def test_nobody_unknown_is_guessed_about(scene: Scene) -> None:
    choices = ranking.rank(Profile(), [Candidate("p", "m", "c", "b", NOW, 5)], [7], NOW, "s")
    with scene.db.reading() as tx:
        assert hypotheses.with_guesses(tx, scene.viewer, Profile(), choices, [], NOW, "s", {}) == choices

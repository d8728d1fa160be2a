"""Reasons as sentences."""

from personalization.explain import CODES
from web.i18n import catalogue
from web.reasons import EVENTS, EVENTS_HERE, SEGMENT_REASONS, SHARED, WITHOUT_EVENT, why_json


def test_every_code_of_ranking_has_a_sentence() -> None:
    assert set(CODES.values()) == set(EVENTS) == set(EVENTS_HERE)


def test_every_sentence_is_german_too() -> None:
    german = catalogue("de")
    for table in (EVENTS, EVENTS_HERE, SHARED, WITHOUT_EVENT, SEGMENT_REASONS):
        assert set(table.values()) <= set(german)


def test_who_is_not_profiled_is_told_of_the_mix_only() -> None:
    why = why_json({"code": "popular"}, {}, {}, "en", profiled=False)
    assert why == {"code": "mix", "text": "Part of the mix that everybody sees.", "at": None}


def test_an_event_about_a_product_that_is_gone_still_has_a_sentence() -> None:
    why = why_json({"code": "because-liked", "product_id": "gone", "at": "2026-11-22T06:00:00Z"}, {}, {}, "de", True)
    assert why["text"] == "Das passt zu dem, was du hier angesehen hast."


def test_an_event_about_the_shown_product_names_no_other() -> None:
    reason = {"code": "because-bought", "product_id": "p", "about": "product", "value": "p", "at": None}
    assert why_json(reason, {}, {}, "en", True)["text"] == "You bought this."
    assert why_json(reason, {}, {}, "de", True)["text"] == "Das hast du gekauft."


def test_what_nothing_is_known_about_does_not_do_well() -> None:
    text = why_json({"code": "in-the-mix"}, {}, {}, "en", True)["text"]
    assert text == "Part of the mix, until we know better what you like."

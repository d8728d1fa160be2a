"""Reasons as sentences."""

from personalization.explain import CODES
from web.i18n import catalogue
from web.reasons import EVENTS, SEGMENT_REASONS, SHARED, WITHOUT_EVENT, why_json


def test_every_code_of_ranking_has_a_sentence() -> None:
    assert set(CODES.values()) == set(EVENTS)


def test_every_sentence_is_german_too() -> None:
    german = catalogue("de")
    for table in (EVENTS, SHARED, WITHOUT_EVENT, SEGMENT_REASONS):
        assert set(table.values()) <= set(german)


def test_who_is_not_profiled_is_told_of_the_mix_only() -> None:
    why = why_json({"code": "popular"}, {}, {}, "en", profiled=False)
    assert why == {"code": "mix", "text": "Part of the mix that everybody sees.", "at": None}


def test_an_event_about_a_product_that_is_gone_still_has_a_sentence() -> None:
    why = why_json({"code": "because-liked", "product_id": "gone", "at": "2026-11-22T06:00:00Z"}, {}, {}, "de", True)
    assert why["text"] == "Das passt zu dem, was du hier angesehen hast."

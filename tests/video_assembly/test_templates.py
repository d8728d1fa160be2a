"""Templates: what a merchant may ask for, whose they are, which one holds, and videos that are ruled out."""

from datetime import timedelta
from typing import Any

import pytest

from storage.database import Database
from storage.errors import NotFound, UserError
from tests.video_assembly.shopfront import NOW, Shopfront, open_shopfront
from video_assembly import templates, vetoes
from video_assembly.templates import DEFAULT, Template, template_of


@pytest.fixture
def front(db: Database) -> Shopfront:
    return open_shopfront(db)


def test_rules_survive_their_form() -> None:
    asked = {
        "order": ["hook", "offer", "demo", "cta"],
        "needed": ["cta", "hook"],
        "shortest_ms": 6400,
        "longest_ms": 20_000,
        "must_tags": [" new "],
        "never_tags": ["winter"],
        "brand_cap": 3,
        "tone": "calm",
        "own_language": True,
        "personal": False,
    }
    made = template_of(asked)
    assert made.needed == {"hook", "cta"}
    assert made.must_tags == ("new",)
    assert template_of(made.to_json()) == made
    assert template_of({}) == DEFAULT == template_of(DEFAULT.to_json())
    assert template_of({"order": ["hook", "cta"]}).needed == {"cta"}


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("order", {"order": []}),
        ("order", {"order": ["hook", "hook", "cta"]}),
        ("order", {"order": ["intro"]}),
        ("order", {"order": "hook"}),
        ("order", {"order": [1]}),
        ("needed", {"needed": []}),
        ("needed", {"order": ["hook"], "needed": ["cta"]}),
        ("longest_ms", {"shortest_ms": 20_000, "longest_ms": 10_000}),
        ("longest_ms", {"shortest_ms": 0}),
        ("longest_ms", {"longest_ms": 10**12}),
        ("longest_ms", {"longest_ms": 20.5}),
        ("must_tags", {"must_tags": ["a", "b", "c"]}),
        ("never_tags", {"must_tags": ["a"], "never_tags": ["a"]}),
        ("tags", {"never_tags": ["x" * 41]}),
        ("brand_cap", {"brand_cap": 0}),
        ("brand_cap", {"brand_cap": True}),
        ("tone", {"tone": "loud"}),
        ("own_language", {"own_language": 1}),
        ("personal", {"personal": "no"}),
        ("colour", {"colour": "red"}),
    ],
)
def test_what_cannot_be_is_said_by_its_field(field: str, given: dict[str, Any]) -> None:
    with pytest.raises(UserError) as refused:
        template_of(given)
    assert refused.value.extra["field"] == field


def test_a_category_s_own_template_comes_first(front: Shopfront) -> None:
    herd, wetter = front.merchants["herd"], front.merchants["wetter"]
    short, long = Template(longest_ms=16_000), Template(shortest_ms=16_000)
    with front.db.writing() as tx:
        general = templates.add_template(tx, herd, " All ", short, NOW, active=True)
        draft = templates.add_template(tx, herd, "Living", long, NOW, category="living")
        assert (general.name, draft.active) == ("All", False)
        found = templates.active_templates(tx)
        assert templates.template_for(found, herd, "living") == short
        templates.edit_template(
            tx, draft.id, herd, NOW + timedelta(1), name="Living", template=long, category="living", active=True
        )
        found = templates.active_templates(tx)
        assert templates.template_for(found, herd, "living") == long
        assert templates.template_for(found, herd, "kitchen") == short
        assert templates.template_for(found, wetter, "living") == DEFAULT
        assert [each.name for each in templates.list_templates(tx, herd)] == ["All", "Living"]
        templates.remove_template(tx, general.id, herd)
        assert templates.template_for(templates.active_templates(tx), herd, "kitchen") == DEFAULT


def test_another_shop_s_templates_do_not_exist(front: Shopfront) -> None:
    herd, wetter = front.merchants["herd"], front.merchants["wetter"]
    with front.db.writing() as tx:
        one = templates.add_template(tx, herd, "All", DEFAULT, NOW)
        for call in (
            lambda: templates.stored_template(tx, one.id, wetter),
            lambda: templates.remove_template(tx, one.id, wetter),
            lambda: templates.edit_template(
                tx, one.id, wetter, NOW, name="x", template=DEFAULT, category=None, active=True
            ),
        ):
            with pytest.raises(NotFound):
                call()
        assert templates.list_templates(tx, wetter) == []


def test_names_and_numbers_are_bounded(front: Shopfront) -> None:
    herd = front.merchants["herd"]
    with front.db.writing() as tx:
        for name in ("", " ", "x" * 81):
            with pytest.raises(UserError):
                templates.add_template(tx, herd, name, DEFAULT, NOW)
        for number in range(templates.MOST_TEMPLATES):
            templates.add_template(tx, herd, str(number), DEFAULT, NOW)
        with pytest.raises(UserError):
            templates.add_template(tx, herd, "one more", DEFAULT, NOW)


def test_a_veto_is_of_one_order_of_segments_and_can_be_taken_back(front: Shopfront) -> None:
    herd, wetter, lamp = front.merchants["herd"], front.merchants["wetter"], front.products["lamp"]
    with front.db.writing() as tx:
        for ids in (["a", "b"], ["a", "b"], ["b", "a"]):
            vetoes.veto(tx, herd, lamp, ids, NOW)
        assert vetoes.vetoed(tx) == {(herd, lamp): {("a", "b"), ("b", "a")}}
        vetoes.allow(tx, wetter, lamp, ["a", "b"])
        vetoes.allow(tx, herd, lamp, ["b", "a"])
        assert vetoes.vetoed(tx) == {(herd, lamp): {("a", "b")}}
        with pytest.raises(UserError):
            vetoes.veto(tx, wetter, lamp, ["a"], NOW)
        with pytest.raises(UserError):
            vetoes.veto(tx, herd, lamp, [], NOW)
        for number in range(1, vetoes.MOST_OF_A_PRODUCT):
            vetoes.veto(tx, herd, lamp, [str(number)], NOW)
        with pytest.raises(UserError):
            vetoes.veto(tx, herd, lamp, ["one", "more"], NOW)

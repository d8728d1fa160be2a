"""Recipes in few bytes say what they were given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.ids import new_id
from video_assembly.clips import ROLES
from video_assembly.packed import ROLES as NUMBERED
from video_assembly.packed import Ingredient, pack, unpack
from video_assembly.personal import KINDS

pytestmark = pytest.mark.slow

ids = st.one_of(
    st.uuids().map(str),
    st.sampled_from(["", "p", "Ä" * 40, "0" * 36, "01A21588-B50E-7493-9124-D2B888AE2FF7", "posters/0.jpg"]),
)
posters = st.one_of(st.binary(min_size=32, max_size=32).map(lambda digest: f"posters/{digest.hex()}.jpg"), ids)
roles = st.one_of(st.sampled_from([*ROLES, *KINDS]), st.text(max_size=5))
ingredients = st.builds(Ingredient, ids, ids, st.none() | ids, roles, st.integers(0, 2**32 - 1), posters)


@given(st.lists(ingredients, max_size=8), ids)
def test_nothing_is_lost(some: list[Ingredient], product_id: str) -> None:
    assert list(unpack(pack(some, product_id), product_id)) == some


def test_five_segments_of_one_clip_are_few_bytes() -> None:
    product, clip = new_id(), new_id()
    some = [Ingredient(new_id(), clip, product, role, 4800, f"posters/{i:064x}.jpg") for i, role in enumerate(ROLES)]
    assert len(pack(some, product)) <= 5 * 64
    assert set(NUMBERED) >= {*ROLES, *KINDS}, "each has a number"

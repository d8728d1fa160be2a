"""Traits of products that no category says, read off their titles and descriptions: linen, wood, made by hand."""

import re
from collections.abc import Mapping

# German and English stems; a trait has one of them at the beginning of a word.
TRAITS: Mapping[str, tuple[str, ...]] = {
    "child": ("kind", "baby", "child", "kid", "toddler"),
    "linen": ("leinen", "linen"),
    "wool": ("woll", "wool", "merino"),
    "wood": ("holz", "wooden", "eiche", "oak", "walnut"),
    "sustainable": ("bio-", "organic", "recycl", "recycel", "nachhaltig", "sustainab", "kompostier"),
    "handmade": ("handgemacht", "handgefertigt", "handmade", "handarbeit", "handcrafted"),
    "waterproof": ("wasserdicht", "waterproof", "regen", "rain"),
    "gift": ("geschenk", "gift"),
}
_PATTERNS = {name: re.compile(r"\b(?:" + "|".join(map(re.escape, stems)) + ")") for name, stems in TRAITS.items()}


def traits_of(text: str) -> frozenset[str]:
    """Return the traits that a product's words name."""
    found = text.casefold()
    return frozenset(name for name, pattern in _PATTERNS.items() if pattern.search(found))

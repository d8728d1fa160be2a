"""Why a product was chosen, as data: a code and what it names; web turns it into a sentence."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import nlargest
from math import log2
from typing import Any

from personalization.profile import BOUGHT, LONG_HALF_LIFE, SHORT_HALF_LIFE, UNDOES, Evidence, Key, Profile, Taste
from storage.database import EPOCH, MILLISECOND

MOST = 2
# A taste that is nearly gone explains nothing.
FAINT = 0.01

CODES: Mapping[str, str] = {
    "Order Completed": "because-bought",
    "Product Added": "because-cart",
    "Product Clicked": "because-clicked",
    "Product Viewed": "because-viewed",
    "Product Shared": "because-shared",
    "Video Liked": "because-liked",
    "Video Content Completed": "because-completed",
    "Video Content Playing": "because-watched",
    "Interested": "because-interested",
    "Interest Stated": "because-stated",
    "Products Searched": "because-searched",
    "Question Asked": "because-asked",
    "Product Dwelled": "because-viewed",
    "Video Rewatched": "because-completed",
}


@dataclass(frozen=True)
class Reason:
    """One reason, the stronger the earlier.

    `because-*` names the event: event_id, product_id (of the event), at, and about with the value that the event and
    the choice share: `product` whenever the event was about the very product that is shown, else brand, category or
    merchant. `surprise`: an exploration. `new-here`, `popular`, `in-stock`, `in-the-mix` (nothing known yet): no event.
    """

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the code and its parameters in one flat object."""
        return {"code": self.code, **self.params}


class Witnesses:
    """What speaks for each of a profile's tastes, with what its weight has become; made once for many choices."""

    def __init__(self, profile: Profile, at: int) -> None:
        self.profile, self._at = profile, at
        self._ruled_out = any(block.blocked for block in profile.blocks.values())
        self._known: dict[Key, list[tuple[float, float, Evidence]]] = {}

    def of(self, key: Key, taste: Taste) -> list[tuple[float, float, Evidence]]:
        """Return long-term and session weight of each event that stands behind a taste and was not ruled out."""
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = [
                (each.weight * 2.0 ** (-age / LONG_HALF_LIFE), each.weight * 2.0 ** (-age / SHORT_HALF_LIFE), each)
                for each in standing(taste)
                if not (self._ruled_out and self._blocked(each))
                for age in (max(0, self._at - each.at),)
            ]
        return found

    def strongest(self, taste: Taste) -> Evidence | None:
        """Return the event that weighs the most by now among those that stand behind a taste."""
        evidence = taste.evidence if len(taste.evidence) == 1 else standing(taste)
        left = [each for each in evidence if each.weight > 0 and not (self._ruled_out and self._blocked(each))]
        if len(left) < 2:
            return left[0] if left else None
        # Both times in the same unit: who was earlier has lost more.
        return max(left, key=lambda each: (log2(each.weight) + each.at / LONG_HALF_LIFE, each.at, each.event_id))

    def _blocked(self, each: Evidence) -> bool:
        return self.profile.blocks_any(each.product_id, each.brand, each.category, each.merchant_id)


def reasons(
    witnesses: Witnesses,
    product_id: str,
    keys: Mapping[Key, tuple[float, float]],
    parts: Mapping[str, float],
    *,
    popular: bool,
    alike: Iterable[tuple[float, str, Evidence]] = (),
) -> tuple[Reason, ...]:
    """Return at most two reasons for showing a product, no two of them from events about one and the same product.

    `keys` gives for each of the product's tastes the part of the score that one unit of long-term and of session
    weight made; `parts` are the parts of the whole score. `popular` tells that counts stand behind the part `rate`;
    `alike` is what other products gave because this one is like them, with an event about each.
    """
    tastes = witnesses.profile.tastes
    found: dict[str, tuple[float, Key, Evidence]] = {}

    def weigh(gain: float, key: Key, evidence: Evidence) -> None:
        if gain <= 0:
            return
        about = evidence.product_id or evidence.event_id
        before = found.get(about)
        if before is None or _order(gain, evidence) > _order(before[0], before[2]):
            found[about] = (gain, ("product", product_id) if evidence.product_id == product_id else key, evidence)

    for key, (each_long, each_short) in keys.items():
        if (taste := tastes.get(key)) is not None:
            for long, short, evidence in witnesses.of(key, taste):
                weigh(each_long * long + each_short * short, key, evidence)
    for gain, other, evidence in alike:
        weigh(gain, ("likeness", other), evidence)
    strongest = nlargest(MOST, found.values(), key=lambda each: _order(each[0], each[2]))
    chosen = [_because(key, evidence) for gain, key, evidence in strongest]
    return tuple(chosen) if chosen else (_without_event(parts, popular),)


def _order(gain: float, evidence: Evidence) -> tuple[float, int, str]:
    return gain, evidence.at, evidence.event_id


def standing(taste: Taste) -> list[Evidence]:
    """Return the evidence that was not taken back, and of a product that was bought nothing from before."""
    if len(taste.evidence) == 1:
        return [each for each in taste.evidence if each.weight > 0]
    undone = {(UNDOES[each.name], each.product_id, each.at) for each in taste.evidence if each.name in UNDOES}
    bought: dict[str | None, int] = {}
    for each in taste.evidence:
        if each.name == BOUGHT:
            bought[each.product_id] = max(each.at, bought.get(each.product_id, 0))
    return [
        each
        for each in taste.evidence
        if each.weight > 0
        and not any(name == each.name and about == each.product_id and at >= each.at for name, about, at in undone)
        and (each.name == BOUGHT or each.at > bought.get(each.product_id, -1))
    ]


def _because(key: Key, evidence: Evidence) -> Reason:
    kind, value = key
    return Reason(
        CODES.get(evidence.name, "because-watched"),
        {
            "event_id": evidence.event_id,
            "product_id": evidence.product_id,
            "at": (EPOCH + evidence.at * MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "about": kind,
            "value": value,
        },
    )


def _without_event(parts: Mapping[str, float], popular: bool) -> Reason:
    codes = {"freshness": "new-here", "rate": "popular" if popular else "in-the-mix", "stock": "in-stock"}
    best = max(codes, key=lambda name: parts.get(name, 0.0))
    return Reason(codes[best])

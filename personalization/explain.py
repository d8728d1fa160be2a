"""Why a product was chosen, as data: a code and what it names; web turns it into a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from personalization.profile import BOUGHT, UNDOES, Evidence, Key, Profile, Taste, milliseconds
from storage.database import EPOCH, MILLISECOND

MOST = 2
NOTHING_ALIKE: Mapping[str, float] = {}
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


def reasons(
    profile: Profile,
    product_id: str,
    keys: Mapping[Key, tuple[float, float]],
    parts: Mapping[str, float],
    now: datetime,
    *,
    explored: bool,
    popular: bool,
    alike: Mapping[str, float] = NOTHING_ALIKE,
) -> tuple[Reason, ...]:
    """Return at most two reasons for showing a product, no two of them from events about one and the same product.

    `keys` gives for each of the product's tastes the part of the score that one unit of long-term and of session
    weight made; `parts` are the parts of the whole score. `popular` tells that counts stand behind the part `rate`;
    `alike` is what each other product gave because this one is like it.
    """
    if explored:
        return (Reason("surprise"),)
    at = milliseconds(now)
    found: dict[str, tuple[float, Key, Evidence]] = {}
    ways = [(key, profile.tastes.get(key), each) for key, each in keys.items()]
    for other, gain in alike.items():
        taste = profile.tastes.get(("product", other))
        if gain > 0 and other != product_id and taste is not None and taste.long > 0:
            ways.append((("likeness", other), taste, (gain / max(taste.at_time(at)[0], FAINT), 0.0)))
    for key, taste, (each_long, each_short) in ways:
        for evidence in () if taste is None else standing(taste):
            if profile.blocks_any(evidence.product_id, evidence.brand, evidence.category, evidence.merchant_id):
                continue
            long, short = Taste(evidence.weight, evidence.weight, evidence.at).at_time(at)
            gain = each_long * long + each_short * short
            shared = ("product", product_id) if evidence.product_id == product_id else key
            before = found.get(evidence.product_id or evidence.event_id)
            if gain > 0 and (before is None or _order(gain, evidence) > _order(before[0], before[2])):
                found[evidence.product_id or evidence.event_id] = (gain, shared, evidence)
    strongest = sorted(found.values(), key=lambda each: _order(each[0], each[2]), reverse=True)
    chosen = [_because(key, evidence) for gain, key, evidence in strongest[:MOST]]
    return tuple(chosen) if chosen else (_without_event(parts, popular),)


def _order(gain: float, evidence: Evidence) -> tuple[float, int, str]:
    return gain, evidence.at, evidence.event_id


def standing(taste: Taste) -> list[Evidence]:
    """Return the evidence that was not taken back, and of a product that was bought nothing from before."""
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

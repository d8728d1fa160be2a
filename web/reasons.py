"""Reasons in plain words: what ranking and storyboard say as codes, as sentences of the page's language."""

from collections.abc import Mapping
from typing import Any

from personalization.explain import CODES
from personalization.profile import STATED
from shop.catalog import Product
from web.i18n import translate

# What the viewer did, by the code of personalization.explain.
EVENTS = {
    "because-bought": "You bought “{product}”.",
    "because-cart": "You put “{product}” into your cart.",
    "because-clicked": "You looked at “{product}”.",
    "because-viewed": "You looked at “{product}”.",
    "because-shared": "You shared “{product}”.",
    "because-liked": "You liked “{product}”.",
    "because-completed": "You watched “{product}” to the end.",
    "because-watched": "You watched “{product}” for a while.",
    "because-interested": "You said that “{product}” is for you.",
    "because-stated": "You said that you like this.",
    "because-searched": "You searched for this.",
    "because-asked": "You asked about “{product}”.",
}
# The same where it was about the product that is shown.
EVENTS_HERE = {
    "because-bought": "You bought this.",
    "because-cart": "You put this into your cart.",
    "because-clicked": "You looked at this.",
    "because-viewed": "You looked at this.",
    "because-shared": "You shared this.",
    "because-liked": "You liked this.",
    "because-completed": "You watched this to the end.",
    "because-watched": "You watched this for a while.",
    "because-interested": "You said that this is for you.",
    "because-stated": "You said that you like this.",
    "because-searched": "You searched for this.",
    "because-asked": "You asked about this.",
}
# What speaks against an interest, by the event's name: about another product, and about the one that is shown.
AGAINST = {
    "Video Skipped": ("You skipped “{product}”.", "You skipped this."),
    "Not Interested": ("You said that “{product}” is not for you.", "You said that this is not for you."),
    "Product Removed": ("You took “{product}” out of your cart.", "You took this out of your cart."),
    "Video Unliked": ("You no longer like “{product}”.", "You no longer like this."),
    STATED: ("You want to see less of “{product}”.", "You want to see less of this."),
}
LITTLE = ("You watched little of “{product}”.", "You watched little of this.")
# How what was about another product leads to this video, by what both share.
SHARED = {
    "category": "This is from the same category: {value}.",
    "brand": "This is of the same brand: {value}.",
    "merchant": "This is from the same shop.",
    "likeness": "This is similar.",
    "value": "This has what you value: {value}.",
}
# What a viewer may say to value, by the traits of personalization.traits.
VALUES = {
    "sustainable": "Sustainable",
    "handmade": "Made by hand",
    "linen": "Linen",
    "wool": "Wool",
    "wood": "Wood",
    "waterproof": "Waterproof",
    "child": "For children",
    "gift": "To give away",
}
WITHOUT_EVENT = {
    "surprise": "A surprise: now and then we show something that your taste would not have chosen.",
    "guess": "A guess: we try whether this is for you.",
    "new-here": "This is new here.",
    "popular": "This does well with many people.",
    "in-the-mix": "Part of the mix, until we know better what you like.",
    "in-stock": "This is in stock.",
}
PROMOTED = "Advertising: the shop pays for this to come up more often."
# Why a segment stands in its video, by the code of video_assembly.storyboard.
SEGMENT_REASONS = {
    "only-one": "The only clip for this part.",
    "own-language": "It speaks your language.",
    "not-seen-lately": "You have not seen it lately.",
    "about-category": "It opens with the category.",
    "your-interest": "It shows what you like.",
    "goes-with-before": "It goes well with the part before.",
    "price-now": "It shows today's price.",
    "show-soon": "It is in a live show soon.",
    "by-name": "It greets you.",
    "whole-clip": "The clip as the shop filmed it.",
    "fits-best": "It fits best here.",
    "surprise": "A surprise, to learn what works.",
}


def code_of(event: str) -> str:
    """Return the code of the sentence about an event of this name."""
    return CODES.get(event, "because-watched")


def why_json(
    reason: Mapping[str, Any],
    products: Mapping[str, Product],
    categories: Mapping[str, str],
    locale: str,
    profiled: bool,
) -> dict[str, Any]:
    """Return a reason of ranking with its sentence; it names the event where there is one."""
    if not profiled:
        return {"code": "mix", "text": translate(locale, "Part of the mix that everybody sees."), "at": None}
    code = str(reason["code"])
    if code in EVENTS_HERE and reason.get("about") == "product":
        return {**reason, "code": code, "text": translate(locale, EVENTS_HERE[code]), "at": reason.get("at")}
    if code in ("because-stated", "because-searched") and not reason.get("product_id"):
        text = translate(locale, EVENTS[code])
        named = categories.get(str(reason.get("value")), str(reason.get("value")))
        if reason.get("about") == "value":
            named = translate(locale, VALUES.get(named, named))
        if reason.get("about") in ("category", "brand", "value"):
            text += " " + translate(locale, SHARED[str(reason["about"])], value=named)
        return {**reason, "code": code, "text": text, "at": reason.get("at")}
    product = products.get(reason.get("product_id") or "")
    if code not in EVENTS or product is None:
        sentence = WITHOUT_EVENT.get(code, "This fits what you watched here.")
        return {**reason, "code": code, "text": translate(locale, sentence), "at": reason.get("at")}
    text = translate(locale, EVENTS[code], product=product.title)
    about, value = str(reason.get("about")), str(reason.get("value"))
    if about in SHARED:
        named = categories.get(value, value) if about == "category" else value
        text += " " + translate(locale, SHARED[about], value=named)
    return {**reason, "code": code, "text": text, "at": reason.get("at")}

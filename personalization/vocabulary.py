"""The vocabulary of events: Segment's names and properties, and for each event what may be said with it.

The same table makes the JSON schemas that are served, the page in docs/events.md, and the check for unknown fields.
"""

from collections.abc import Iterable, Mapping
from typing import Any

NAME = {"type": "string", "minLength": 1, "maxLength": 100}
ID = {"type": "string", "minLength": 1, "maxLength": 36}
SECONDS = {"type": "number", "minimum": 0, "maximum": 86_400}
COUNT = {"type": "integer", "minimum": 0, "maximum": 1_000_000}
MONEY = {"type": "number"}
FLAG = {"type": "boolean"}
SCOPES = ("item", "brand", "category", "theme", "merchant", "host")

# What a property means; units are seconds unless the name says otherwise.
FIELDS: Mapping[str, Mapping[str, Any]] = {
    "product_id": ID | {"description": "what it is about"},
    "video_id": ID | {"description": "the personal video in which it happened"},
    "segment_id": ID | {"description": "the segment in which it happened"},
    "room_id": ID | {"description": "the live room in which it happened"},
    "impression_id": NAME | {"description": "one viewing of one video"},
    "place": COUNT | {"description": "place in the feed, from 0"},
    "position": SECONDS | {"description": "place in the video"},
    "total_length": {"anyOf": [SECONDS, {"type": "null"}], "description": "of the video; null for a live room"},
    "watched_ms": {"type": "integer", "minimum": 0, "maximum": 86_400_000, "description": "in view and playing"},
    "dwell_ms": {"type": "integer", "minimum": 0, "maximum": 86_400_000, "description": "in view, playing or not"},
    "loops": COUNT | {"description": "how often it came to its end"},
    "pace": {"type": "number", "minimum": 0, "maximum": 1_000, "description": "videos a minute, over the last minute"},
    "livestream": FLAG,
    "sound": {"type": "number", "minimum": 0, "maximum": 100},
    "full_screen": FLAG,
    "quality": NAME,
    "method": NAME | {"description": "why it was interrupted"},
    "session_id": NAME,
    "asset_id": NAME,
    "content_asset_id": NAME,
    "brand": NAME | {"description": "not read: the shop knows it"},
    "category": NAME | {"description": "not read: the shop knows it"},
    "name": NAME | {"description": "not read: the shop knows it"},
    "variant_id": ID,
    "quantity": COUNT,
    "price": MONEY,
    "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
    "cart_id": NAME,
    "order_id": ID,
    "revenue": MONEY,
    "products": {
        "type": "array",
        "maxItems": 100,
        "items": {"type": "object", "required": ["product_id"], "properties": {"product_id": ID}},
    },
    "coupon": NAME,
    "promotion_id": NAME,
    "query": NAME | {"description": "what was searched for"},
    "scope": {"enum": list(SCOPES), "description": "of what no more, or again, is wanted; theme is category"},
    "reason": NAME,
    "host_id": ID,
    "experiment_id": ID,
    "variation_id": NAME,
}
ABOUT = ("product_id", "video_id", "segment_id", "room_id")
VIEWING = (
    *ABOUT,
    *("impression_id", "place", "position", "total_length", "livestream", "sound", "full_screen", "quality"),
    *("session_id", "asset_id", "content_asset_id", "watched_ms", "dwell_ms", "loops"),
)
PRODUCT = (*VIEWING, "brand", "category", "name", "variant_id", "quantity", "price", "currency", "cart_id", "coupon")
CART = ("cart_id", "products", "revenue", "currency", "coupon", "room_id", "video_id")

# What each event says, and which properties it may have.
EVENTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "Video Content Started": ("a video was in view for a second", VIEWING),
    "Video Content Playing": ("at 25, 50 and 75 % and every 10 s", VIEWING),
    "Video Content Completed": ("it came to its end, the first time", VIEWING),
    "Video Rewatched": ("it came to its end once more", VIEWING),
    "Video Playback Paused": ("", VIEWING),
    "Video Playback Resumed": ("", VIEWING),
    "Video Playback Buffer Started": ("", VIEWING),
    "Video Playback Buffer Completed": ("", VIEWING),
    "Video Playback Seek Started": ("", VIEWING),
    "Video Playback Seek Completed": ("", VIEWING),
    "Video Playback Interrupted": ("it broke off", (*VIEWING, "method")),
    "Video Playback Exited": ("the viewer went on: how long it was watched, and the pace", (*VIEWING, "pace")),
    "Video Skipped": ("the viewer went on within 2 s", VIEWING),
    "Video Liked": ("", VIEWING),
    "Video Unliked": ("a like was taken back", VIEWING),
    "Video Reason Viewed": ("the viewer asked why", VIEWING),
    "Product List Viewed": ("a pin was shown", (*CART, *ABOUT)),
    "Product Clicked": ("", PRODUCT),
    "Product Viewed": ("its sheet or page was opened", PRODUCT),
    "Product Dwelled": ("its page was read for 10 s or more", PRODUCT),
    "Product Added": ("into the cart", PRODUCT),
    "Product Removed": ("from the cart", PRODUCT),
    "Product Shared": ("", PRODUCT),
    "Products Searched": ("", ("query",)),
    "Question Asked": ("in the chat of a room, while a product was pinned", ABOUT),
    "Cart Viewed": ("", CART),
    "Checkout Started": ("", (*CART, "order_id")),
    "Order Completed": (
        "counts once an order_id, whoever tells it, and as the shop's books have it",
        (*CART, "order_id"),
    ),
    "Coupon Applied": ("", (*CART, "order_id")),
    "Promotion Viewed": ("", (*ABOUT, "promotion_id", "name")),
    "Promotion Clicked": ("", (*ABOUT, "promotion_id", "name")),
    "Followed": ("a host", (*ABOUT, "host_id")),
    "Not Interested": ("never again, by scope", (*VIEWING, "scope", "reason")),
    "Interested": ("takes Not Interested back", (*VIEWING, "scope")),
    "Experiment Viewed": ("not needed: the service knows who saw what", ("experiment_id", "variation_id", "name")),
}


def schema(event: str) -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of an event's properties."""
    description, names = EVENTS[event]
    required = ["scope"] if "scope" in names else ["query"] if names == ("query",) else []
    made: dict[str, Any] = {
        "type": "object",
        "properties": {name: dict(FIELDS[name]) for name in names},
        "additionalProperties": False,
    }
    if description:
        made["description"] = description
    if required:
        made["required"] = required
    return made


def tracking_plan() -> dict[str, Any]:
    """Return the whole plan: the envelope's schema, and each event's."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Vitrine tracking plan",
        "envelope": {
            "type": "object",
            "required": ["messageId", "event"],
            "properties": {
                "messageId": NAME | {"description": "counts once for each viewer"},
                "event": {"enum": list(EVENTS)},
                "properties": {"type": "object"},
                "timestamp": {"type": "string", "format": "date-time"},
                "sentAt": {"type": "string", "format": "date-time"},
                "type": {"const": "track"},
                "anonymousId": NAME,
                "userId": NAME,
                "context": {"type": "object"},
            },
        },
        "events": {name: schema(name) for name in EVENTS},
    }


def unknown(event: str, given: Iterable[str]) -> list[str]:
    """Return those property names that the event's schema does not have."""
    known = EVENTS[event][1]
    return [name for name in given if name not in known]


def table() -> str:
    """Return the vocabulary as the Markdown table of docs/events.md."""
    lines = ["| event | says | properties |", "|---|---|---|"]
    for name, (says, names) in EVENTS.items():
        listed = ", ".join(f"`{each}`" for each in names)
        lines.append(f"| `{name}` | {says} | {listed} |")
    return "\n".join(lines)

"""The demo shop: puts what `assets/demo` holds into the database, and says how to get in.

Its people have addresses of a domain that cannot exist (RFC 2606) and no password: `web.sign_in` lets a browser on
loopback become any of them.
"""

import base64
import json
import os
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import assets
import shop
from personalization import consent, events
from personalization import privacy as personal
from shop import catalog, categories, merchants, orders, shows, stock
from shop.catalog import NewVariant
from shop.contacts import Contact
from shop.money import Money
from storage import accounts
from storage.database import Database, Tx
from storage.ids import new_id
from storage.media import Media
from storage.settings import Settings
from video_assembly import clips, library, videos

DEMO = Path(assets.__file__).parent / "demo"
DOMAIN = "@demo.invalid"
CONSENT_TEXT = "demo"


@cache
def catalogue() -> dict[str, Any]:
    """Return the demo's catalogue."""
    content: dict[str, Any] = json.loads((DEMO / "catalogue.json").read_text())
    return content


def load(database: Database, media: Media, now: datetime) -> None:
    """Write the demo shop; what is there already stays as it is."""
    segments = json.loads((DEMO / "segments.json").read_text())["segments"]
    _put_files(media, segments)
    with database.writing() as tx:
        for category in catalogue()["categories"]:
            categories.name_category(tx, category["handle"], category["name"])
        sellers = {each["handle"]: _merchant(tx, each) for each in catalogue()["merchants"]}
        products = {
            each["handle"]: _product(tx, each, sellers[each["merchant"]], now) for each in catalogue()["products"]
        }
        for product in catalogue()["products"]:
            mine = [segment for segment in segments if segment["product"] == product["handle"]]
            _clip(tx, sellers[product["merchant"]], product, products[product["handle"]], mine, now)
        for person in catalogue()["people"]:
            person_id = _person(tx, person, now)
            if person["merchant"]:
                merchants.join_merchant(tx, person_id, sellers[person["merchant"]])
        for persona in catalogue()["personas"]:
            _persona(tx, persona, products, now)


def forget(database: Database, now: datetime) -> None:
    """Forget what the demo's people did, and the people, and put back the stock."""
    with database.writing() as tx:
        for person_id in people(tx).values():
            for erase in (personal.erase, videos.erase, shop.erase, accounts.erase):
                erase(tx, person_id)
        for each in catalogue()["products"]:
            merchant_id = merchants.merchant_by_handle(tx, each["merchant"])
            product_id = merchant_id and catalog.product_by_handle(tx, merchant_id, each["handle"])
            if not product_id:
                continue
            held = {variant.sku: variant for variant in catalog.by_id(tx, [product_id], "de")[product_id].variants}
            for variant in each["variants"]:
                stock.count(tx, held[variant["sku"]].id, variant["stock"], now)


def people(tx: Tx) -> dict[str, str]:
    """Return the ids of the demo's people by handle."""
    handles = [each["handle"] for each in (*catalogue()["people"], *catalogue()["personas"])]
    found = {handle: accounts.by_email(tx, handle + DOMAIN) for handle in handles}
    return {handle: row[0] for handle, row in found.items() if row is not None}


def running_room(tx: Tx, now: datetime) -> str:
    """Return the id of the demo's room, planning a new one when the last has ended."""
    room = catalogue()["room"]
    host_id = people(tx)[room["host"]]
    for show in shows.list_shows(tx, host_id=host_id):
        if show.demo and not show.over:
            return show.id
    seller = {each["handle"]: each["merchant"] for each in catalogue()["products"]}
    product_ids = []
    for handle in room["products"]:
        merchant_id = merchants.merchant_by_handle(tx, seller[handle])
        product_id = merchant_id and catalog.product_by_handle(tx, merchant_id, handle)
        if product_id:
            product_ids.append(product_id)
    return shows.plan(tx, host_id, room["title"]["de"], product_ids, now, language="de", demo=True).id


def write_credentials(database: Database, settings: Settings, url: str, now: datetime) -> None:
    """Write demo.json, readable by its user only: fresh API tokens of the demo's people, and the room."""
    with database.writing() as tx:
        ids = people(tx)
        room = running_room(tx, now)

        def token(handle: str, *scopes: str) -> str:
            accounts.drop_tokens(tx, ids[handle], "demo")
            return accounts.add_token(tx, ids[handle], "demo", frozenset(scopes), now)

        by_role = {
            role: next(each["handle"] for each in catalogue()["people"] if role in each["roles"])
            for role in ("host", "merchant", "operator")
        }
        content = {
            "base_url": url,
            "tokens": {
                "host": token(by_role["host"], "viewer", "live:publish:*", f"live:publish:{room}"),
                "merchant": token(by_role["merchant"], "viewer", "clips:write", "catalog:write"),
                "operator": token(by_role["operator"], "viewer", "operate"),
                "viewers": {each["handle"]: token(each["handle"], "viewer") for each in catalogue()["personas"]},
            },
            "room": room,
        }
    target = settings.data_dir / "demo.json"
    partial = settings.data_dir / f".demo-{secrets.token_hex(4)}.json"
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=2)
    partial.replace(target)


def _put_files(media: Media, segments: list[dict[str, Any]]) -> None:
    for segment in segments:
        for key, name in (
            (library.media_key(segment["digest"]), segment["file"]),
            (library.media_key(segment["small"]["digest"]), segment["small"]["file"]),
            (library.thumb_key(segment["digest"]), segment["thumbnail"]),
            (library.poster_key(segment["digest"]), segment["poster"]),
        ):
            if not media.exists(key):
                media.put(key, DEMO / name)
    for product in catalogue()["products"]:
        if not media.exists(product["image"]):
            media.put(product["image"], DEMO / product["image"])


def _merchant(tx: Tx, each: Mapping[str, Any]) -> str:
    return merchants.merchant_by_handle(tx, each["handle"]) or merchants.add_merchant(tx, each["handle"], each["name"])


def _product(tx: Tx, each: Mapping[str, Any], merchant_id: str, now: datetime) -> str:
    there = catalog.product_by_handle(tx, merchant_id, each["handle"])
    if there is not None:
        return there
    return catalog.add_product(
        tx,
        merchant_id,
        each["handle"],
        titles=each["title"],
        descriptions=each["description"],
        brand=each["brand"],
        category=each["category"],
        image=each["image"],
        now=now,
        variants=[
            NewVariant(
                variant["sku"],
                Money(variant["price"], catalogue()["currency"]),
                {name: _option(value) for name, value in variant["options"].items()},
                variant["stock"],
            )
            for variant in each["variants"]
        ],
    )


def _option(value: str) -> str | dict[str, str]:
    known = catalogue()["option_values"].get(value)
    return {"de": value, **known} if known else value


def _clip(
    tx: Tx, merchant_id: str, product: Mapping[str, Any], product_id: str, segments: list[dict[str, Any]], now: datetime
) -> None:
    filename = f"{product['handle']}.mp4"
    if any(clip.filename == filename for clip in clips.list_clips(tx, merchant_id)):
        return
    clip = clips.add_clip(
        tx,
        merchant_id,
        clip_id=new_id(),
        filename=filename,
        title=product["title"]["de"],
        size=sum(segment["size"] for segment in segments),
        product_ids=[product_id],
        language="de",
        now=now,
    )
    start = 0
    prepared = []
    for segment in segments:
        prepared.append(
            library.NewSegment(
                digest=segment["digest"],
                index=base64.b64decode(segment["index"]),
                init_digest=segment["init_digest"],
                units=segment["units"],
                duration_ms=segment["duration_ms"],
                bytes=segment["size"],
                start_ms=start,
                has_sound=segment["has_sound"],
                product_id=product_id,
                role=segment["role"],
                tags=tuple(tag for tag in segment["tags"] if tag != segment["role"]),
                small=library.SmallForm(
                    segment["small"]["digest"],
                    base64.b64decode(segment["small"]["index"]),
                    segment["small"]["init_digest"],
                    segment["small"]["size"],
                ),
            )
        )
        start += segment["duration_ms"]
    library.store_segments(tx, clip, prepared, now)
    clips.set_state(tx, clip.id, "ready", now, duration_ms=start)


def _person(tx: Tx, each: Mapping[str, Any], now: datetime) -> str:
    email = each["handle"] + DOMAIN
    there = accounts.by_email(tx, email)
    if there is not None:
        return there[0]
    # "!" is no hash of any password, so nobody signs in with one
    person_id = accounts.sign_up(tx, email, each["name"], "!", each["locale"], now)
    for role in each.get("roles", ["viewer"]):
        accounts.grant(tx, person_id, role)
    return person_id


def _persona(tx: Tx, persona: Mapping[str, Any], products: Mapping[str, str], now: datetime) -> None:
    if accounts.by_email(tx, persona["handle"] + DOMAIN) is not None:
        return
    person_id = _person(tx, persona, now)
    earliest = now - timedelta(days=max(each["days_ago"] for each in persona["events"]), hours=1)
    consent.put(tx, person_id, personalise=True, measure=True, text_version=CONSENT_TEXT, source="demo", now=earliest)
    messages = []
    for number, each in enumerate(persona["events"]):
        # A minute apart, so that events of one day keep the order in which they are told.
        at = min(now, now - timedelta(days=each["days_ago"]) + timedelta(minutes=number))
        properties: dict[str, Any] = {"product_id": products[each["product"]]}
        if each["event"] == "Order Completed":
            properties = _order(tx, person_id, persona, products[each["product"]], at)
        if each["event"] == "Not Interested":
            properties["scope"] = each.get("scope", "brand")
        messages.append(
            {
                "messageId": f"demo-{persona['handle']}-{number}",
                "event": each["event"],
                "properties": properties,
                "timestamp": at.isoformat(),
            }
        )
    # In one batch, so that the workers begin with one feed for each persona and not with one for each event.
    counts = events.ingest(tx, person_id, events.check(messages), now, videos.subjects)
    assert counts.stored == len(messages), f"some events of {persona['handle']} are none: {counts}"


def _order(tx: Tx, person_id: str, persona: Mapping[str, Any], product_id: str, at: datetime) -> dict[str, Any]:
    """Place the order that a persona's history tells of, so that nobody is told of a purchase without one.

    What was sold then has been delivered anew since: the shop begins with the stock that its catalogue says.
    """
    variant = catalog.by_id(tx, [product_id], persona["locale"])[product_id].variants[0]
    contact = Contact(persona["name"], persona["handle"] + DOMAIN, "Musterweg 1", "10115", "Berlin")
    key = f"demo-{persona['handle']}-{product_id}"
    order = orders.place(tx, person_id, key, key, contact, at, lines={variant.id: 1}, locale=persona["locale"])
    stock.put(tx, variant.id, 1, at)
    return {"order_id": order.id, "products": [{"product_id": product_id}]}

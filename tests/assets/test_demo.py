"""The demo shop is consistent, complete and small: the loader trusts what these tests hold."""

import base64
import hashlib
import json
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

from video_assembly.normalise import normalise
from video_assembly.stitch import SegmentSource, Stitched
from web.showcase import SHOW, loop_seconds, shown_at

pytestmark = pytest.mark.slow

DEMO = Path(__file__).parents[2] / "assets" / "demo"
ROLES = {"hook", "demo", "proof", "offer", "cta"}
EVENTS = {
    "Video Content Started",
    "Video Content Completed",
    "Video Liked",
    "Video Skipped",
    "Not Interested",
    "Product Clicked",
    "Product Added",
    "Order Completed",
}
CATALOGUE: dict[str, Any] = json.loads((DEMO / "catalogue.json").read_text("utf-8"))
SEGMENTS: list[dict[str, Any]] = json.loads((DEMO / "segments.json").read_text("utf-8"))["segments"]
PRODUCTS: list[dict[str, Any]] = CATALOGUE["products"]
HANDLES = [product["handle"] for product in PRODUCTS]


def _spoken(texts: dict[str, str]) -> bool:
    return all(texts[language].strip() for language in ("de", "en"))


def _source(segment: dict[str, Any]) -> SegmentSource:
    index = base64.b64decode(segment["index"])
    return SegmentSource(DEMO / segment["file"], index, segment["init_digest"], segment["digest"])


def test_shop_is_as_large_as_a_demo_needs() -> None:
    assert len(CATALOGUE["merchants"]) == 2
    assert len(PRODUCTS) == 6
    assert len(set(HANDLES)) == 6
    assert len({product["category"] for product in PRODUCTS}) >= 3
    assert len({product["brand"] for product in PRODUCTS}) >= 4
    assert {product["merchant"] for product in PRODUCTS} == {merchant["handle"] for merchant in CATALOGUE["merchants"]}
    stocks = [sum(variant["stock"] for variant in product["variants"]) for product in PRODUCTS]
    assert stocks.count(3) == 1, "one product is nearly sold out"


def test_every_product_is_whole() -> None:
    categories = {category["handle"]: category["name"] for category in CATALOGUE["categories"]}
    skus = [variant["sku"] for product in PRODUCTS for variant in product["variants"]]
    assert len(set(skus)) == len(skus)
    for product in PRODUCTS:
        assert _spoken(product["title"])
        assert _spoken(product["description"])
        assert _spoken(categories[product["category"]])
        assert 2 <= len(product["variants"]) <= 4
        for variant in product["variants"]:
            assert set(variant["options"]) == {"size", "colour"}
            assert variant["options"]["colour"] in CATALOGUE["option_values"]
            assert variant["price"] > 0
            assert variant["stock"] > 0


@pytest.mark.parametrize("product", PRODUCTS, ids=HANDLES)
def test_pictures_are_portraits_of_a_few_kilobytes(product: dict[str, Any]) -> None:
    path = DEMO / product["image"]
    with Image.open(path) as picture:
        assert picture.size == (800, 1000)
    assert path.stat().st_size < 40_000


def test_people_and_room_name_what_exists() -> None:
    people = {person["handle"]: person for person in CATALOGUE["people"]}
    roles = [role for person in people.values() for role in person["roles"]]
    assert roles.count("host") == roles.count("operator") == 1
    merchants = {person["merchant"] for person in people.values() if "merchant" in person["roles"]}
    assert merchants == {merchant["handle"] for merchant in CATALOGUE["merchants"]}
    assert len({person["email"] for person in people.values()}) == len(people)
    room = CATALOGUE["room"]
    assert _spoken(room["title"])
    assert "host" in people[room["host"]]["roles"]
    assert set(room["products"]) <= set(HANDLES)


def test_each_persona_leans_to_another_category() -> None:
    category = {product["handle"]: product["category"] for product in PRODUCTS}
    favourites = []
    for persona in CATALOGUE["personas"]:
        assert _spoken(persona["interests"])
        liked = []
        for event in persona["events"]:
            assert event["event"] in EVENTS
            assert event["role"] in ROLES
            assert event["days_ago"] > 0
            if event["event"] not in {"Video Skipped", "Not Interested"}:
                liked.append(category[event["product"]])
        favourites.append(max(set(liked), key=liked.count))
        assert liked.count(favourites[-1]) > len(liked) / 2
        assert all(a["days_ago"] >= b["days_ago"] for a, b in pairwise(persona["events"])), "told in order"
    assert len(set(favourites)) == len(CATALOGUE["personas"]) == 3
    negative = [e for p in CATALOGUE["personas"] for e in p["events"] if e["event"] == "Not Interested"]
    assert len(negative) == 1


@pytest.mark.parametrize("handle", HANDLES)
def test_each_product_has_all_roles_and_makes_a_video(handle: str) -> None:
    own = [segment for segment in SEGMENTS if segment["product"] == handle]
    assert {segment["role"] for segment in own} == ROLES
    assert len(own) == len(ROLES)
    assert all(2 <= segment["units"] <= 4 for segment in own)
    assert all(segment["has_sound"] and segment["language"] == "de" and segment["tags"] for segment in own)
    assert 12 <= sum(segment["units"] for segment in own) * 1.6 <= 30


def test_segments_stand_next_to_each_other() -> None:
    assert len(SEGMENTS) == 30
    assert len({segment["init_digest"] for segment in SEGMENTS}) == 1
    assert len({segment["small"]["init_digest"] for segment in SEGMENTS}) == 1


@pytest.mark.parametrize("segment", SEGMENTS, ids=[segment["name"] for segment in SEGMENTS])
def test_files_are_what_the_list_says(segment: dict[str, Any]) -> None:
    for form in (segment, segment["small"]):
        content = (DEMO / form["file"]).read_bytes()
        assert len(content) == form["size"]
        assert hashlib.sha256(content).hexdigest() == form["digest"]
        init = content[: content.index(b"moof") - 4]
        assert hashlib.sha256(init).hexdigest() == form["init_digest"]
    assert segment["duration_ms"] == segment["units"] * 1600
    for name in ("thumbnail", "poster"):
        with Image.open(DEMO / segment[name]) as picture:
            assert picture.height > picture.width


def test_a_stitched_product_plays(tmp_path: Path) -> None:
    own = [segment for segment in SEGMENTS if segment["product"] == "teekanne-isen"]
    video = tmp_path / "video.mp4"
    video.write_bytes(b"".join(Stitched([_source(segment) for segment in own]).read()))
    with av.open(str(video)) as opened:
        frames = sum(1 for _ in opened.decode(video=0))
    assert frames == sum(segment["units"] for segment in own) * 48


def test_the_encoder_of_this_machine_makes_the_same_init(tmp_path: Path) -> None:
    made = normalise(DEMO / SEGMENTS[0]["file"], tmp_path)
    assert made[0].init_digest == SEGMENTS[0]["init_digest"], "redraw: python -m assets.draw segments"
    assert made[0].small.init_digest == SEGMENTS[0]["small"]["init_digest"], "redraw: python -m assets.draw segments"


def test_the_live_show_can_be_forwarded_as_it_is() -> None:
    path = DEMO / "live.mkv"
    with av.open(str(path)) as show:
        video, audio = show.streams.video[0], show.streams.audio[0]
        assert (video.codec_context.name, video.codec_context.profile) == ("h264", "Constrained Baseline")
        assert (video.codec_context.width, video.codec_context.height) == (720, 1280)
        assert (audio.codec_context.name, audio.rate, audio.codec_context.layout.name) == ("opus", 48_000, "stereo")
        packets = [packet for packet in show.demux(video) if packet.pts is not None]
    assert all(packet.pts == packet.dts for packet in packets), "no B-frames"
    assert [packet.pts for packet in packets] == [round(number * 1000 / 30) for number in range(len(packets))]
    keyframes = [number for number, packet in enumerate(packets) if packet.is_keyframe]
    assert keyframes == list(range(0, len(packets), 30)), "a keyframe each second"
    assert 30 <= len(packets) / 30 <= 60
    assert 600_000 < path.stat().st_size * 8 / (len(packets) / 30) < 1_300_000


def test_the_time_code_is_in_the_live_picture() -> None:
    with av.open(str(DEMO / "live.mkv")) as show:
        read = []
        for number, frame in enumerate(show.decode(video=0)):
            if number % 37 == 0:
                row = frame.to_ndarray(format="gray")[239:248]
                bits = [int(row[:, 48 + 22 * bit : 58 + 22 * bit].mean() > 128) for bit in range(11)]
                read.append((number, int("".join(map(str, bits)), 2)))
            if number > 400:
                break
    assert len(read) > 5
    assert all(number == shown for number, shown in read)


def test_what_is_pinned_is_what_the_looped_show_shows() -> None:
    """FFmpeg's own account of when each loop's first picture comes: the tenth loop's products are still in step."""
    command = [get_ffmpeg_exe(), "-loglevel", "error", "-stream_loop", "10", "-i", str(SHOW), "-c", "copy"]
    told = subprocess.run([*command, "-f", "framecrc", "-"], capture_output=True, check=True, timeout=120).stdout
    at = [int(line.split(b",")[2]) / 1000 for line in told.splitlines() if line.startswith(b"0,")]
    pictures = len(at) // 11
    assert [at[loop * pictures] for loop in (1, 10)] == pytest.approx([loop_seconds(), 10 * loop_seconds()], abs=0.001)
    turn = pictures // 4
    for loop in (0, 10):
        for product in range(4):
            # A quarter of a second after a product's turn began it is not in sight yet, nor is any other.
            first, last = loop * pictures + product * turn + 8, loop * pictures + (product + 1) * turn - 1
            assert [shown_at(at[each], 4) for each in (first, last)] == [product, product]


def test_all_of_it_is_small() -> None:
    sizes = np.array([path.stat().st_size for path in DEMO.rglob("*") if path.is_file()])
    assert (DEMO / "live.mkv").stat().st_size <= 8_000_000
    assert sizes.sum() <= 25_000_000

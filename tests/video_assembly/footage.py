"""Segments of the demo shop, cut to single units, for tests that need real pictures and sound but only a little."""

import base64
import json
from pathlib import Path
from typing import Any

from video_assembly import mp4
from video_assembly.stitch import SegmentSource

DEMO = Path(__file__).parents[2] / "assets" / "demo"


def demo_segments() -> list[dict[str, Any]]:
    """What the demo's list says of each segment."""
    found: list[dict[str, Any]] = json.loads((DEMO / "segments.json").read_text())["segments"]
    return found


def demo_part(number: int, units: int) -> SegmentSource:
    """The first `units` of the segment with this number in the list."""
    segment = demo_segments()[number]
    index = mp4.SegmentIndex.unpack(base64.b64decode(segment["index"]))
    assert len(index.units) >= units, "choose a longer segment"
    packed = mp4.SegmentIndex(index.avcc, index.units[:units]).pack()
    return SegmentSource(DEMO / segment["file"], packed, segment["init_digest"], f"{segment['digest']}.{units}")

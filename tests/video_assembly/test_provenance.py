"""The note in an exported file: other programs find it, and it says what it is worth."""

import json
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from pathlib import Path

import av
import pytest

from tests.video_assembly.footage import demo_part
from video_assembly import provenance
from video_assembly.provenance import CAPTURED, WITH_AI, Origin
from video_assembly.stitch import Stitched

NAMES = {"vitrine": "urn:vitrine:provenance:1", "iptc": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"}


@pytest.mark.parametrize(("with_ai", "kind"), [(False, CAPTURED), (True, WITH_AI)])
def test_ffmpeg_reads_the_note_and_the_video(with_ai: bool, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(b"".join(Stitched([demo_part(0, 1)]).read()))
    made = datetime(2026, 11, 25, 12, tzinfo=UTC)
    origin = Origin("0190", "v1d", "Herd & Haus", "Kanne <groß>", ["aa", "bb"], ["crossfades"], with_ai, made)

    provenance.append(path, origin)

    with av.open(str(path), options={"export_xmp": "1"}) as container:
        packet = container.metadata["xmp"]
        assert sum(1 for _ in container.decode(video=0)) == 48
    tree = ElementTree.fromstring(packet)
    assert tree.findtext(".//iptc:DigitalSourceType", namespaces=NAMES) == kind
    said = json.loads(tree.findtext(".//vitrine:Provenance", "", NAMES))
    assert said == provenance.note(origin)
    assert said["signed"] is False
    actions = said["assertions"][0]["data"]["actions"]
    assert [each["parameters"]["sha256"] for each in actions if each["action"] == "c2pa.placed"] == ["aa", "bb"]

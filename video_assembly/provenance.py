"""Where an exported file comes from, said inside the file: an XMP packet with a note in the words of C2PA.

The note is **not signed**: anybody can change or remove it, so it informs and proves nothing. A signed C2PA manifest
needs a certificate of the operator's. XMP Specification Part 3 (1.1.2, MPEG-4) names the box; the IPTC's
DigitalSourceType is what shops, agencies and networks read to label material made with artificial intelligence.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

XMP_BOX = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
CAPTURED, WITH_AI = SOURCE_TYPE + "compositeCapture", SOURCE_TYPE + "compositeWithTrainedAlgorithmicMedia"
UNSIGNED = "This note is not signed: it informs about the file's origin and does not prove it."


@dataclass(frozen=True)
class Origin:
    """What a file was made of and how; `segments` are the SHA-256 of its parts, in order."""

    export_id: str
    video_digest: str
    merchant: str
    product: str
    segments: Sequence[str]
    steps: Sequence[str]
    """What was done to the pictures: `crossfades`, `captions`, `cards`, `reframed`, `label`."""
    with_ai: bool
    made_at: datetime


def note(origin: Origin) -> dict[str, Any]:
    """Return the note as JSON, its labels and actions those of C2PA 2.1."""
    kind = WITH_AI if origin.with_ai else CAPTURED
    made = origin.made_at.isoformat().replace("+00:00", "Z")
    actions: list[dict[str, Any]] = [
        {"action": "c2pa.created", "when": made, "digitalSourceType": kind},
        *({"action": "c2pa.placed", "parameters": {"sha256": each}} for each in origin.segments),
    ]
    actions += [{"action": "c2pa.edited", "description": step} for step in origin.steps]
    return {
        "claim_generator": "Vitrine",
        "instance_id": f"xmp:iid:{origin.export_id}",
        "title": origin.product,
        "publisher": origin.merchant,
        "video": origin.video_digest,
        "signed": False,
        "remark": UNSIGNED,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
    }


def append(path: Path, origin: Origin) -> None:
    """Write the note behind the last box of an MP4 file; players skip what they do not know."""
    packet = _packet(origin).encode()
    size = 8 + len(XMP_BOX) + len(packet)
    with path.open("ab") as file:
        file.write(size.to_bytes(4, "big") + b"uuid" + XMP_BOX + packet)


def _packet(origin: Origin) -> str:
    made = origin.made_at.isoformat().replace("+00:00", "Z")
    fields = {
        "xmp:CreatorTool": "Vitrine",
        "xmp:CreateDate": made,
        "xmpMM:InstanceID": f"xmp:iid:{origin.export_id}",
        "Iptc4xmpExt:DigitalSourceType": WITH_AI if origin.with_ai else CAPTURED,
        "vitrine:Provenance": json.dumps(note(origin), ensure_ascii=False, separators=(",", ":")),
    }
    lines = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    title = f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{escape(origin.product)}</rdf:li></rdf:Alt></dc:title>'
    publisher = f"<dc:publisher><rdf:Bag><rdf:li>{escape(origin.merchant)}</rdf:li></rdf:Bag></dc:publisher>"
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        f' xmlns:vitrine="urn:vitrine:provenance:1">{title}{publisher}{lines}</rdf:Description></rdf:RDF></x:xmpmeta>'
        '<?xpacket end="r"?>'
    )

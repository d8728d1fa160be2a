"""SDP in: an offer is capped, read and checked as pure text (RFC 8829, 9725, WHEP draft)."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from livestream.errors import OfferRefused

#: The caps hold before anything is parsed: parsers of SDP are quadratic in the number of such lines.
MAX_BYTES = 32 * 1024
MAX_SECTIONS = 4
MAX_SSRC_LINES = 32
#: Payload types have seven bits; what is named twice, or beyond that many, is read once or not at all.
MAX_FORMATS = 128
#: Layers of one picture that are taken.
MAX_LAYERS = 3
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
TRANSPORT_WIDE = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
UNSUPPORTED = (
    "None of the offered codecs can be used here: H.264 constrained baseline (profile-level-id 42e01f, "
    "packetization-mode 1) or VP8, with Opus."
)
# Whole sentences, so that they can be translated.
WRONG_DIRECTION = {
    "sendonly": "The SDP offer must be sendonly in every media section.",
    "recvonly": "The SDP offer must be recvonly in every media section.",
}
#: What is not understood is not kept: each payload type would have a copy of it.
KNOWN_FEEDBACK = frozenset(("nack", "nack pli", "ccm fir", "transport-cc", "goog-remb", "rrtr"))
NAME = re.compile(r"[A-Za-z0-9]{1,16}")
ICE_TEXT = re.compile(r"[A-Za-z0-9+/=_-]+")
FINGERPRINTS = {"sha-256": 32, "sha-384": 48, "sha-512": 64}


@dataclass(frozen=True)
class Codec:
    """One payload type of an offer."""

    payload_type: int
    name: str
    clock_rate: int
    parameters: dict[str, str]
    feedback: frozenset[str]
    channels: str = ""


@dataclass(frozen=True)
class Section:
    """One m-section: what it carries, in the offerer's order of preference."""

    kind: str
    protocol: str
    formats: str
    mid: str
    direction: str
    codecs: tuple[Codec, ...]
    extensions: dict[str, int]
    ssrcs: tuple[int, ...]
    mux: bool
    reduced: bool
    rids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Offer:
    """A whole offer; the remote candidates in it are not kept: a peer is known by its first proven check."""

    sections: tuple[Section, ...]
    ufrag: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]
    setup: str
    bundle: tuple[str, ...]


@dataclass(frozen=True)
class Media:
    """What was agreed for one m-section.

    `retransmission` is the payload type of RTX; `rids` are a publisher's layers, with the header extensions that name
    them in packets and in retransmissions (RFC 8852, 8853).
    """

    section: Section
    codec: Codec
    direction: str
    retransmission: int | None = None
    transport_wide: int | None = None
    rids: tuple[str, ...] = ()
    rid: int | None = None
    repaired_rid: int | None = None

    @property
    def kind(self) -> str:
        """`audio` or `video`."""
        return self.section.kind


def malformed(message: str) -> OfferRefused:
    """Build the refusal of an offer that breaks the rules of SDP or WebRTC."""
    return OfferRefused(422, "sdp-malformed", message)


def check_size(text: str) -> None:
    """Refuse what is too large or has too many lines of one sort, without parsing (413 or 422)."""
    if len(text) > MAX_BYTES:
        raise OfferRefused(413, "sdp-too-large", "The SDP offer is larger than 32 kB.")
    if text.count("m=") > MAX_SECTIONS and len(re.findall(r"^m=", text, re.MULTILINE)) > MAX_SECTIONS:
        raise OfferRefused(422, "sdp-too-many-sections", "The SDP offer has more than 4 media sections.")
    if text.count("a=ssrc:") > MAX_SSRC_LINES:
        raise OfferRefused(422, "sdp-too-many-sources", "The SDP offer has more than 32 source lines.")


def parse(text: str) -> Offer:
    """Read an offer after its caps; raises OfferRefused."""
    check_size(text)
    lines = [line.strip() for line in text.replace("\r", "").split("\n")]
    lines = [line for line in lines if line]
    if not lines or lines[0] != "v=0" or any(len(line) < 2 or line[1] != "=" for line in lines):
        raise malformed("The body is not an SDP offer.")
    starts = [index for index, line in enumerate(lines) if line.startswith("m=")] + [len(lines)]
    head = lines[: starts[0]]
    blocks = [lines[start:end] for start, end in itertools.pairwise(starts)]
    try:
        sections = tuple(_section(block, index) for index, block in enumerate(blocks))
    except (ValueError, IndexError):
        raise malformed("A media section of the SDP offer cannot be read.") from None
    bundle: tuple[str, ...] = ()
    for group in _attributes(head, "group"):
        words = group.split()
        if words and words[0] == "BUNDLE":
            bundle = tuple(words[1:])
    transport = head + next((block for block in blocks if not block[0].startswith("m=application")), [])
    prints = tuple(_fingerprint(value) for value in _attributes(transport, "fingerprint"))
    return Offer(
        sections,
        _ice_text(transport, "ice-ufrag", 4),
        _ice_text(transport, "ice-pwd", 22),
        prints,
        (_attributes(transport, "setup") or ["actpass"])[-1],
        bundle,
    )


def _attributes(lines: Sequence[str], name: str) -> list[str]:
    return [line[len(name) + 3 :].strip() for line in lines if line.startswith(f"a={name}:")]


def _ice_text(lines: Sequence[str], name: str, shortest: int) -> str:
    value = (_attributes(lines, name) or [""])[-1]
    if not shortest <= len(value) <= 256 or not ICE_TEXT.fullmatch(value):
        raise malformed("The SDP offer has no usable ICE credentials.")
    return value


def _fingerprint(value: str) -> tuple[str, str]:
    algorithm, _, digest = value.partition(" ")
    digest = digest.strip().upper()
    length = FINGERPRINTS.get(algorithm.lower(), len(digest.split(":")))
    if not re.fullmatch(r"[0-9A-F]{2}(:[0-9A-F]{2})*", digest) or len(digest.split(":")) != length:
        raise malformed("The SDP offer has a malformed certificate fingerprint.")
    return algorithm.lower(), digest


def _section(lines: Sequence[str], index: int) -> Section:
    kind, port, protocol, formats = lines[0][2:].split(" ", 3)
    int(port.partition("/")[0])
    direction = next((line[2:] for line in lines if line[2:] in DIRECTIONS), "sendrecv")
    ssrcs = {int(value.split()[0]) & 0xFFFFFFFF for value in _attributes(lines, "ssrc")}
    # FFmpeg names its retransmissions in the group alone.
    groups = (value.split() for value in _attributes(lines, "ssrc-group")[:MAX_SECTIONS])
    ssrcs |= {int(number) & 0xFFFFFFFF for words in groups if words[:1] == ["FID"] for number in words[1:3]}
    return Section(
        kind=kind,
        protocol=protocol,
        formats=formats,
        mid=(_attributes(lines, "mid") or [str(index)])[0],
        direction=direction,
        codecs=() if kind == "application" else tuple(_codecs(lines, formats)),
        extensions=_extensions(lines),
        ssrcs=tuple(sorted(ssrcs)),
        mux="a=rtcp-mux" in lines or "a=rtcp-mux-only" in lines,
        reduced="a=rtcp-rsize" in lines,
        rids=_layers(lines),
    )


def _layers(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the layers that are offered (RFC 8853), one of each group of alternatives."""
    known = {value.split()[0] for value in _attributes(lines, "rid") if value.split()[1:2] == ["send"]}
    for value in _attributes(lines, "simulcast"):
        words = value.split()
        if "send" in words[:-1]:
            names = [group.split(",")[0].lstrip("~") for group in words[words.index("send") + 1].split(";")]
            fitting = (name for name in names if name in known and NAME.fullmatch(name))
            return tuple(dict.fromkeys(fitting))[:MAX_LAYERS]
    return ()


DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


def _extensions(lines: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for value in _attributes(lines, "extmap"):
        number, uri = value.split()[:2]
        found[uri] = int(number.partition("/")[0])
    return found


def _codecs(lines: Sequence[str], formats: str) -> list[Codec]:
    names = {int(v.split()[0]): v.split()[1].split("/") for v in _attributes(lines, "rtpmap")}
    parameters: dict[int, dict[str, str]] = {}
    for value in _attributes(lines, "fmtp"):
        said, _, text = value.partition(" ")
        pairs = (part.strip().partition("=") for part in text.split(";"))
        parameters[int(said)] = {key.lower(): content for key, _, content in pairs}
    feedback: dict[int, set[str]] = {}
    everything: set[str] = set()
    for value in _attributes(lines, "rtcp-fb"):
        said, _, what = value.partition(" ")
        kinds = {what.strip()} & KNOWN_FEEDBACK
        (everything if said == "*" else feedback.setdefault(int(said), set())).update(kinds)
    codecs = []
    for number in dict.fromkeys(map(int, formats.split()[:MAX_FORMATS])):
        if number in names and 0 <= number <= 127:
            name, rate, *channels = names[number]
            wanted = frozenset(feedback.get(number, set()) | everything)
            codecs.append(
                Codec(number, name.lower(), int(rate), parameters.get(number, {}), wanted, "/".join(channels))
            )
    return codecs


def accept_publish(offer: Offer) -> tuple[Media, ...]:
    """Agree to one audio, one video, or one of each; a publisher may have only a camera or only a microphone.

    RFC 9725 section 4.4.2 asks for one MediaStream with at least one track of any kind and at most one of each.
    """
    return _accept(offer, ("sendonly", "sendrecv"), "recvonly", None)


def accept_play(offer: Offer, codecs: dict[str, str]) -> tuple[Media, ...]:
    """Agree to what a stream carries; `codecs` maps kind to codec name. What it lacks is answered inactive."""
    return _accept(offer, ("recvonly", "sendrecv"), "sendonly", codecs)


def _accept(offer: Offer, wanted: tuple[str, ...], direction: str, codecs: dict[str, str] | None) -> tuple[Media, ...]:
    _check_transport(offer)
    agreed: list[Media] = []
    for section in offer.sections:
        if section.kind == "application":
            continue
        if section.kind not in ("audio", "video"):
            raise malformed("The SDP offer has a media section that is neither audio nor video.")
        if section.direction == "inactive":
            continue
        if section.direction not in wanted:
            raise OfferRefused(422, "direction", WRONG_DIRECTION[wanted[0]])
        if any(media.kind == section.kind for media in agreed):
            raise OfferRefused(422, "tracks", "The SDP offer may have one audio and one video track at most.")
        names = ("h264", "vp8", "opus") if codecs is None else (codecs.get(section.kind, ""),)
        if codecs is not None and section.kind not in codecs:
            continue
        agreed.append(_agree(section, names, direction))
    if not agreed:
        raise OfferRefused(422, "tracks", "The SDP offer has no audio and no video track.")
    return tuple(agreed)


def _check_transport(offer: Offer) -> None:
    media = [section for section in offer.sections if section.kind != "application"]
    if not any(algorithm in FINGERPRINTS for algorithm, _ in offer.fingerprints):
        raise malformed("The SDP offer has no usable certificate fingerprint.")
    if offer.setup not in ("actpass", "active", "passive"):
        raise malformed("The SDP offer has an unknown setup attribute.")
    if len(media) > 1 and not {section.mid for section in media} <= set(offer.bundle):
        raise malformed("All media sections of the SDP offer must be in one BUNDLE group.")
    if not all(section.mux for section in media):
        raise malformed("The SDP offer must multiplex RTP and RTCP.")


def _agree(section: Section, names: tuple[str, ...], direction: str) -> Media:
    usable = [codec for codec in section.codecs if codec.name in names and _fits(codec)]
    if not usable:
        raise OfferRefused(422, "codec-unsupported", UNSUPPORTED)
    codec = min(usable, key=_preference)
    again = (c for c in section.codecs if c.name == "rtx" and c.parameters.get("apt") == str(codec.payload_type))
    retransmission = next((c.payload_type for c in again), None)
    if direction == "sendonly":
        return Media(section, codec, direction, retransmission if "nack" in codec.feedback else None)
    rid = section.extensions.get(RID)
    return Media(
        section,
        codec,
        direction,
        retransmission,
        section.extensions.get(TRANSPORT_WIDE) if "transport-cc" in codec.feedback else None,
        section.rids if rid is not None and len(section.rids) > 1 else (),
        rid,
        section.extensions.get(REPAIRED_RID),
    )


def profile(codec: Codec) -> str:
    """Return the profile-level-id of an H.264 codec."""
    # Without the parameter constrained baseline is meant, as all of WebRTC takes it.
    return codec.parameters.get("profile-level-id", "42e01f").lower()


def _fits(codec: Codec) -> bool:
    if codec.name == "h264":
        constrained = codec.parameters.get("packetization-mode") == "1" and profile(codec).startswith("42")
        return constrained and codec.clock_rate == 90000
    return codec.clock_rate == (48000 if codec.name == "opus" else 90000)


def _preference(codec: Codec) -> tuple[int, int]:
    if codec.name != "h264":
        return (2, 0)
    level = profile(codec)
    return (0 if level.startswith("42e0") else 1, 0 if level == "42e01f" else 1)

"""SDP out: the answer to a checked offer, as pure text (RFC 8829, 9725, WHEP draft)."""

from collections.abc import Sequence
from dataclasses import dataclass

from livestream.offers import REPAIRED_RID, RID, TRANSPORT_WIDE, Codec, Media, Offer, Section, profile

#: What a publisher is asked to stay under, in kbit/s (`b=AS`).
CEILING_KBPS = 4000
START_KBPS = 1500
FEEDBACK = {"video": ("nack", "nack pli", "ccm fir"), "audio": ()}
#: What a viewer says besides: how much its network carries, and its clock, to learn its round trip.
TOLD_BY_VIEWERS = ("goog-remb", "rrtr")


@dataclass(frozen=True)
class Local:
    """Our side of an answer: ICE credentials, certificate, addresses (host, port), and the stream's names."""

    ufrag: str
    password: str
    fingerprint: str
    candidates: tuple[tuple[str, int], ...]
    session: str
    cname: str
    #: Of each kind, the SSRC of the media and that of its retransmissions.
    ssrcs: dict[str, tuple[int, int]]


def setup_role(offer: Offer) -> str:
    """Choose our DTLS role: server unless the offerer insists, because the server picks the cipher of SRTP."""
    return "active" if offer.setup == "passive" else "passive"


def answer(offer: Offer, agreed: Sequence[Media], local: Local) -> str:
    """Write the answer: every section of the offer in its order, refused ones with port 0."""
    by_mid = {media.section.mid: media for media in agreed}
    kept = [section for section in offer.sections if section.kind != "application"]
    lines = ["v=0", f"o=- {local.session} 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-lite"]
    lines += ["a=group:BUNDLE " + " ".join(section.mid for section in kept), "a=msid-semantic: WMS *"]
    for section in offer.sections:
        if section.kind == "application":
            lines += [f"m=application 0 {section.protocol} {section.formats}", "c=IN IP4 0.0.0.0"]
            lines += [f"a=mid:{section.mid}", "a=inactive"]
        else:
            lines += _answer_section(offer, section, by_mid.get(section.mid), local)
    return "\r\n".join(lines) + "\r\n"


def _answer_section(offer: Offer, section: Section, media: Media | None, local: Local) -> list[str]:
    host, port = local.candidates[0]
    codecs = [media.codec] if media else list(section.codecs[:1])
    formats = [str(codec.payload_type) for codec in codecs]
    if media and media.retransmission is not None:
        formats.append(str(media.retransmission))
    lines = [f"m={section.kind} {port} {section.protocol} {' '.join(formats) or '0'}"]
    lines.append(f"c=IN {'IP6' if ':' in host else 'IP4'} {host}")
    if media and media.direction == "recvonly" and section.kind == "video":
        lines.append(f"b=AS:{CEILING_KBPS}")
    lines += ["a=rtcp:9 IN IP4 0.0.0.0", f"a=ice-ufrag:{local.ufrag}", f"a=ice-pwd:{local.password}"]
    lines += [f"a=fingerprint:sha-256 {local.fingerprint}", f"a=setup:{setup_role(offer)}", f"a=mid:{section.mid}"]
    lines += [f"a={media.direction if media else 'inactive'}", "a=rtcp-mux", "a=rtcp-mux-only"]
    if section.reduced:
        lines.append("a=rtcp-rsize")
    for codec in codecs:
        lines += _codec_lines(codec, media)
    if media and media.direction == "sendonly":
        lines += [f"a=msid:{local.cname} {section.kind}"]
        ssrc, repair = local.ssrcs[section.kind]
        lines.append(f"a=ssrc:{ssrc} cname:{local.cname}")
        if media.retransmission is not None:
            lines += [f"a=ssrc:{repair} cname:{local.cname}", f"a=ssrc-group:FID {ssrc} {repair}"]
    if media and media.rids:
        lines += [f"a=rid:{rid} recv" for rid in media.rids]
        lines += [f"a=simulcast:recv {';'.join(media.rids)}", f"a=extmap:{media.rid} {RID}"]
        lines += [f"a=extmap:{media.repaired_rid} {REPAIRED_RID}"] if media.repaired_rid is not None else []
    for rank, (address, number) in enumerate(local.candidates):
        # RFC 8445 section 5.1.2.1: type preference 126 for host, local preference by our order.
        priority = (126 << 24) | ((65535 - rank) << 8) | 255
        lines.append(f"a=candidate:{rank + 1} 1 udp {priority} {address} {number} typ host")
    return [*lines, "a=end-of-candidates"]


def _codec_lines(codec: Codec, media: Media | None) -> list[str]:
    number = codec.payload_type
    channels = f"/{codec.channels}" if codec.channels else ""
    names = {"h264": "H264", "vp8": "VP8"}
    lines = [f"a=rtpmap:{number} {names.get(codec.name, codec.name)}/{codec.clock_rate}{channels}"]
    parameters = []
    if codec.name == "h264":
        parameters += ["level-asymmetry-allowed=1", "packetization-mode=1", f"profile-level-id={profile(codec)}"]
    elif codec.name == "opus":
        parameters += ["minptime=10", "useinbandfec=1"]
    if media is not None and media.kind == "video" and media.direction == "recvonly":
        # Without it Chromium starts at 300 kbit/s, a quarter of the picture's width, for many seconds.
        parameters.append(f"x-google-start-bitrate={START_KBPS}")
    if parameters:
        lines.append(f"a=fmtp:{number} {';'.join(parameters)}")
    if media is None:
        return lines
    kinds = [name for name in FEEDBACK[media.kind] if name in codec.feedback]
    if media.direction == "sendonly" and media.kind == "video":
        kinds += [name for name in TOLD_BY_VIEWERS if name in codec.feedback]
    if media.transport_wide is not None:
        kinds.append("transport-cc")
        lines.append(f"a=extmap:{media.transport_wide} {TRANSPORT_WIDE}")
    lines += [f"a=rtcp-fb:{number} {kind}" for kind in kinds]
    if media.retransmission is not None:
        lines += [
            f"a=rtpmap:{media.retransmission} rtx/{codec.clock_rate}",
            f"a=fmtp:{media.retransmission} apt={number}",
        ]
    return lines

"""Offers: caps, what is agreed to, what is refused, and the answer."""

import contextlib
import re

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.rawpeer import RawPeer
from livestream import answers, offers
from livestream.errors import OfferRefused

LOCAL = answers.Local("ufragufrag", "p" * 24, "AA:BB", (("192.0.2.1", 5000), ("2001:db8::1", 5001)), "1", "c", {})
CHROMIUM_VIDEO = """m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104 107 108 109 114
c=IN IP4 0.0.0.0
a=mid:{mid}
a={direction}
a=rtcp-mux
a=rtcp-rsize
a=extmap:3 urn:3gpp:video-orientation
a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 transport-cc
a=rtcp-fb:96 nack
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:103 H264/90000
a=rtcp-fb:103 goog-remb
a=rtcp-fb:103 transport-cc
a=rtcp-fb:103 ccm fir
a=rtcp-fb:103 nack
a=rtcp-fb:103 nack pli
a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:104 rtx/90000
a=fmtp:104 apt=103
a=rtpmap:107 H264/90000
a=rtcp-fb:107 goog-remb
a=rtcp-fb:107 transport-cc
a=rtcp-fb:107 ccm fir
a=rtcp-fb:107 nack
a=rtcp-fb:107 nack pli
a=fmtp:107 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:108 rtx/90000
a=fmtp:108 apt=107
a=rtpmap:109 H264/90000
a=fmtp:109 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f
a=rtpmap:114 H264/90000
a=fmtp:114 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f
"""


def offer(direction: str = "sendonly", *changes: tuple[str, str]) -> str:
    """Sound of a raw peer, picture of Chromium, and replacements."""
    text = RawPeer(("opus",), direction).offer().replace("BUNDLE 0", "BUNDLE 0 1")
    text += CHROMIUM_VIDEO.format(mid=1, direction=direction).replace("\n", "\r\n")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return text


def refusal(text: str, play: dict[str, str] | None = None) -> OfferRefused:
    """Parse and agree; it must be refused."""
    with pytest.raises(OfferRefused) as refused:
        agree(text, play)
    return refused.value


def agree(text: str, play: dict[str, str] | None = None) -> tuple[offers.Media, ...]:
    """Parse and agree."""
    parsed = offers.parse(text)
    return offers.accept_publish(parsed) if play is None else offers.accept_play(parsed, play)


def test_publisher_is_answered_with_constrained_baseline_and_retransmission() -> None:
    """42e01f before 42001f before VP8; the answer is what aiortc reads as recvonly."""
    parsed = offers.parse(offer())
    audio, video = offers.accept_publish(parsed)
    assert (video.codec.payload_type, video.retransmission, video.transport_wide) == (107, 108, 4)
    assert (audio.codec.name, audio.retransmission) == ("opus", None)
    text = answers.answer(parsed, (audio, video), LOCAL)
    assert text.count("a=rtcp-mux-only\r\n") == 2
    assert "video-orientation" not in text
    read = SessionDescription.parse(text)
    assert [media.direction for media in read.media] == ["recvonly", "recvonly"]
    assert [media.rtp.muxId for media in read.media] == ["0", "1"]
    assert [codec.payloadType for codec in read.media[1].rtp.codecs] == [107, 108]
    assert [candidate.ip for candidate in read.media[1].ice_candidates] == ["192.0.2.1", "2001:db8::1"]
    assert read.media[1].ice_candidates_complete
    assert read.media[0].ice.iceLite


def test_viewer_is_answered_with_the_codec_of_the_stream() -> None:
    """The stream's codec in the viewer's numbers; what the stream lacks is inactive."""
    parsed = offers.parse(offer("recvonly"))
    agreed = offers.accept_play(parsed, {"video": "vp8"})
    assert [(media.kind, media.codec.payload_type) for media in agreed] == [("video", 96)]
    local = answers.Local("u" * 8, "p" * 24, "AA", (("192.0.2.1", 5),), "1", "name", {"video": (77, 78)})
    read = SessionDescription.parse(answers.answer(parsed, agreed, local))
    assert [media.direction for media in read.media] == ["inactive", "sendonly"]
    assert [(source.ssrc, source.cname) for source in read.media[1].ssrc] == [(77, "name"), (78, "name")]
    assert [(group.semantic, group.items) for group in read.media[1].ssrc_group] == [("FID", [77, 78])]
    assert [codec.payloadType for codec in read.media[1].rtp.codecs] == [96, 97]


def test_camera_alone_and_microphone_alone_may_publish() -> None:
    """RFC 9725 asks for at least one track of any kind."""
    for codecs in (("h264",), ("opus",)):
        (media,) = offers.accept_publish(offers.parse(RawPeer(codecs, "sendonly").offer()))
        assert media.codec.name == codecs[0]


def test_remote_candidates_are_not_kept() -> None:
    """An offer cannot make us send anything to an address of its choice."""
    lines = "".join(f"a=candidate:1 1 udp 1 10.0.0.{n} 9 typ host\r\n" for n in range(200))
    parsed = offers.parse(offer() + lines)
    assert "10.0.0." not in repr(parsed)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ([("a=rtcp-mux\r\n", "")], "sdp-malformed"),
        ([("BUNDLE 0 1", "BUNDLE 0")], "sdp-malformed"),
        ([("a=fingerprint:sha-256", "a=fingerprint:sha-1")], "sdp-malformed"),
        ([("a=setup:actpass", "a=setup:holdconn")], "sdp-malformed"),
        ([("a=ice-pwd:", "a=ice-pwd:\u00e9")], "sdp-malformed"),
        ([("m=video 9", "m=video")], "sdp-malformed"),
        ([("m=video", "m=text")], "sdp-malformed"),
        ([("v=0", "v=1")], "sdp-malformed"),
        ([("m=audio", "m=video"), ("opus/48000/2", "VP8/90000")], "tracks"),
        ([("a=sendonly", "a=recvonly")], "direction"),
        ([("a=sendonly", "a=inactive")], "tracks"),
        ([("H264", "H265"), ("VP8", "VP9")], "codec-unsupported"),
        ([("opus", "PCMU")], "codec-unsupported"),
        ([("packetization-mode=1", "packetization-mode=0"), ("VP8", "AV1")], "codec-unsupported"),
    ],
)
def test_what_cannot_be_answered_is_refused(changes: list[tuple[str, str]], code: str) -> None:
    """Every refusal is 422 with a stable code; a codec's names what is supported."""
    refused = refusal(offer("sendonly", *changes))
    assert (refused.status, refused.code) == (422, code)
    assert code != "codec-unsupported" or "H.264" in refused.message


def test_viewer_without_the_codec_of_the_stream_is_refused() -> None:
    """Nothing is transcoded."""
    text = offer("recvonly", ("VP8", "VP9"))
    assert refusal(text, {"video": "vp8", "audio": "opus"}).code == "codec-unsupported"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("v=0\r\n" + "a=ssrc:1 cname:x\r\n" * 200_000, 413),
        (offer() + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n" * 200, 422),
        (offer() + "a=ssrc:1 cname:x\r\n" * 33, 422),
        ("\0" * 40_000, 413),
    ],
)
def test_caps_hold_before_parsing(text: str, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one section is read of an offer that is too large."""
    monkeypatch.setattr(offers, "_section", lambda *_: pytest.fail("it was parsed"))
    assert refusal(text).status == status


@given(st.text(alphabet="vmao=0:; \r\nudiopce/-sndly-fmtp127rtxH4", max_size=400))
def test_any_text_is_answered_or_refused(text: str) -> None:
    """Nothing but OfferRefused comes out of a bad offer."""
    with contextlib.suppress(OfferRefused):
        agree(text)


BROKEN = offer()


@given(st.data())
def test_broken_offer_is_answered_or_refused(data: st.DataObject) -> None:
    """A real offer with a piece cut out or doubled."""
    text = BROKEN
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 200)))
    piece = text[start:end] * data.draw(st.integers(0, 2))
    try:
        parsed = offers.parse(text[:start] + piece + text[end:])
        answer = answers.answer(parsed, offers.accept_publish(parsed), LOCAL)
    except OfferRefused:
        return
    assert len(re.findall(r"^m=", answer, re.MULTILINE)) == len(parsed.sections)


def layered(send: str) -> str:
    """An offer of layers as Chromium writes it: no `a=ssrc`, names in header extensions."""
    lines = [line for line in RawPeer(("h264",), "sendonly").offer().splitlines() if not line.startswith("a=ssrc")]
    lines += [f"a=extmap:10 {offers.RID}", f"a=extmap:11 {offers.REPAIRED_RID}"]
    lines += ["a=rid:h send", "a=rid:m send", "a=rid:l send", f"a=simulcast:send {send}"]
    return "\r\n".join(lines) + "\r\n"


def test_layers_are_agreed_to_with_the_extensions_that_name_them() -> None:
    """RFC 8853: the answer receives what is offered, in its order."""
    parsed = offers.parse(layered("h;m;l"))
    (media,) = offers.accept_publish(parsed)
    assert (media.rids, media.rid, media.repaired_rid) == (("h", "m", "l"), 10, 11)
    text = answers.answer(parsed, (media,), LOCAL)
    for line in ("a=simulcast:recv h;m;l", "a=rid:m recv", f"a=extmap:10 {offers.RID}"):
        assert f"{line}\r\n" in text


@pytest.mark.parametrize(
    ("send", "agreed"),
    [
        ("h,m;~l", ("h", "l")),
        ("h;x;l", ("h", "l")),
        ("h", ()),
        (";;", ()),
        ("h;m;l;h;m;l;h", ("h", "m", "l")),
    ],
)
def test_odd_layers_are_read_as_far_as_they_make_sense(send: str, agreed: tuple[str, ...]) -> None:
    """Alternatives and paused ones are taken, unknown names are not, one alone is none."""
    (media,) = offers.accept_publish(offers.parse(layered(send)))
    assert media.rids == agreed


def test_retransmissions_may_be_named_in_their_group_alone() -> None:
    """As FFmpeg writes it."""
    peer = RawPeer(("h264",), "sendonly")
    parsed = offers.parse(peer.offer(extra=(f"a=ssrc-group:FID {peer.ssrcs['h264']} 77",)))
    assert set(parsed.sections[0].ssrcs) == {peer.ssrcs["h264"], 77}

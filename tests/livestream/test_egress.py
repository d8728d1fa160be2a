"""Batches: which packets share a call to the kernel."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livestream import egress
from livestream.layer import Packet
from livestream.stream import Stream

pytestmark = pytest.mark.slow


@given(
    st.lists(st.sampled_from([90, 300, 400, 1180]) | st.integers(1, 1200), max_size=40), st.lists(st.integers(1, 400))
)
def test_sound_between_pictures_costs_no_call_more(pictures: list[int], sound: list[int]) -> None:
    stream = Stream("room", {"video": ("h264", 90_000), "audio": ("opus", 48_000)})
    layers = [stream.tracks[kind].layer() for kind in ("video", "audio")]
    packets = [
        [Packet(layer, number, 0, False, False, bytes(size), False) for number, size in enumerate(sizes)]
        for layer, sizes in zip(layers, (pictures, sound), strict=True)
    ]
    mixed = egress.interleave(*packets)
    assert [[packet for packet in mixed if packet.layer is layer] for layer in layers] == packets
    one, other = (len(egress.plan([(b"", p.body, 0) for p in each])) for each in (mixed, packets[0] + packets[1]))
    assert one <= other

"""What is live in one room: its stream, who publishes it, who watches, and what can be counted of them."""

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from livestream.publisher import Publisher
from livestream.stream import Stream
from livestream.viewer import Viewer


@dataclass
class Live:
    """The state of one room: its stream outlives a lost publisher by the grace time."""

    stream: Stream
    publisher: Publisher | None = None
    session: str = ""
    published: bool = False
    lost_at: float | None = None
    viewers: dict[str, Viewer] = field(default_factory=dict)

    def counters(self) -> dict[str, Any]:
        """Count viewers, packets, layers and what was asked for again."""
        return {
            "session": self.session,
            "published": self.published and self.lost_at is None,
            "lost": self.lost_at is not None,
            "viewers": sum(viewer.peer.connected for viewer in self.viewers.values()),
            "round_trip": median(known) if (known := self._round_trips()) else None,
            "codecs": self.stream.codecs,
            "resent": sum(viewer.resent for viewer in self.viewers.values()),
            "switches": sum(viewer.switches for viewer in self.viewers.values()),
            "dropped": self.publisher.dropped if self.publisher else 0,
            "keyframe_requests": self.publisher.keyframe_requests if self.publisher else 0,
            "tracks": {
                kind: {
                    "packets": track.packets,
                    "octets": track.octets,
                    "keyframes": track.keyframes,
                    "layers": {
                        rid: {"packets": layer.packets, "rate": round(layer.rate)}
                        for rid, layer in track.layers.items()
                    },
                }
                for kind, track in self.stream.tracks.items()
            },
        }

    def _round_trips(self) -> list[float]:
        return [viewer.round_trip for viewer in self.viewers.values() if viewer.round_trip is not None]

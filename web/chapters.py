"""Which product a show was about when: chapters from the pins' times and the recording's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from livestream.recording import Recording
from shop.catalog import Product
from shop.shows import Pin

# A pin that was a slip of the finger is no chapter.
SHORTEST = 1.0


@dataclass(frozen=True)
class Chapter:
    """A stretch of a replay about one product; seconds."""

    start: float
    end: float
    product: Product

    @property
    def clock(self) -> str:
        """Where it begins, as people write it: 1:02:03 or 2:03."""
        hours, rest = divmod(int(self.start), 3600)
        return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def chapters(recording: Recording, pins: Sequence[Pin], products: Mapping[str, Product]) -> list[Chapter]:
    """Return the stretches in which a product was pinned; one after the other of the same product are one."""
    found: list[Chapter] = []
    for pin in pins:
        product = products.get(pin.product_id)
        if product is None:
            continue
        start = recording.place(pin.at.timestamp())
        end = recording.duration if pin.until is None else recording.place(pin.until.timestamp())
        if end - start < SHORTEST:
            continue
        last = found[-1] if found else None
        if last is not None and last.product.id == product.id and start - last.end < SHORTEST:
            found[-1] = Chapter(last.start, end, product)
        else:
            found.append(Chapter(start, end, product))
    return found


def webvtt(found: Sequence[Chapter]) -> str:
    """Write chapters as WebVTT; each cue's text is the product's title."""
    cues = [f"{clock(each.start)} --> {clock(each.end)}\n{_escaped(each.product.title)}\n" for each in found]
    return "\n".join(["WEBVTT\n", *cues])


def clock(seconds: float) -> str:
    """Write seconds as WebVTT does: 01:02:03.456."""
    thousandths = round(seconds * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def _escaped(text: str) -> str:
    return " ".join(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").split())

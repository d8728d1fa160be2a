"""How each product looks on screen: its colours, its words and the length of its segments."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from assets.draw.canvas import Sprite
from assets.draw.products import backpack, blanket, dripper, jacket, lamp, teapot
from assets.draw.products.stage import Stage

DEMO = Path(__file__).resolve().parents[1] / "demo"
ROLES = ("hook", "demo", "proof", "offer", "cta")
UNIT = 1.6  # seconds of one unit of the common form


@dataclass(frozen=True, eq=False)
class Look:
    """One product on screen. Colours are '#RRGGBB'; `units` has the length of each role in units of 1.6 s."""

    handle: str
    draw: Callable[[str], Sprite]
    demonstrate: Callable[[Stage, float, float], None]
    deep: str  # background of hook and call to action
    light: str  # background of demonstration and offer
    accent: str
    ink: str  # text on light
    pale: str  # text on deep
    night: bool  # the demonstration is shown in the dark
    hook: tuple[str, ...]
    steps: tuple[str, str, str]
    proof: tuple[int, str, str]  # number, unit, what was counted
    facts: tuple[str, str]
    offer: tuple[str, ...]
    call: tuple[str, ...]
    units: Mapping[str, int]
    key: int  # semitones above C of the music; one for a category, whose hooks may meet
    voice: str  # what plays the melody

    def seconds(self, role: str) -> float:
        """Length of one segment."""
        return self.units[role] * UNIT


def _units(*numbers: int) -> Mapping[str, int]:
    return dict(zip(ROLES, numbers, strict=True))


LOOKS = (
    Look(
        "kaffeefilter-lund", dripper.draw, dripper.demonstrate,
        "#B23F27", "#FFEFDF", "#FFC067", "#2B1510", "#FFFFFF", False,
        ("Erst", "Kaffee."), ("Wasser drauf.", "Läuft ruhig durch.", "Klar im Glas."),
        (300, "Spülgänge", "im Dauertest"), ("Kein Riss", "Kein Verblassen"),
        ("Zwei Farben.", "Zwei Größen."), ("Hol ihn", "dir."), _units(2, 4, 3, 3, 2), 0, "marimba",
    ),
    Look(
        "teekanne-isen", teapot.draw, teapot.demonstrate,
        "#1F5C4A", "#F1F4E2", "#F2C14E", "#0F2E25", "#FFFFFF", False,
        ("Kurz", "Pause?"), ("Ziehen lassen.", "Einschenken.", "Kein Tropfen."),
        (1240, "Grad", "im Ofen gebrannt"), ("Von Hand gedreht", "Sieb aus Edelstahl"),
        ("Jede ist", "ein Einzelstück."), ("Hol sie", "dir."), _units(2, 4, 2, 3, 2), 0, "harp",
    ),
    Look(
        "tischleuchte-luna", lamp.draw, lamp.demonstrate,
        "#2B2560", "#FFF2D8", "#FFC65C", "#1A1540", "#FFFFFF", True,
        ("Licht", "ohne", "Kabel."), ("Antippen.", "Drei Stufen.", "Überall hin."),
        (20, "Stunden", "Licht je Ladung"), ("USB-C", "Warmes Licht"),
        ("Messing, Graphit", "oder Moos?"), ("Mach’s dir", "schön."), _units(2, 4, 2, 3, 2), 5, "bell",
    ),
    Look(
        "wolldecke-moor", blanket.draw, blanket.demonstrate,
        "#4B2142", "#FBEDE8", "#F3B08C", "#2C1026", "#FFFFFF", False,
        ("Kalt", "war", "gestern."), ("Dicht gewebt.", "Fransen von Hand.", "Warm und leicht."),
        (100, "Prozent", "Schurwolle"), ("Kratzt nicht", "Waschbar"),
        ("Beere", "oder Hafer?"), ("Kuschel", "dich ein."), _units(2, 3, 3, 3, 2), 5, "keys",
    ),
    Look(
        "rucksack-tarn", backpack.draw, backpack.demonstrate,
        "#F0B740", "#FFF6DF", "#2F5D50", "#15312A", "#15312A", False,
        ("Passt", "alles", "rein?"), ("Laptop rein.", "Einkauf rein.", "Zurollen."),
        (15, "Kilo", "getragen, nichts gerissen"), ("Gewachste Baumwolle", "Gepolsterter Rücken"),
        ("Zwei Farben.", "18 oder 26 l."), ("Pack", "ihn ein."), _units(3, 4, 2, 3, 2), 2, "harp",
    ),
    Look(
        "regenjacke-bora", jacket.draw, jacket.demonstrate,
        "#1D57A6", "#E7F0FA", "#FFC93C", "#0C2347", "#FFFFFF", False,
        ("Regen?", "Na und."), ("Es schüttet.", "Perlt ab.", "Innen trocken."),
        (10000, "mm", "Wassersäule"), ("Nähte verschweißt", "Klein gerollt"),
        ("Sonne", "oder Marine?"), ("Raus", "mit dir."), _units(2, 4, 3, 3, 2), 2, "marimba",
    ),
)  # fmt: skip


@cache
def catalogue() -> dict[str, Any]:
    """The demo shop's catalogue."""
    loaded: dict[str, Any] = json.loads((DEMO / "catalogue.json").read_text("utf-8"))
    return loaded


def colours(handle: str) -> list[str]:
    """The product's colours as '#RRGGBB', in the order of its variants."""
    product = next(p for p in catalogue()["products"] if p["handle"] == handle)
    names = dict.fromkeys(v["options"]["colour"] for v in product["variants"])
    return [catalogue()["option_values"][name]["hex"] for name in names]


def sizes(handle: str) -> list[str]:
    """The product's sizes, in the order of its variants."""
    product = next(p for p in catalogue()["products"] if p["handle"] == handle)
    return list(dict.fromkeys(v["options"]["size"] for v in product["variants"]))

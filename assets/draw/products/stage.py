"""Where a product is shown: from the product's own 800x1000 units to the pixels of a frame."""

import math
from dataclasses import dataclass

import numpy as np

from assets.draw.canvas import Sprite
from assets.draw.frame import Frame
from assets.draw.paths import Points
from assets.draw.products.shading import ANCHOR


@dataclass(frozen=True)
class Stage:
    """A frame, the place of the product's anchor in it, its size and its colour."""

    frame: Frame
    x: float
    y: float
    scale: float
    colour: str

    def points(self, outline: Points) -> Points:
        """From product units to frame pixels."""
        return np.asarray((outline - np.array(ANCHOR)) * self.scale + np.array([self.x, self.y]))

    def show(
        self,
        sprite: Sprite,
        at: tuple[float, float] = ANCHOR,
        dx: float = 0.0,
        dy: float = 0.0,
        degrees: float = 0.0,
        opacity: float = 1.0,
        stretch: float = 1.0,
        scale: float = 1.0,
    ) -> None:
        """Place a sprite; a stretched one keeps its foot on the ground."""
        x, y = self.points(np.array([[at[0] + dx, at[1] + dy]]))[0]
        foot = (1 - stretch) * 340 * self.scale
        self.frame.place(sprite, x, y + foot, self.scale * scale, degrees, opacity, stretch)

    def fill(self, outline: Points, colour: str, opacity: float = 1.0) -> None:
        """Fill an outline in product units."""
        self.frame.fill(self.points(outline), colour, opacity)

    def stroke(self, line: Points, colour: str, thickness: float, opacity: float = 1.0) -> None:
        """Draw a line in product units."""
        self.frame.stroke(self.points(line), colour, thickness * self.scale, opacity)

    def steam(self, x: float, y: float, t: float, strength: float) -> None:
        """Three curls that rise and vanish."""
        for i in range(3):
            age = (t * 0.45 + i / 3) % 1.0
            rise = np.linspace(0, 1, 14)
            sway = 16 * np.sin(rise * 5 + t * 2.4 + i * 2)
            curl = np.stack([x - 34 + 34 * i + sway, y - 30 - 120 * age - 70 * rise], axis=1)
            self.stroke(curl, "#FFFFFF", 9, strength * 0.6 * math.sin(age * math.pi))

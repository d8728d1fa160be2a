"""How welcome a thing will be: everybody's rate, lifted by taste, corrected by what the viewer did with that thing.

Three levels, each the prior of the next: what things alike got (`counts.likeness`), what this one got with everybody,
what the viewer's taste makes of it (a share of the rate, not a constant: a niche stays one), what it got with this
viewer. New things are given the benefit of the doubt until they were shown.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization import counts

Floats = NDArray[np.float64]
# Below this no rate falls, so that everything can come back.
LEAST = 1e-4


@dataclass(frozen=True)
class Belief:
    """How strong each prior is, in showings or observations; chosen on the first 10,000 trips of one seed.

    `alike` of an item's rate on things like it, `item` of everybody's rate, `taste` of the viewer's taste at nothing,
    `own` of taste on the viewer's own counts; `doubt` is how much is hoped of what was rarely shown.
    """

    alike: float = 50.0
    item: float = 3.0
    taste: float = 1.0
    own: float = 20.0
    doubt: float = 0.3


def rate(hits: Floats, shown: Floats, likely: Floats | float, belief: Belief) -> Floats:
    """Return the rate of items with everybody, where `likely` is what is expected of them before they are shown."""
    return counts.mean(hits, shown, np.maximum(likely, LEAST), belief.item)


def welcome(base: Floats, lift: Floats | float, own_hits: Floats, own_shown: Floats, belief: Belief) -> Floats:
    """Return the rate of items with one viewer, whose taste lifts the base by this share (-1: not at all)."""
    return counts.mean(own_hits, own_shown, np.maximum(base * (1.0 + lift), LEAST), belief.own)


def promise(usual: float, shown: Floats, belief: Belief) -> Floats:
    """Return what is hoped beyond the rate: it fades as the item is shown (an upper confidence bound of its rate).

    `usual` is what rates usually are, said beforehand: with the rate as it is by now, a bad start would end the hope.
    """
    return np.asarray(belief.doubt * np.sqrt(usual / (shown + 1.0)))

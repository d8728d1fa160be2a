"""How welcome a thing will be: everybody's rate, corrected by what the viewer did with that thing.

Three levels, each the prior of the next: what things alike got (`counts.likeness`), what this one got with everybody,
what it got with this viewer. What was shown too rarely to be judged is given a chance: by surprises that are reserved
for it, or by the benefit of the doubt.
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

    `alike` of an item's rate on things like it, `item` of everybody's rate, `own` of everybody's rate on the viewer's
    own counts. Surprises are reserved for what was shown less than `judged` times; `surprise` is their share of places
    until everything could have been shown so often, `doubt` how much is hoped of what was rarely shown.
    """

    alike: float = 50.0
    item: float = 3.0
    own: float = 8.0
    judged: float = 20.0
    surprise: float = 0.1
    doubt: float = 0.3


def rate(hits: Floats, shown: Floats, likely: Floats | float, belief: Belief) -> Floats:
    """Return the rate of items with everybody, where `likely` is what is expected of them before they are shown."""
    return counts.mean(hits, shown, np.maximum(likely, LEAST), belief.item)


def welcome(base: Floats, own_hits: Floats, own_shown: Floats, belief: Belief) -> Floats:
    """Return the rate of items with one viewer, whose `base` with everybody is known."""
    return counts.mean(own_hits, own_shown, np.maximum(base, LEAST), belief.own)


def unjudged(shown: Floats, belief: Belief) -> NDArray[np.bool_]:
    """Tell of which items too little is known, so that surprises are theirs first.

    Five misses in a row happen to one in six of the things that three in ten want; whoever is given up by then never
    comes back by score.
    """
    return np.asarray(shown < belief.judged)


def surprises(shown: Floats, belief: Belief) -> float:
    """Return the share of places that surprises get after these showings of all items.

    It falls as one over the showings, as what is left to learn does (Auer, Cesa-Bianchi and Fischer, 2002, theorem 3).
    """
    return float(belief.surprise * min(1.0, belief.judged * len(shown) / max(1.0, shown.sum())))


def promise(usual: float, shown: Floats, belief: Belief) -> Floats:
    """Return what is hoped beyond the rate: it fades as the item is shown (an upper confidence bound of its rate).

    `usual` is what rates usually are, said beforehand: with the rate as it is by now, a bad start would end the hope.
    """
    return np.asarray(belief.doubt * np.sqrt(usual / (shown + 1.0)))

"""Guesses about a viewer that no category says: "buys for a child", "likes linen"; formed, tested, kept or dropped.

A guess is about a trait of products, read off their titles and descriptions. It is formed from what the viewer
welcomed, tested with at most one place of a feed's ten, and kept or dropped by its posterior: how likely it is that
things with the trait are welcomed more often than others. The viewer sees each guess and has the last word. Like the
profile, all of it is a function of the viewer's log.
"""

import math
from collections.abc import Collection, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from personalization import assortment, log
from personalization.corrections import CONFIRMED, REJECTED, corrected, standing
from personalization.explain import Reason
from personalization.log import STARTED, Event
from personalization.profile import Profile
from personalization.ranking import Candidate, Choice, Ranker
from personalization.rates import WELCOMED
from personalization.traits import TRAITS
from storage.database import Tx

# One place of each ten tests an open guess, one may serve a kept one.
TEST_PLACE, SERVE_PLACE, OF = 7, 4, 10
# What is believed of every trait and of everything else before anything is known.
PRIOR_WELCOMED, PRIOR_SHOWN = 1.0, 4.0
FORM, KEEP, DROP = 0.7, 0.95, 0.2
LEAST_PRODUCTS, LEAST_WELCOMED = 2, 2
# Before so many showings nothing is kept or dropped.
LEAST_SHOWN = 8


@dataclass(frozen=True)
class Guess:
    """A guess: showings and welcomes of things with the trait and of all others, and how likely it is to be true.

    `state` is open, kept, dropped, or confirmed or rejected by the viewer.
    """

    trait: str
    shown: int
    welcomed: int
    others_shown: int
    others_welcomed: int
    probability: float
    state: str


def guesses(events: Iterable[Event], traits: Mapping[str, Collection[str]]) -> list[Guess]:
    """Form guesses from a viewer's log, the likeliest first; `traits` are those of the products in it."""
    happened = list(events)
    said = {each.target: each.name for each in standing(happened) if each.name in (CONFIRMED, REJECTED)}
    counted = corrected(happened)
    found = []
    for trait in TRAITS:
        guess = _guess(trait, counted, traits, said.get(trait))
        if guess is not None:
            found.append(guess)
    return sorted(found, key=lambda each: (-each.probability, each.trait))


def current(tx: Tx, viewer_id: str, now: datetime, beside: MutableMapping[str, Any] | None = None) -> list[Guess]:
    """Return the guesses about a viewer; those in `beside`, where they are kept until the log has something new."""
    held = {} if beside is None else beside
    found: list[Guess] | None = held.get("guesses")
    if found is None:
        happened = log.read(tx, viewer_id)
        found = held["guesses"] = guesses(happened, assortment.current(tx, now).traits)
    return found


def with_guesses(
    tx: Tx,
    viewer_id: str,
    profile: Profile,
    choices: Sequence[Choice],
    candidates: Sequence[Candidate] | Ranker,
    now: datetime,
    seed: str,
    placed: Mapping[int, str],
    beside: MutableMapping[str, Any] | None = None,
) -> list[Choice]:
    """Give the places for guesses to products with the trait, of those the best; the others stay as they are."""
    wanted = [choice.place for choice in choices if choice.place % OF in (TEST_PLACE, SERVE_PLACE)]
    if not wanted:
        return list(choices)
    held = current(tx, viewer_id, now, beside)
    # The least certain is tested first: about it there is most to learn.
    opened = sorted((each for each in held if each.state == "open"), key=lambda each: (each.probability, each.trait))
    kept = [each for each in held if each.state in ("kept", "confirmed")]
    if not (opened or kept):
        return list(choices)
    ranker = candidates if isinstance(candidates, Ranker) else Ranker(profile, candidates, now)
    by_place = {choice.place: choice.product_id for choice in choices} | dict(placed)
    made = []
    for choice in choices:
        turn = {TEST_PLACE: opened, SERVE_PLACE: kept}.get(choice.place % OF, [])
        guess = turn[choice.place // OF % len(turn)] if turn else None
        found = guess and _instead(tx, guess, choice, ranker, now, seed, by_place)
        made.append(found or choice)
    return made


def _instead(
    tx: Tx,
    guess: Guess,
    choice: Choice,
    ranker: Ranker,
    now: datetime,
    seed: str,
    by_place: Mapping[int, str],
) -> Choice | None:
    having = assortment.current(tx, now).having(guess.trait)
    beside = {by_place.get(choice.place - 1), by_place.get(choice.place + 1)}
    only = np.zeros(len(ranker.columns), dtype=bool)
    only[[at for each, at in ranker.columns.at.items() if each in having and each not in beside]] = True
    others = {place: product_id for place, product_id in by_place.items() if place != choice.place}
    found = ranker.rank([choice.place], f"{seed}:{guess.trait}", exploration=0.0, placed=others, only=only)
    if not found:
        return None
    return replace(found[0], kind="guess", drawn=None, reasons=(Reason("guess", {"trait": guess.trait}),))


def _guess(
    trait: str, happened: Sequence[Event], traits: Mapping[str, Collection[str]], said: str | None
) -> Guess | None:
    shown, welcomed, liked = [0, 0], [0, 0], set()
    for event in happened:
        if event.product_id is None:
            continue
        with_it = trait in traits.get(event.product_id, ())
        shown[with_it] += event.name == STARTED
        if event.name in WELCOMED:
            welcomed[with_it] += 1
            if with_it:
                liked.add(event.product_id)
    probability = _more_often(welcomed[1], shown[1], welcomed[0], shown[0])
    if said is not None:
        state = "confirmed" if said == CONFIRMED else "rejected"
    elif shown[1] >= LEAST_SHOWN and probability >= KEEP:
        state = "kept"
    elif shown[1] >= LEAST_SHOWN and probability <= DROP:
        state = "dropped"
    elif welcomed[1] >= LEAST_WELCOMED and len(liked) >= LEAST_PRODUCTS and probability >= FORM:
        state = "open"
    else:
        return None
    return Guess(trait, shown[1], welcomed[1], shown[0], welcomed[0], probability, state)


def _more_often(welcomed: int, shown: int, others_welcomed: int, others_shown: int) -> float:
    """Return how likely one Beta posterior's rate is above the other's, by their normal approximation."""
    means, variances = [], []
    for good, all_ in ((welcomed, shown), (others_welcomed, others_shown)):
        # Several reactions to one showing are one welcome's worth of certainty, not more.
        a = PRIOR_WELCOMED + min(good, max(all_, good))
        n = PRIOR_SHOWN + max(all_, good)
        means.append(a / n)
        variances.append(a * (n - a) / (n * n * (n + 1)))
    return 0.5 * math.erfc(-(means[0] - means[1]) / math.sqrt(2 * sum(variances)))

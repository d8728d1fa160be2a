"""Which segments make a video about one product: hook, demo, proof, offer, call to action, in this order.

Pure: candidates, rules and a seed in, a storyboard out. A plan is the cheapest path over the roles whose length is in
the window; a small share of surprises replaces hook, demo or proof, never the offer or the call to action.
"""

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from video_assembly.library import SegmentCandidate
from video_assembly.templates import LONGEST_MS, NEEDED, ORDER, SHORTEST_MS

EXPLORED = ("hook", "demo", "proof")

# Costs of a plan. A part that is missing weighs more than one repetition and less than two, so a small library varies
# its videos by leaving a part out; each further one weighs more, and the hook is the last to go.
MISSING = {"hook": 0.7, "demo": 0.5, "proof": 0.5}
MISSING_MORE = 0.5
REPEATED = 0.3
MOST_REPEATED = 3
# Against a segment of the role in the viewer's language; where there is none, this one costs nothing.
FOREIGN = 2.0
# The same whole video again, on top of its parts' repetitions: there is nearly always another way to tell it.
SAME_AGAIN = 0.5
MOST_WAYS = 40
# A hook about another product of the category comes in when the product's own was just seen.
BORROWED = 0.1
# As with products: small, explicit, logged.
EXPLORATION = 0.05

NOTHING_USED: Mapping[str, int] = {}
NOTHING_TOLD: Mapping[tuple[str, ...], int] = {}


@dataclass(frozen=True)
class Subject:
    """The product that a video is about."""

    product_id: str
    merchant_id: str
    category: str


@dataclass(frozen=True)
class Rules:
    """What holds for every plan: lengths in milliseconds, the viewer's language, the share of surprises."""

    shortest_ms: int = SHORTEST_MS
    longest_ms: int = LONGEST_MS
    language: str | None = None
    exploration: float = EXPLORATION


@dataclass(frozen=True)
class Part:
    """A segment in a storyboard: why it, as a code, and the exact chance that it was chosen, given those before it.

    Codes: `only-one`, `own-language`, `not-seen-lately`, `about-category` (a hook of another product), `fits-best`,
    `surprise`.
    """

    segment: SegmentCandidate
    reason: str
    propensity: float


@dataclass(frozen=True)
class Storyboard:
    """An ordered plan of one video about one product."""

    subject: Subject
    parts: tuple[Part, ...]

    @property
    def duration_ms(self) -> int:
        """Length of the video."""
        return sum(part.segment.duration_ms for part in self.parts)

    @property
    def segment_ids(self) -> tuple[str, ...]:
        """The segments in their order."""
        return tuple(part.segment.id for part in self.parts)


Choices = dict[str, list[SegmentCandidate]]
Plan = dict[str, SegmentCandidate]


class Shelf:
    """All candidates, sorted once for many plans; it never changes and may be shared by threads."""

    def __init__(self, candidates: Iterable[SegmentCandidate]) -> None:
        self.segments: dict[str, SegmentCandidate] = {}
        self._of_product: dict[tuple[str, str], list[SegmentCandidate]] = {}
        self._hooks: dict[tuple[str, str], list[SegmentCandidate]] = {}
        # The newest first: between equals it wins.
        for each in sorted(candidates, key=lambda each: each.id, reverse=True):
            if each.role not in ORDER:
                continue
            self.segments[each.id] = each
            if each.product_id is not None:
                self._of_product.setdefault((each.merchant_id, each.product_id), []).append(each)
            if each.role == "hook":
                self._hooks.setdefault((each.merchant_id, each.category), []).append(each)
        self._tellable: dict[tuple[Subject, int, int], bool] = {}

    def tellable(self, subject: Subject, rules: Rules) -> bool:
        """Tell whether a video about this product can be made without another product's hook."""
        key = (subject, rules.shortest_ms, rules.longest_ms)
        found = self._tellable.get(key)
        if found is None:
            found = any(_fits(group, rules) for group in self.groups(subject, ()))
            self._tellable[key] = found
        return found

    def groups(self, subject: Subject, lend: Collection[str]) -> list[Choices]:
        """Return the choices for each role, once for each init digest, because unequal ones never meet.

        Hooks are also those about the category alone and those of the products in `lend`, of the same merchant.
        """
        groups: dict[str, Choices] = {}
        for each in self._of_product.get((subject.merchant_id, subject.product_id), ()):
            groups.setdefault(each.init_digest, {}).setdefault(each.role, []).append(each)
        for hook in self._hooks.get((subject.merchant_id, subject.category), ()):
            borrowed = hook.product_id is None or (hook.product_id in lend and hook.product_id != subject.product_id)
            if borrowed and hook.init_digest in groups:
                groups[hook.init_digest].setdefault("hook", []).append(hook)
        return [group for group in groups.values() if group.keys() >= NEEDED]


def plan(
    shelf: Shelf,
    subject: Subject,
    rules: Rules,
    seed: str,
    *,
    used: Mapping[str, int] = NOTHING_USED,
    told: Mapping[tuple[str, ...], int] = NOTHING_TOLD,
    lend: Collection[str] = (),
) -> Storyboard | None:
    """Return the storyboard of a video about `subject`, or None when its segments make none.

    `used` says how often the viewer lately had each segment, `told` each whole video (its segments' ids in order);
    `lend` names products whose hooks may open this video.
    """
    best: tuple[float, Plan, Choices] | None = None
    for group in shelf.groups(subject, lend):
        found = _freshest(group, subject, rules, used, told)
        if found is not None and (best is None or found[0] < best[0]):
            best = (*found, group)
    if best is None:
        return None
    _, greedy, group = best
    chosen = dict(greedy)
    # Which values these draws take decides nothing about anybody's security.
    dice = random.Random(seed)  # noqa: S311
    parts = []
    for role in ORDER:
        if role not in greedy:
            continue
        open_to = _open_to(group[role], chosen, greedy[role], rules)
        propensity = 1.0
        if role in EXPLORED and len(open_to) > 1:
            # Both draws are always made, so that the next role's do not depend on this one's.
            explores, surprise = dice.random() < rules.exploration, open_to[dice.randrange(len(open_to))]
            if explores:
                chosen[role] = surprise
            propensity = rules.exploration / len(open_to) + (1 - rules.exploration) * (chosen[role] is greedy[role])
        reason = (
            "surprise" if chosen[role] is not greedy[role] else _reason(greedy[role], group[role], subject, rules, used)
        )
        parts.append(Part(chosen[role], reason, propensity))
    return Storyboard(subject, tuple(parts))


def _freshest(
    group: Choices,
    subject: Subject,
    rules: Rules,
    used: Mapping[str, int],
    told: Mapping[tuple[str, ...], int],
) -> tuple[float, Plan] | None:
    """Return the cheapest plan when telling the same whole video again costs too."""
    best: tuple[float, Plan] | None = None
    # Each plan that was told before is split into the ways without one of its segments.
    waiting: list[frozenset[str]] = [frozenset()]
    known = {frozenset[str]()}
    for _ in range(MOST_WAYS):
        if not waiting:
            break
        without = waiting.pop(0)
        found = _cheapest(group, subject, rules, used, without)
        if found is None or (best is not None and found[0] >= best[0]):
            continue
        cost, path = found
        ids = tuple(path[role].id for role in ORDER if role in path)
        times = min(told.get(ids, 0), MOST_REPEATED)
        if best is None or cost + SAME_AGAIN * times < best[0]:
            best = (cost + SAME_AGAIN * times, path)
        if times:
            ways = [without | {each} for each in ids]
            waiting += [way for way in ways if way not in known]
            known.update(ways)
    return best


def _cheapest(
    group: Choices, subject: Subject, rules: Rules, used: Mapping[str, int], without: Collection[str]
) -> tuple[float, Plan] | None:
    # Length so far and parts left out -> the cheapest way there; lengths are few: segments are whole units long.
    reached: dict[tuple[int, int], tuple[float, tuple[SegmentCandidate, ...]]] = {(0, 0): (0.0, ())}
    for role in ORDER:
        options: dict[int, tuple[float, SegmentCandidate]] = {}
        spoken = any(not _foreign(each, rules) for each in group.get(role, ()))
        for each in group.get(role, ()):
            if each.id in without:
                continue
            cost = _cost(each, subject, used) + FOREIGN * (spoken and _foreign(each, rules))
            if each.duration_ms not in options or cost < options[each.duration_ms][0]:
                options[each.duration_ms] = (cost, each)
        following: dict[tuple[int, int], tuple[float, tuple[SegmentCandidate, ...]]] = {}
        for (length, left_out), (cost, path) in reached.items():
            ways = [
                (length + duration, left_out, cost + more, (*path, each)) for duration, (more, each) in options.items()
            ]
            if role not in NEEDED:
                ways.append((length, left_out + 1, cost + MISSING[role] + MISSING_MORE * left_out, path))
            for to_length, to_left_out, to_cost, to_path in ways:
                key = (to_length, to_left_out)
                if to_length <= rules.longest_ms and (key not in following or to_cost < following[key][0]):
                    following[key] = (to_cost, to_path)
        reached = following
    whole = [found for (length, _), found in reached.items() if length >= rules.shortest_ms]
    if not whole:
        return None
    cost, path = min(whole, key=lambda found: (found[0], [each.id for each in found[1]]))
    return cost, {each.role: each for each in path}


def _cost(each: SegmentCandidate, subject: Subject, used: Mapping[str, int]) -> float:
    repeated = REPEATED * min(used.get(each.id, 0), MOST_REPEATED)
    return repeated + BORROWED * (each.product_id != subject.product_id)


def _foreign(each: SegmentCandidate, rules: Rules) -> bool:
    """Tell whether a segment speaks another language; one without a language fits everybody."""
    return bool(each.language and rules.language) and (each.language or "")[:2] != (rules.language or "")[:2]


def _open_to(
    candidates: Sequence[SegmentCandidate], chosen: Plan, greedy: SegmentCandidate, rules: Rules
) -> list[SegmentCandidate]:
    others = sum(each.duration_ms for each in chosen.values() if each.role != greedy.role)
    return [
        each
        for each in candidates
        if rules.shortest_ms <= others + each.duration_ms <= rules.longest_ms
        and _foreign(each, rules) <= _foreign(greedy, rules)
    ]


def _reason(
    each: SegmentCandidate,
    candidates: Sequence[SegmentCandidate],
    subject: Subject,
    rules: Rules,
    used: Mapping[str, int],
) -> str:
    if each.product_id != subject.product_id:
        return "about-category"
    if len(candidates) == 1:
        return "only-one"
    if not _foreign(each, rules) and any(_foreign(other, rules) for other in candidates):
        return "own-language"
    if any(used.get(other.id, 0) > used.get(each.id, 0) for other in candidates):
        return "not-seen-lately"
    return "fits-best"


def _fits(group: Choices, rules: Rules) -> bool:
    lengths = {0}
    for role in ORDER:
        durations = {each.duration_ms for each in group.get(role, ())} | (set() if role in NEEDED else {0})
        lengths = {length + more for length in lengths for more in durations if length + more <= rules.longest_ms}
    return any(length >= rules.shortest_ms for length in lengths)

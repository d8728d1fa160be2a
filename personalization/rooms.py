"""Which live rooms come first for a viewer: the same scorer over what each of them shows."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from personalization.candidates import Columns
from personalization.profile import Profile
from personalization.scoring import Scorer

# A room is as good as its best products; one good thing among many is worth a look.
BEST = 3


def order(profile: Profile, columns: Columns, shown: Mapping[str, Sequence[str]], now: datetime) -> list[str]:
    """Return the ids of rooms, the best first; `shown` are the products of each that is live now.

    A room of nothing but what the viewer ruled out comes last, one without known products in the middle.
    """
    scorer = Scorer(profile, columns, now)
    allowed = columns.allowed(profile)
    usual = float(scorer.scores[allowed].mean()) if allowed.any() else 0.0

    def score(room: str) -> float:
        places = [columns.at[each] for each in shown[room] if each in columns.at]
        wanted = sorted((float(scorer.scores[place]) for place in places if allowed[place]), reverse=True)[:BEST]
        if wanted:
            return sum(wanted) / len(wanted)
        return usual if not places else -float("inf")

    return sorted(shown, key=lambda room: (-score(room), room))

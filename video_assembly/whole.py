"""A video that is one clip as its merchant filmed it: what is left when a budget allows no more thinking."""

from collections.abc import Sequence

from video_assembly.candidates import SegmentCandidate
from video_assembly.lots import Subject
from video_assembly.shelf import Shelf
from video_assembly.storyboard import Part, Storyboard

REASON = "whole-clip"


def whole_clip(shelf: Shelf, subject: Subject, language: str | None) -> Storyboard | None:
    """Return the newest clip about `subject` that keeps the template's rules, in its own order; None without one.

    One in the viewer's language comes before others. The same clip each time, so the chance of each part is 1.
    """
    template = shelf.template(subject)
    clips: dict[str, list[SegmentCandidate]] = {}
    for each in shelf.own(subject, template):
        clips.setdefault(each.clip_id, []).append(each)
    fitting = [
        segments
        for segments in (sorted(found, key=lambda each: each.start_ms) for found in clips.values())
        if template.shortest_ms <= sum(each.duration_ms for each in segments) <= template.longest_ms
        and {each.role for each in segments} >= template.needed
        and {tag for each in segments for tag in each.tags} >= set(template.must_tags)
        and len({each.init_digest for each in segments}) == 1
        and (not template.own_language or language is None or not _foreign(segments, language))
        and tuple(each.id for each in segments) not in shelf.vetoed(subject)
    ]
    if not fitting:
        return None
    best = max(fitting, key=lambda segments: (not _foreign(segments, language or ""), segments[0].clip_id))
    return Storyboard(subject, tuple(Part(each, REASON, 1.0) for each in best))


def _foreign(segments: Sequence[SegmentCandidate], language: str) -> bool:
    return any(each.language is not None and each.language[:2] != language[:2] for each in segments)

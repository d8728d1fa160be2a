"""All segments that videos may use now, sorted once for many plans: for each product what there is to choose from.

It never changes and may be shared by threads; what a plan needs of a product is computed when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from copy import copy
from hashlib import blake2b

from video_assembly.candidates import SegmentCandidate
from video_assembly.lots import Lot, Subject
from video_assembly.templates import DEFAULT, Template, template_for

# Hooks of other products of the category that may open a product's video; more would make every plan slower.
MOST_BORROWED = 12
Roles = dict[str, list[SegmentCandidate]]

Scope = tuple[str, str | None]
"""A merchant and a category, None for all others."""
About = tuple[str, str]
"""A merchant and a product or a category."""
NO_VETOES: Mapping[About, Collection[tuple[str, ...]]] = {}
NO_TEMPLATES: Mapping[Scope, Template] = {}


class Shelf:
    """All candidates, with what merchants want of them: templates and vetoes."""

    def __init__(
        self,
        candidates: Iterable[SegmentCandidate],
        templates: Mapping[Scope, Template] = NO_TEMPLATES,
        vetoes: Mapping[About, Collection[tuple[str, ...]]] = NO_VETOES,
    ) -> None:
        self.segments: dict[str, SegmentCandidate] = {}
        self._under(templates, vetoes)
        self._of_product: dict[About, list[SegmentCandidate]] = {}
        self._hooks: dict[About, list[SegmentCandidate]] = {}
        # The newest first: between equals it wins.
        for each in sorted(candidates, key=lambda each: each.id, reverse=True):
            if each.role not in DEFAULT.order:
                continue
            self.segments[each.id] = each
            if each.product_id is not None:
                self._of_product.setdefault((each.merchant_id, each.product_id), []).append(each)
            if each.role == "hook":
                self._hooks.setdefault((each.merchant_id, each.category), []).append(each)
        self._lots: dict[tuple[Subject, Template], list[Lot]] = {}
        self._tellable: dict[tuple[Subject, str | None], bool] = {}

    def _under(self, templates: Mapping[Scope, Template], vetoes: Mapping[About, Collection[tuple[str, ...]]]) -> None:
        self._templates, self._vetoes = templates, vetoes
        self.caps = any(each.brand_cap is not None for each in templates.values())
        """Whether any merchant caps brands."""

    def under(self, templates: Mapping[Scope, Template], vetoes: Mapping[About, Collection[tuple[str, ...]]]) -> Shelf:
        """Return the shelf with other templates and vetoes."""
        made = copy(self)
        made._under(templates, vetoes)
        # Lots depend on a template that is part of their key, and on no veto.
        made._tellable = {}
        return made

    def changed(self, segments: Mapping[str, SegmentCandidate | None]) -> Shelf:
        """Return the shelf with these segments as they are now, None for those that may not be used.

        What is known of products that this does not touch is kept.
        """
        made = copy(self)
        made.segments = dict(self.segments)
        of_product: dict[About, set[str]] = {}
        of_category: dict[About, set[str]] = {}
        for name, new in segments.items():
            old = made.segments.pop(name, None)
            if new is not None and new.role in DEFAULT.order:
                made.segments[name] = new
            for each in (old, new):
                if each is not None and each.product_id is not None:
                    of_product.setdefault((each.merchant_id, each.product_id), set()).add(name)
                if each is not None and each.role == "hook":
                    of_category.setdefault((each.merchant_id, each.category), set()).add(name)
        made._of_product = made._sorted_in(self._of_product, of_product, lambda each: each.product_id)
        made._hooks = made._sorted_in(self._hooks, of_category, lambda each: each.role == "hook" and each.category)
        made._lots = {
            (subject, template): lots
            for (subject, template), lots in dict(self._lots).items()
            if (subject.merchant_id, subject.product_id) not in of_product
            and (subject.merchant_id, subject.category) not in of_category
        }
        made._tellable = {
            (subject, language): tellable
            for (subject, language), tellable in dict(self._tellable).items()
            if (subject.merchant_id, subject.product_id) not in of_product
        }
        return made

    def _sorted_in(
        self,
        before: Mapping[About, list[SegmentCandidate]],
        touched: Mapping[About, set[str]],
        key: Callable[[SegmentCandidate], object],
    ) -> dict[About, list[SegmentCandidate]]:
        after = dict(before)
        for place, names in touched.items():
            kept = [each for each in before.get(place, ()) if each.id not in names]
            come = [each for name in names if (each := self.segments.get(name)) is not None]
            kept += [each for each in come if (each.merchant_id, key(each)) == place]
            after[place] = sorted(kept, key=lambda each: each.id, reverse=True)
        return after

    def template(self, subject: Subject) -> Template:
        """Return the template that holds for a product."""
        return template_for(self._templates, subject.merchant_id, subject.category)

    def vetoed(self, subject: Subject) -> Collection[tuple[str, ...]]:
        """Return the videos about a product that its merchant does not want."""
        return self._vetoes.get((subject.merchant_id, subject.product_id), ())

    def tellable(self, subject: Subject, language: str | None = None) -> bool:
        """Tell whether a video about this product can be made for this language without another product's hook."""
        key = (subject, language and language[:2])
        found = self._tellable.get(key)
        if found is None:
            template = self.template(subject)
            if unwanted := self.vetoed(subject):
                tiers = self.tiers(subject, template, language)
                found = any(_has_way(lot, unwanted) for tier in tiers for lot in tier)
            else:
                # Asked of every product before any video is made, so without preparing what only plans need.
                groups = self._groups(self.own(subject, template))
                spoken = [roles for _, each, roles in groups if each in (None, key[1]) or not template.own_language]
                found = any(
                    _fits(roles, template) for roles in (spoken if language else [roles for *_, roles in groups])
                )
            self._tellable[key] = found
        return found

    def tiers(self, subject: Subject, template: Template, language: str | None) -> list[list[Lot]]:
        """Return the lots for a viewer: those in the viewer's language, then, unless the template forbids it, others.

        Without a language all are equal.
        """
        lots = self.lots(subject, template)
        if language is None:
            return [lots]
        own = [lot for lot in lots if lot.language in (None, language[:2])]
        return [own] if template.own_language else [own, [lot for lot in lots if lot not in own]]

    def lots(self, subject: Subject, template: Template) -> list[Lot]:
        """Return what videos about a product may be made of, once for each init digest and language."""
        key = (subject, template)
        found = self._lots.get(key)
        if found is None:
            found = self._made(subject, template)
            # Templates that are only tried out are not kept.
            if template == self.template(subject):
                self._lots[key] = found
        return found

    def _made(self, subject: Subject, template: Template) -> list[Lot]:
        lots = []
        for init, language, roles in self._groups(self.own(subject, template)):
            if "hook" in template.order:
                for each in self._borrowed(subject, init, template.never_tags):
                    if _spoken(each) in (None, language):
                        roles.setdefault("hook", []).append(each)
            if roles.keys() >= template.needed:
                lots.append(Lot(subject, template, language, roles))
        return lots

    def own(self, subject: Subject, template: Template) -> list[SegmentCandidate]:
        """Return the segments about a product itself that its template allows, the newest first."""
        return [
            each
            for each in self._of_product.get((subject.merchant_id, subject.product_id), ())
            if each.role in template.order and not any(tag in template.never_tags for tag in each.tags)
        ]

    @staticmethod
    def _groups(own: Sequence[SegmentCandidate]) -> list[tuple[str, str | None, Roles]]:
        """Return segments by role for each init digest and each language; those that do not speak are in all."""
        inits: dict[str, list[SegmentCandidate]] = {}
        for each in own:
            inits.setdefault(each.init_digest, []).append(each)
        groups: list[tuple[str, str | None, Roles]] = []
        for init, found in sorted(inits.items()):
            languages: set[str | None] = {_spoken(each) for each in found} - {None}
            for language in sorted(languages, key=str) or [None]:
                roles: Roles = {}
                for each in found:
                    if _spoken(each) in (None, language):
                        roles.setdefault(each.role, []).append(each)
                groups.append((init, language, roles))
        return groups

    def _borrowed(self, subject: Subject, init: str, never: Container[str]) -> list[SegmentCandidate]:
        """Return hooks of the category: those about no product, then others' from a place on that varies."""
        hooks = [
            each
            for each in self._hooks.get((subject.merchant_id, subject.category), ())
            if each.init_digest == init
            and each.product_id != subject.product_id
            and not any(tag in never for tag in each.tags)
        ]
        general = [each for each in hooks if each.product_id is None]
        others = [each for each in hooks if each.product_id is not None]
        if others:
            digest = blake2b(subject.product_id.encode(), digest_size=4).digest()
            start = int.from_bytes(digest, "big") % len(others)
            others = others[start:] + others[:start]
        return (general + others)[:MOST_BORROWED]


def _fits(roles: Roles, template: Template) -> bool:
    """Tell whether these make a video of the length and with the tags that the template wants."""
    if not roles.keys() >= template.needed:
        return False
    tags = template.must_tags
    reached = {(0, frozenset[str]())}
    for role in template.order:
        kinds = {(each.duration_ms, frozenset(tag for tag in tags if tag in each.tags)) for each in roles.get(role, ())}
        if role not in template.needed:
            kinds.add((0, frozenset()))
        reached = {
            (length + more, had | new)
            for length, had in reached
            for more, new in kinds
            if length + more <= template.longest_ms
        }
    return any(length >= template.shortest_ms and len(had) == len(tags) for length, had in reached)


def _has_way(lot: Lot, unwanted: Collection[tuple[str, ...]]) -> bool:
    for _, way in lot.all_ways().cheapest(lot.own_costs()):
        if tuple(lot.choices[n][m].id for n, m in enumerate(way) if m >= 0) not in unwanted:
            return True
    return False


def _spoken(each: SegmentCandidate) -> str | None:
    return each.language[:2] if each.language else None

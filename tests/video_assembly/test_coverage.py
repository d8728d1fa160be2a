"""The coverage map: counts by product, language and role, and what is lacking, the worst first."""

from tests.video_assembly.test_library import DAY, NOW, SAID, Library, add, lib, new
from video_assembly import coverage, edits

__all__ = ["lib"]


def test_what_is_there_and_what_is_lacking(lib: Library) -> None:
    ids = lib.store(
        [new(digest, role=role) for digest, role in zip("abcde", ["hook", "demo", "offer", "cta", "cta"], strict=True)]
    )
    lib.edit(ids[0], product_id=None, category="kitchen", language=None)
    lib.edit(ids[1], speech=True)
    lib.edit(ids[2], rights_until=NOW + 3 * DAY)
    lib.edit(ids[4], archived=True)
    with lib.db.reading() as tx:
        cells = {(cell.role, cell.language): cell for cell in coverage.cells(tx, lib.herd, NOW)}
        assert coverage.cells(tx, lib.wetter, NOW) == []
    assert cells["hook", None].product_id is None
    demo = cells["demo", "de"]
    assert (demo.count, demo.usable, demo.uncaptioned, demo.longest_ms) == (1, 0, 1, 0)
    assert (cells["offer", "de"].expiring, cells["cta", "de"].count, cells["cta", "de"].longest_ms) == (1, 1, 3200)

    def lacking(*languages: str) -> list[tuple[str, str, str | None]]:
        with lib.db.reading() as tx:
            found = coverage.gaps(coverage.cells(tx, lib.herd, NOW), {lib.kettle: "kitchen"}, languages)
        return [(gap.kind, gap.language, gap.role) for gap in found]

    assert lacking("de") == [
        ("uncaptioned", "de", None),
        ("expiring", "de", None),
        ("missing", "de", "demo"),
        ("missing", "de", "proof"),
    ]
    # In another language there is only the category's hook.
    assert lacking("fr")[:2] == [("needed", "fr", "offer"), ("needed", "fr", "cta")]
    with lib.db.writing() as tx:
        edits.set_captions(tx, ids[1], lib.herd, "de", SAID, NOW)
    assert ("missing", "de", "demo") not in lacking("de")
    with lib.db.writing() as tx:
        other = add(tx, lib.herd, product_ids=[lib.kettle], language="de")
    (likely,) = lib.store([new("f", role="proof", speech_hint=0.9)], clip=other)
    assert ("unheard", "de", None) in lacking("de")
    lib.edit(likely, speech=False)
    assert ("unheard", "de", None) not in lacking("de")
    lib.edit(ids[0], language="de")
    assert lacking("fr") == [("nothing", "fr", None)]

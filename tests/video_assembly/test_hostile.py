"""Files that mean harm end with a clear refusal or are harmless: no child dies, nothing is left, limits hold."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.video_assembly import hostile
from video_assembly import ingest, sandbox
from video_assembly.refusals import SENTENCES, Refused

BATCH = 60
MEBI = 1 << 20
BOUNDS = sandbox.Bounds(memory=768 * MEBI, cpu=300, file=0, wall=900)
"""The memory of a probe, for a batch in one child: starting Python sixty times would cost more than the work."""
MUST_BE_REFUSED = ("bomb", "text")
TESTS = Path(__file__).parents[1]


def campaign(count: int, folder: Path, show: bool = False) -> None:
    """Judge so many files in batches, some also on the way of an upload, and hold the answers to the promise."""
    work, out = folder / "work", folder / "out"
    work.mkdir()
    table: Counter[tuple[str, str]] = Counter()
    slowest, memory = 0.0, 0
    batch: list[str] = []
    kinds: dict[str, str] = {}

    def settle() -> None:
        nonlocal slowest, memory
        arguments: dict[str, Any] = {"folder": str(work), "names": batch}
        task = "tests.video_assembly.hostile:judge"
        found = sandbox.run(task, arguments, BOUNDS, reads=[TESTS, work])
        memory = max(memory, found["memory"])
        for name, answer, seconds in found["answers"]:
            slowest = max(slowest, seconds)
            table[kinds[name], answer] += 1
            (work / name).unlink()
        batch.clear()

    for number, each in enumerate(hostile.files(count, folder / "originals")):
        (work / each.name).write_bytes(each.data)
        kinds[each.name] = each.kind
        if number % 50 == 0:
            as_uploaded(work / each.name, out)
        batch.append(each.name)
        if len(batch) == BATCH:
            settle()
    settle()
    if show:
        for (kind, answer), files in sorted(table.items()):
            print(f"{kind:<12}{answer:<40}{files:>6}")
        print(f"slowest {slowest:.2f} s of processor, largest child {memory / MEBI:.0f} MiB")
    assert sum(table.values()) == count
    assert {answer.split()[0] for _, answer in table} <= {"accepted", *SENTENCES}
    accepted = {kind: files for (kind, answer), files in table.items() if answer == "accepted"}
    assert not set(accepted) & set(MUST_BE_REFUSED), accepted
    assert slowest <= 10
    assert list(work.iterdir()) == []
    assert not out.exists() or all(path.suffix in (".mp4", ".jpg", ".webp") for path in out.iterdir())


def as_uploaded(path: Path, out: Path) -> None:
    """The whole way: refused with a sentence, or segments that are ours."""
    said: list[str] = []
    with suppress(Refused):
        try:
            ingest.prepare(path, out)
        except Refused as refused:
            said.append(str(refused))
            raise
    assert all(sentence.endswith(".") and "{" not in sentence for sentence in said)


def test_three_hundred_hostile_files(tmp_path: Path) -> None:
    campaign(300, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(14_400)
def test_ten_thousand_hostile_files(tmp_path: Path) -> None:
    campaign(10_000, tmp_path, show=True)

"""The campaign of hostile files: `python -m tests.video_assembly.attack [--start N] [--count N]`.

Each file follows from its number alone, so a campaign that was ended goes on where its last line says.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.video_assembly import hostile
from video_assembly import ingest, sandbox
from video_assembly.refusals import SENTENCES, Refused

BATCH = 60
EVERY = 500
MEBI = 1 << 20
BOUNDS = sandbox.Bounds(memory=768 * MEBI, cpu=300, file=0, wall=900)
"""The memory of a probe, for a batch in one child: starting Python sixty times would cost more than the work."""
MUST_BE_REFUSED = ("bomb", "text")
TESTS = Path(__file__).parents[1]


def campaign(count: int, folder: Path, show: bool = False, start: int = 0) -> None:
    """Judge the files from `start` to `count` in batches, some also on the way of an upload; hold the promise.

    With `show` it says every 500 files how far it is, and what came out at the end.
    """
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

    begun, shown = time.monotonic(), start
    for number, each in enumerate(hostile.files(count, folder / "originals", start=start), start):
        (work / each.name).write_bytes(each.data)
        kinds[each.name] = each.kind
        if number % 50 == 0:
            as_uploaded(work / each.name, out)
        batch.append(each.name)
        if len(batch) == BATCH:
            settle()
            if show and number + 1 >= shown + EVERY:
                shown = number + 1
                answers = Counter("accepted" if answer == "accepted" else "refused" for _, answer in table.elements())
                took = time.monotonic() - begun
                print(f"{shown:>6} of {count}, {took:.0f} s, {dict(answers)}, slowest {slowest:.2f} s", flush=True)
    if batch:
        settle()
    if show:
        for (kind, answer), files in sorted(table.items()):
            print(f"{kind:<12}{answer:<40}{files:>6}")
        print(f"slowest {slowest:.2f} s of processor, largest child {memory / MEBI:.0f} MiB")
    assert sum(table.values()) == count - start
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


def main() -> None:
    """Judge the files of a campaign, or of the rest of one."""
    parser = argparse.ArgumentParser(prog="python -m tests.video_assembly.attack")
    parser.add_argument("--start", type=int, default=0, help="the number of the first file")
    parser.add_argument("--count", type=int, default=10_000, help="the number behind the last file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        campaign(given.count, Path(name), show=True, start=given.start)


if __name__ == "__main__":
    main()

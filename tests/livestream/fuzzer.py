"""Coverage-guided fuzzing of the targets in fuzz.py: `python -m tests.livestream.fuzzer TARGET --corpus FOLDER`.

A case must neither raise, nor take more than CASE_SECONDS of CPU, nor let anything grow. What breaks one is written to
crashes/TARGET/ and replayed by test_fuzz.py from then on.
"""

import argparse
import atexit
import os
import random
import re
import resource
import time
from pathlib import Path
from typing import Any

from tests.livestream.fuzz import SEEDS, TARGETS, Case

HERE = Path(__file__).parent
CRASHES = HERE / "crashes"
#: CPU time that no single case may take; the slowest honest ones take 2 ms, instrumented.
CASE_SECONDS = 0.05
#: Cases that are a row of forty packets or calls; encoding the sound of the hundred seconds that a case of the
#: recorder may last takes a second.
SLOW_SECONDS = {"sessions": 0.5, "calls": 0.5, "recorder": 4.0}
#: Address space that fuzzing may add: a case that asks for more fails with MemoryError.
MEMORY = 512 * 1024 * 1024
MAX_INPUT = {"publish": 33_000, "play": 33_000, "room": 6_000, "calls": 4_000, "sessions": 4_000, "recorder": 4_000}
#: Modules whose branches guide the fuzzer.
INSTRUMENTED = ("livestream", "web.room_socket")
#: Targets whose input is lines of text.
LINES = ("publish", "play", "room", "calls")


def timed(target: str) -> Case:
    """Make a target's case that fails when it takes too long, three times: once may be the garbage collector's."""
    case = TARGETS[target]()
    most = SLOW_SECONDS.get(target, CASE_SECONDS)

    def run(data: bytes) -> None:
        quickest = float("inf")
        for _ in range(3):
            before = time.process_time()
            case(data)
            quickest = min(quickest, time.process_time() - before)
            if quickest <= most:
                return
        raise AssertionError(f"one case took {quickest * 1000:.0f} ms of CPU")

    return run


WORD = re.compile(rb"([ :/=;,]+)")
ODD = (b"", b"-1", b"0", b"1", b"127", b"128", b"65536", b"9" * 20, b"9" * 400, b"*", b"/", b"=", b"96 " * 5000)


def mutate_lines(data: bytes, most: int, seed: int, donors: list[bytes]) -> bytes:
    """Change whole lines: drop, double, move, borrow from a seed, or put an odd number in."""
    chance = random.Random(seed)
    lines = data.split(b"\n")
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = chance.randrange(len(lines))
        match chance.randrange(7):
            case 0 if len(lines) > 1:
                del lines[at]
            case 1:
                lines[at:at] = [lines[at]] * chance.choice((1, 2, 40, 300))
            case 2:
                lines.insert(chance.randrange(len(lines)), lines.pop(at))
            case 3 | 4:
                lines.insert(at, chance.choice(chance.choice(donors).split(b"\n")))
            case _:
                words = WORD.split(lines[at])
                words[chance.randrange(0, len(words), 2)] = chance.choice(ODD)
                lines[at] = b"".join(words)
    return b"\n".join(lines)[:most]


def inputs(target: str) -> list[Path]:
    """The seeds of a target and everything that ever broke it."""
    return sorted(path for folder in (SEEDS, CRASHES) for path in (folder / target).glob("*"))


def main() -> None:
    """Fuzz one target for some seconds of CPU time; exit status 0 when nothing was found."""
    import atheris

    # What other tests leave of the cores is enough, and what they wait for must not wait for this.
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    parser = argparse.ArgumentParser(description="Fuzz one target.")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=float, default=30.0, help="CPU time")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 2**31))
    parser.add_argument("--corpus", type=Path, required=True, help="folder for what was learned; may be empty")
    given = parser.parse_args()
    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        case = timed(given.target)
    donors = [path.read_bytes() for path in inputs(given.target)]
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    print(f"target {given.target} seed {given.seed}", flush=True)
    cases, slowest, begun = 0, 0.0, time.process_time()

    def one(data: bytes) -> None:
        nonlocal cases, slowest
        before = time.process_time()
        case(data)
        now = time.process_time()
        cases, slowest = cases + 1, max(slowest, now - before)
        if now - begun > given.seconds:
            print(f"target {given.target}: {cases} cases, slowest {slowest * 1000:.1f} ms, nothing found", flush=True)
            # libFuzzer never returns, and ends the process by itself when Python raises SystemExit.
            atexit._run_exitfuncs()
            os._exit(0)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        if seed % 2 and given.target in LINES:
            return mutate_lines(data, most, seed, donors)
        changed: bytes = atheris.Mutate(data, most)
        return changed

    given.corpus.mkdir(parents=True, exist_ok=True)
    (CRASHES / given.target).mkdir(parents=True, exist_ok=True)
    options: list[Any] = ["fuzz", str(given.corpus), str(SEEDS / given.target), str(CRASHES / given.target)]
    options += [f"-seed={given.seed}", f"-artifact_prefix={CRASHES / given.target}/", "-timeout=60"]
    options += [f"-max_len={MAX_INPUT.get(given.target, 2_048)}", "-print_final_stats=1", "-rss_limit_mb=0"]
    atheris.Setup(options, one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

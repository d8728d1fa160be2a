"""Everything that reads bytes of strangers, fuzzed; what ever broke it is replayed for ever.

30 s of CPU for each target, of what the other tests leave of the cores; `scripts/test --soak` takes 300 s for each.
"""

import importlib.util
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.livestream import fuzzer
from tests.livestream.fuzz import TARGETS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def replay(target: str) -> None:
    """Run every seed and every input that once broke the target."""
    paths = fuzzer.inputs(target)
    assert paths, "a target needs seeds"
    case = fuzzer.timed(target)
    for path in paths:
        try:
            case(path.read_bytes())
        except BaseException as error:
            raise AssertionError(f"{path.relative_to(ROOT)} breaks it again") from error


def campaign(target: str, seconds: float, folder: Path) -> tuple[int, str]:
    """Fuzz one target in a process of its own; its exit status and what it said."""
    command = [sys.executable, "-m", "tests.livestream.fuzzer", target]
    command += ["--seconds", str(seconds), "--corpus", str(folder / target)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode(errors="replace")


def fuzz_all(seconds: float, folder: Path) -> None:
    """Fuzz every target, print a table; fails with the seed and the place of what was found."""
    if importlib.util.find_spec("atheris") is None:
        missing("atheris has no wheel for this Python or machine")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = dict(zip(TARGETS, pool.map(lambda target: campaign(target, seconds, folder), TARGETS), strict=True))
    for _, said in results.values():
        print(next((line for line in said.splitlines() if line.endswith("nothing found")), said[-3000:]))
    found = [target for target, (status, _) in results.items() if status != 0]
    assert not found, f"found something in {found}; seed, reason and the input's file are above"


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_fuzzing_finds_nothing(tmp_path: Path) -> None:
    """30 s of CPU each."""
    fuzz_all(30, tmp_path)


@pytest.mark.parametrize("target", TARGETS)
def test_seeds_and_old_crashes_do_no_harm(target: str) -> None:
    """In a process of its own, because a target may put fixed numbers in the place of chance."""
    code = f"from tests.livestream.test_fuzz import replay; replay({target!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
def test_long_fuzzing_finds_nothing(tmp_path: Path) -> None:
    """300 s of CPU each."""
    fuzz_all(300, tmp_path)

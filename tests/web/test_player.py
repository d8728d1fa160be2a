"""When the player calls a connection dead, how long it waits, and which way to the picture it takes next."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import missing

pytestmark = pytest.mark.slow

SCRIPTS = Path(__file__).parents[2] / "web" / "static" / "js"
# Node reads the names of the pages' import map as files; what is printed is what `script` returns.
RUN = """
import { register } from "node:module";
const names = `export const resolve = (name, context, next) =>
  next(name.startsWith("vitrine/") ? ${JSON.stringify(process.argv[1])} + name.slice(8) : name, context);`;
register("data:text/javascript," + encodeURIComponent(names));
const { Backoff } = await import("vitrine/live/backoff.js");
const { Pulse } = await import("vitrine/live/pulse.js");
const { Cushion } = await import("vitrine/live/cushion.js");
const { tellClock } = await import("vitrine/live/signalling.js");
const { Course } = await import("vitrine/live/course.js");
const script = () => {
  %s
};
console.log(JSON.stringify(script()));
"""
LOST = {"status": 0, "code": "unreachable", "retryAfter": 0}
FULL = {"status": 503, "code": "full", "retryAfter": 10}
NOBODY = {"status": 409, "code": "nobody-publishes", "retryAfter": 2}
OVER = {"status": 409, "code": "room-over", "retryAfter": 0}
ELSEWHERE = {"status": 403, "code": "watched-elsewhere", "retryAfter": 0}
CODEC = {"status": 422, "code": "codec-unsupported", "retryAfter": 0}


def run(script: str) -> Any:
    """Run lines of JavaScript beside the page's own modules; returns what they return."""
    node = shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))
    if node is None:
        missing("there is no Node on this machine: scripts/install dev brings it where npm is missing")
    assert node is not None
    command = [node, "--input-type=module", "-e", RUN % script, f"{SCRIPTS.as_uri()}/"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def steps(both: bool, *refusals: tuple[str, dict[str, Any]]) -> list[list[Any]]:
    """Return the way, the wait in milliseconds and the state that a course answers to each refusal, without chance."""
    lines = "".join(f"take(course.failed({json.dumps(way)}, {json.dumps(each)}));" for way, each in refusals)
    found: list[list[Any]] = run(
        f"const course = new Course({json.dumps(both)}, () => 0), out = [];"
        f"const take = (step) => out.push([step.way, step.wait, step.state]); {lines} return out;"
    )
    return found


def feel(*readings: tuple[float, dict[str, Any], bool]) -> list[str]:
    """Return the verdict on each reading: seconds, what has changed in it, whether something is expected."""
    lines = "".join(
        f"take({at * 1000}, {json.dumps(change)}, {json.dumps(expected)});" for at, change, expected in readings
    )
    found: list[str] = run(
        'let now = { packets: 0, frames: 0, answers: 0, state: "connected" }; const pulse = new Pulse(0), out = [];'
        "const take = (at, change, expected) => out.push(pulse.feel((now = { ...now, ...change }), at, expected));"
        f"{lines} return out;"
    )
    return found


def test_pauses_double_to_seven_seconds_ten_times_then_are_long() -> None:
    most, least = (
        run(f"const all = new Backoff(() => {by}); return [...Array(12)].map(() => all.next());") for by in (0, 1)
    )
    assert most == [300, 600, 1200, 2400, 4800, 7000, 7000, 7000, 7000, 7000, 20_000, 20_000]
    assert least == pytest.approx([0.65 * each for each in most])


def test_a_path_that_is_cut_is_dead_within_five_seconds() -> None:
    moving = {"packets": 100, "frames": 30, "answers": 3}
    assert feel((1, moving, True), (2.5, {}, True), (3.5, {}, True), (5.5, {}, True)) == [
        "moving",
        "moving",
        "still",
        "dead",
    ]


def test_a_publisher_who_is_silent_is_not_a_dead_path() -> None:
    moving = {"packets": 100, "frames": 30, "answers": 3}
    waiting = [(at, {"answers": at}, False) for at in range(5, 60, 2)]
    assert set(feel((1, moving, True), (4, {"answers": 4}, True), *waiting)[2:]) == {"still"}
    # The room is said to be live, the server answers, and nothing comes: it has forgotten us.
    known = [(at, {"answers": at}, True) for at in (4, 6, 8, 10, 12)]
    assert feel((1, moving, True), *known)[-1] == "dead"


def test_packets_without_pictures_are_dead_and_sound_alone_lives() -> None:
    blind = [(at, {"packets": 100 * at, "answers": at}, True) for at in range(2, 11)]
    assert feel((1, {"packets": 10, "frames": 5}, True), *blind)[-1] == "dead"
    assert feel(*blind)[-1] == "moving"


def test_a_browser_without_counted_answers_trusts_what_it_misses() -> None:
    first = {"packets": 9, "frames": 3, "answers": -1}
    assert feel((1, first, True), (6, {}, True))[-1] == "dead"
    assert feel((1, first, True), (6, {}, False))[-1] == "still"
    assert feel((1, first, True), (6, {"state": "disconnected"}, False))[-1] == "dead"
    assert feel((1, first, True), (2, {"state": "failed"}, True))[-1] == "dead"


def test_after_doubt_less_patience() -> None:
    script = (
        'const pulse = new Pulse(0); const now = { packets: 1, frames: 1, answers: 1, state: "connected" };'
        "pulse.feel(now, 500, true); pulse.doubt(600); return [pulse.feel({ ...now, answers: 2 }, 1900, true)];"
    )
    assert run(script) == ["dead"]


def test_where_udp_is_blocked_the_stable_way_comes_second() -> None:
    assert steps(True, ("whep", LOST), ("whep", LOST), ("hls", LOST), ("whep", LOST)) == [
        ["whep", 300, "stalled"],
        ["hls", 0, "stalled"],
        ["whep", 600, "stalled"],
        ["hls", 0, "stalled"],
    ]
    assert [way for way, _, _ in steps(False, *[("whep", LOST)] * 12)] == ["whep"] * 12


def test_a_full_room_is_watched_the_stable_way_at_once() -> None:
    assert steps(True, ("whep", FULL)) == [["hls", 0, "full"]]
    assert steps(False, ("whep", FULL)) == [["whep", 10_000, "full"]]
    # What the server has not got is not asked for again and again.
    assert steps(True, ("whep", FULL), ("hls", {**LOST, "status": 404}))[1][0] == "whep"


def test_nobody_over_and_hopeless() -> None:
    assert steps(True, ("whep", NOBODY), ("whep", NOBODY), ("whep", NOBODY))[-1] == ["whep", 2000, "nobody"]
    assert steps(True, ("whep", OVER)) == [[None, 0, "over"]]
    assert steps(True, ("whep", ELSEWHERE)) == [[None, 0, "failed"]]
    assert steps(False, ("whep", CODEC)) == [[None, 0, "failed"]]
    assert steps(True, ("whep", CODEC)) == [["hls", 0, "stalled"]]


def test_the_fast_way_is_tried_again_ever_later_and_when_the_server_says() -> None:
    script = (
        "const course = new Course(true, () => 0); const out = [course.comeBack(30)];"
        "for (let i = 0; i < 5; i++) out.push(course.comeBack()); course.arrived('whep'); out.push(course.comeBack());"
        "return out;"
    )
    assert run(script) == [30_000, 20_000, 40_000, 80_000, 120_000, 120_000, 10_000]


def test_who_wants_the_stable_way_begins_and_stays_there() -> None:
    script = (
        "const course = new Course(true, () => 0); course.wish = 'stable';"
        f"return [course.first, course.failed('hls', {json.dumps(LOST)}).way, new Course(false).first];"
    )
    assert run(script) == ["hls", "hls", "whep"]


def test_pictures_wait_for_repairs_only_on_a_lossy_network() -> None:
    """From two lost of a hundred on, until half a minute was clean; what came again counts once."""
    found = run(
        """const cushion = new Cushion(), out = [];
        let received = 0, lost = 0, now = 0;
        const span = (share, times = 1, both = 0) => { for (let n = 0; n < times; n++) {
            received += 300; lost += 300 * share; now += 2000;
            const target = cushion.weigh({received, repaired: both * lost, lost}, now);
            if (n === times - 1) out.push(target); } };
        span(0, 3); span(0.01); span(0.05, 1, 1); span(0, 10); span(0.01); span(0, 14); span(0, 2); span(0.03);
        out.push(cushion.weigh({received: 0, repaired: 0, lost: 0}, now + 100));
        return out;"""
    )
    assert found == [None, None, 200, 200, 200, 200, None, 200, 200]


def test_a_viewers_offer_tells_its_clock() -> None:
    offer = "a=rtcp-fb:102 nack\\r\\na=rtcp-fb:102 nack pli\\r\\na=rtcp-fb:96 nack pli\\r\\n"
    found = run(f'return tellClock("{offer}").split("\\r\\n");')
    assert found[1:3] == ["a=rtcp-fb:102 nack pli", "a=rtcp-fb:102 rrtr"]
    assert found[4] == "a=rtcp-fb:96 rrtr"

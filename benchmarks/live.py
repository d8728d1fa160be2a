"""The load tool for rooms: N viewers that do ICE, DTLS and SRTP for real, against Vitrine and Janus in one run.

`python -m benchmarks.live [--quick] [--viewers 20,60] [--seconds 8] [--runs 3] [--json F] [--csv F] [--plot F]`.
The server has one core, publisher and viewers the other. docs/live.md says how to read the table.
"""

import argparse
import csv
import functools
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import numpy

from benchmarks import clip, measure, plot, servers
from benchmarks.measure import Result

VIEWERS = "20,40,60,100,150,200,300,400"
COLUMNS = (
    "cpu_us_per_packet media_us_per_packet packets_per_s packets_in_per_s delay_ms_p50 delay_ms_p99 "
    "last_viewer_ms_p50 last_viewer_ms_p99 loss_percent join_ms_p50 join_ms_p95 picture_ms_p50 picture_ms_p95 "
    "server_core_percent server_cpu_percent helpers_cpu_percent viewers_core_percent load_cpu_percent "
    "packets_per_read decrypted_percent"
).split()
NOTED = ["server", "viewers", "run", "counts", "why", "limit", "srtp", *COLUMNS]
NOTED += "sent received lost reached repeated resent renumbered strange unread".split()
#: The slope between two neighbouring numbers of viewers may differ so much from that of the fitted line.
STEADY = 0.15


def middle(runs: list[Result]) -> Result:
    """The median of each figure over the runs that count; over all that finished if none does."""
    counted = [run for run in runs if run["counts"]]
    used = counted or [run for run in runs if "cpu_us_per_packet" in run]
    figures: Result = {name: statistics.median(run[name] for run in used) for name in COLUMNS if used}
    limits = [run["limit"] for run in (counted or runs)]
    figures["limit"] = max(set(limits), key=limits.count)
    figures["counted"] = len(counted)
    figures["runs"] = len(runs)
    return figures


def steadiness(points: list[tuple[int, float]]) -> Result:
    """Fit CPU us per incoming packet = base + slope * viewers; say by how many percent neighbours' slopes differ."""
    if len(points) < 2:
        return {}
    viewers, costs = (numpy.array(each, dtype=float) for each in zip(*points, strict=True))
    slope, base = numpy.polyfit(viewers, costs, 1)
    steps = numpy.diff(costs) / numpy.diff(viewers)
    return {
        "slope_us": float(slope),
        "base_us": float(base),
        "unsteady_percent": float(100 * numpy.abs(steps / slope - 1).max()),
    }


def table(found: dict[tuple[int, str], Result]) -> str:
    """The Markdown table for docs/live.md."""
    head = "viewers|server|us/packet, all / media process|of Janus|packets/s|delay ms p50 / p99|to the last viewer"
    head += "|loss %|join ms p50 / p95|server core %|viewers' core %|limit|runs that count"
    rows = [head.split("|"), ["---"] * (head.count("|") + 1)]
    for (count, name), row in found.items():
        if "cpu_us_per_packet" not in row:
            rows.append([str(count), name, *["-"] * 9, row["limit"], f"0 of {row['runs']}"])
            continue
        janus = found.get((count, "janus"), {}).get("cpu_us_per_packet")
        rows.append(
            [
                str(count),
                name,
                f"{row['cpu_us_per_packet']:.1f} / {row['media_us_per_packet']:.1f}",
                f"{row['cpu_us_per_packet'] / janus:.2f} / {row['media_us_per_packet'] / janus:.2f}" if janus else "-",
                f"{row['packets_per_s']:.0f}",
                f"{row['delay_ms_p50']:.1f} / {row['delay_ms_p99']:.1f}",
                f"{row['last_viewer_ms_p50']:.1f} / {row['last_viewer_ms_p99']:.1f}",
                f"{row['loss_percent']:.2f}",
                f"{row['join_ms_p50']:.0f} / {row['join_ms_p95']:.0f}",
                f"{row['server_core_percent']:.0f}",
                f"{row['viewers_core_percent']:.0f}",
                row["limit"],
                f"{row['counted']} of {row['runs']}",
            ]
        )
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def sweep(
    given: argparse.Namespace, kinds: list[type[servers.Server]]
) -> tuple[dict[tuple[int, str], Result], list[Result]]:
    """Measure every number of viewers with every server in turn; a server that has reached a limit is done."""
    *_, last = cores = sorted(os.sched_getaffinity(0))[:2]
    pair = (cores[0], last)
    os.sched_setaffinity(0, {last})
    film = clip.encode(given.clip)
    found: dict[tuple[int, str], Result] = {}
    noted: list[Result] = []
    for count in given.viewers:
        runs: dict[str, list[Result]] = {kind.name: [] for kind in kinds}
        for number in range(given.runs):
            for kind in kinds:
                extra = {"arguments": tuple(given.media_argument), "recorder": given.recorder}
                make = functools.partial(kind, core=pair[0], **(extra if kind is servers.Vitrine else {}))
                run = measure.run(make, film, count, given.seconds, pair, given.paced)
                runs[kind.name].append(run)
                noted.append(run | {"run": number + 1})
                cost = f"{run['cpu_us_per_packet']:.1f} us/packet" if "cpu_us_per_packet" in run else ""
                said = f"{count} viewers, {kind.name}, run {number + 1}: {cost} limit: {run['limit']} {run['why']}"
                print(said, file=sys.stderr, flush=True)
                if run["limit"] == "failed":
                    print(run["log"][-2000:], file=sys.stderr)
        for kind in list(kinds):
            row = found[count, kind.name] = middle(runs[kind.name])
            if row["limit"] in ("server core", "viewers' core", "failed"):
                kinds.remove(kind)
    return found, noted


def summary(found: dict[tuple[int, str], Result]) -> tuple[str, Result]:
    """What the figures say about more viewers than could be tried, with the assumption."""
    said, figures = [], {}
    for name in dict.fromkeys(name for _, name in found):
        rows = {count: row for (count, of), row in found.items() if of == name and row["counted"] and count >= 20}
        fit = steadiness([(count, row["cpu_us_per_packet"] * count) for count, row in rows.items()])
        if not fit:
            continue
        rate = statistics.median(row["packets_in_per_s"] for row in rows.values())
        most = (1e6 / rate - fit["base_us"]) / fit["slope_us"]
        figures |= {f"{name}_{key}": value for key, value in fit.items()} | {f"{name}_viewers_per_core": most}
        steady = "constant" if fit["unsteady_percent"] <= 100 * STEADY else "NOT constant"
        said.append(
            f"{name}: {fit['slope_us']:.2f} us a packet and viewer + {fit['base_us']:.0f} us an incoming packet from "
            f"{min(rows)} to {max(rows)} viewers; between neighbours the slope differs by up to "
            f"{fit['unsteady_percent']:.0f} %, so it is {steady} within {100 * STEADY:.0f} %. "
            f"One full core would carry {most:.0f} viewers of this stream ({rate:.0f} packets/s), assuming that the "
            "line goes on to 100 % of the core, with one room, no loss, and a network that takes it."
        )
    return "\n\n".join(said), figures


def numbers(text: str) -> list[int]:
    """Read `20,60`."""
    return [int(word) for word in text.split(",")]


def arguments(given: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 and 60 viewers, one run of 4 s each")
    parser.add_argument("--viewers", type=numbers, help=f"numbers of viewers (default {VIEWERS}, up to a limit)")
    parser.add_argument("--seconds", type=float, help="measured seconds of each run (default 8)")
    parser.add_argument("--runs", type=int, help="runs of each server, in turn; the median counts (default 3)")
    parser.add_argument("--server", choices=["vitrine", "janus"], help="only this one")
    parser.add_argument("--clip", type=int, default=4, help="seconds of film to encode")
    parser.add_argument("--media-argument", action="append", default=[], help="one more argument for the media process")
    parser.add_argument("--paced", action="store_true", help="the publisher paces large frames as browsers do")
    parser.add_argument("--no-recorder", dest="recorder", action="store_false", help="without Vitrine's recorder")
    parser.add_argument("--json", type=Path, help="write the medians")
    parser.add_argument("--csv", type=Path, help="write every run")
    parser.add_argument("--plot", type=Path, help="draw CPU per packet as SVG")
    read = parser.parse_args(given)
    read.viewers = read.viewers or numbers("20,60" if read.quick else VIEWERS)
    read.seconds = read.seconds or (4.0 if read.quick else 8.0)
    read.runs = read.runs or (1 if read.quick else 3)
    return read


def main() -> None:
    """Measure, print the tables, write the files."""
    given = arguments(None)
    kinds: list[type[servers.Server]] = [servers.Vitrine]
    if servers.Janus.installed():
        kinds.append(servers.Janus)
    elif given.server != "vitrine":
        print("There is no Janus on this machine (apt-get install janus): Vitrine alone.", file=sys.stderr)
    found, noted = sweep(given, [kind for kind in kinds if given.server in (None, kind.name)])
    text, figures = summary(found)
    print(table(found), text, sep="\n\n")
    figures |= {
        f"{name}_{count}_{key}": value
        for (count, name), row in found.items()
        for key, value in row.items()
        if not isinstance(value, str)
    }
    if given.json:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
        result = {"name": "live", "commit": commit.stdout.strip(), "figures": figures}
        given.json.write_text(json.dumps(result, indent=1) + "\n")
    if given.csv:
        with given.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, NOTED, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(noted)
    if given.plot:
        series: dict[str, list[tuple[float, float]]] = {}
        for (count, name), row in found.items():
            if "cpu_us_per_packet" in row:
                series.setdefault(name, []).append((count, row["cpu_us_per_packet"]))
        plot.lines(given.plot, "Forwarding one packet to one viewer", "viewers", "CPU, microseconds", dict(series))


if __name__ == "__main__":
    main()

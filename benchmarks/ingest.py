"""What it costs to take a clip in, beside one bare FFmpeg run that makes both renditions with the same settings.

`python -m benchmarks.ingest [--quick | --seconds N --rounds N] [--json FILE]`. Processor seconds of all that runs,
probe, sandbox and Python's start among them. FFmpeg scales, encodes and writes; it finds no scenes, looks at nothing,
evens no loudness.
"""

import argparse
import json
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg

from benchmarks import growth
from video_assembly import ingest, sandbox, walls
from video_assembly.common_form import AUDIO_BIT_RATE, LARGE, SMALL, Rendition

FFMPEG = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y"]
SHAPES = {"upright": "1080x1920", "lying": "1920x1080"}
X264 = (
    "keyint=48:min-keyint=48:scenecut=0:open-gop=0:bframes=0:ref=2:weightp=1:cabac=1:8x8dct=1"
    ":vbv-maxrate={peak}:vbv-bufsize={peak}:rc-lookahead=24"
)


def draw(folder: Path, shape: str, seconds: float) -> Path:
    """A clip with grain, something that walks across it, and sound like speech."""
    path = folder / f"{shape}.mp4"
    wide, high = SHAPES[shape].split("x")
    picture = f"gradients=s={wide}x{high}:r=30:d={seconds}:speed=0.02,noise=alls=2:allf=t[g]"
    walker = f"color=white:s=200x500:r=30:d={seconds}[w];[g][w]overlay=x='mod(n*4,{wide})':y={high}/2-250"
    tone = f"aevalsrc='0.2*sin(300*t)*sin(2000*t)*gt(sin(20*t),0)':s=48000:d={seconds}"
    command = [*FFMPEG, "-f", "lavfi", "-i", f"{picture};{walker}", "-f", "lavfi", "-i", tone]
    # As telephones write 1080p: noise at a constant quality would be ten times as large.
    encode = ["-c:v", "libx264", "-preset", "veryfast", "-b:v", "17M", "-maxrate", "20M", "-bufsize", "20M"]
    encode += ["-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run([*command, *encode, str(path)], check=True)
    return path


def take(clip: Path, out: Path) -> None:
    """The whole way of an upload."""
    shutil.rmtree(out, ignore_errors=True)
    ingest.prepare(clip, out)


def bare(clip: Path, folder: Path, shape: str) -> None:
    """Both renditions in one run of FFmpeg; a lying picture over its blurred copy, as it is done without a window."""
    fit = f"scale={LARGE.width}:{LARGE.height}:flags=bicubic"
    if shape == "lying":
        fit = (
            f"split[p][q];[p]scale=18:32,scale={LARGE.width}:{LARGE.height}[p];"
            f"[q]scale={LARGE.width}:-2:flags=bicubic[q];[p][q]overlay=y=(H-h)/2"
        )
    graph = f"[0:v]{fit},fps=30,split[a][b];[b]scale={SMALL.width}:{SMALL.height}:flags=area[c]"
    command = [*FFMPEG, "-i", str(clip), "-filter_complex", graph]
    for label, form in (("[a]", LARGE), ("[c]", SMALL)):
        command += ["-map", label, "-map", "0:a", *settings(form), str(folder / f"{form.width}.mp4")]
    subprocess.run(command, check=True)


def settings(form: Rendition) -> list[str]:
    """The common form's encoder settings as FFmpeg's arguments."""
    video = ["-c:v", "libx264", "-preset", "veryfast", "-crf", str(form.crf), "-profile:v", "high"]
    video += ["-level", form.level, "-threads", str(form.threads), "-x264-params", X264.format(peak=form.peak)]
    return [*video, "-c:a", "aac", "-b:a", str(AUDIO_BIT_RATE), "-ar", "48000", "-ac", "2"]


def cpu(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """The least processor seconds of these rounds, and their seconds on the wall."""
    best = (float("inf"), 0.0)
    for _ in range(rounds):
        before, start = _used(), time.perf_counter()
        work()
        best = min(best, (_used() - before, time.perf_counter() - start))
    return best


def _used() -> float:
    each = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in each) + sandbox.uncounted()


def main() -> None:
    """Prints the table and writes the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest")
    parser.add_argument("--quick", action="store_true", help="a shorter clip, once")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=19.2, help="length of the clip")
    parser.add_argument("--rounds", type=int, default=3, help="the least of so many counts")
    given = parser.parse_args()
    seconds, rounds = (3.2, 1) if given.quick else (given.seconds, given.rounds)
    figures: dict[str, float] = {"seconds": seconds}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for shape in SHAPES:
            clip, out = draw(folder, shape, seconds), folder / "out"
            ours = cpu(
                lambda clip=clip, out=out: (shutil.rmtree(out, ignore_errors=True), ingest.prepare(clip, out)), rounds
            )
            theirs = cpu(lambda clip=clip, shape=shape: bare(clip, folder, shape), rounds)
            probe = cpu(lambda clip=clip: ingest.probe(clip), rounds)
            for who, (spent, wall) in (("ours", ours), ("ffmpeg", theirs), ("probe", probe)):
                figures |= {f"{shape}_{who}_cpu_s": round(spent, 3), f"{shape}_{who}_wall_s": round(wall, 3)}
            figures[f"{shape}_ratio"] = round(ours[0] / theirs[0], 3)
            print(
                f"{shape:<10}ingest {ours[0]:6.2f} s CPU   bare FFmpeg {theirs[0]:6.2f} s CPU   "
                f"ratio {ours[0] / theirs[0]:.2f}   (probe alone {probe[0]:.2f} s; walls: {walls.kind()})",
                flush=True,
            )
    if given.json:
        result = {"name": "ingest", "commit": growth.commit(), "figures": figures}
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""What it costs to take a clip in, beside one bare FFmpeg run that makes both renditions with the same settings.

`python -m benchmarks.ingest [--quick | --seconds N --rounds N] [--json FILE]`. Processor seconds of all that runs,
probe, sandbox and Python's start among them. FFmpeg makes the same files: it scales, encodes, evens the loudness and
draws a poster and a small picture; it finds no scenes and looks at nothing. What of an upload makes these files,
without the look that decides where to cut, is told apart.
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
from video_assembly import ingest, plan, sandbox, sound, walls
from video_assembly.common_form import AUDIO_BIT_RATE, LARGE, SMALL, UNIT_SECONDS, Rendition
from video_assembly.normalise import normalise
from video_assembly.scenes import THUMBNAIL

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


def make(clip: Path, out: Path, seconds: float) -> None:
    """Only the files, of everything in one segment, in this process."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    normalise(clip, out, spans=[plan.Span(0.0, int(seconds / UNIT_SECONDS))])


def bare(clip: Path, folder: Path, shape: str) -> None:
    """The same files in one run of FFmpeg; a lying picture over its blurred copy, as it is done without a window."""
    fit = f"scale={LARGE.width}:{LARGE.height}:flags=bicubic"
    if shape == "lying":
        fit = (
            f"split[p][q];[p]scale=18:32,scale={LARGE.width}:{LARGE.height}[p];"
            f"[q]scale={LARGE.width}:-2:flags=bicubic[q];[p][q]overlay=y=(H-h)/2"
        )
    wide, high = THUMBNAIL
    graph = f"[0:v]{fit},fps=30,split=4[a][b][d][e];[b]scale={SMALL.width}:{SMALL.height}:flags=area[c]"
    # A picture of one frame only: after it FFmpeg would still scale all others for the small one.
    graph += f";[e]trim=end_frame=1,scale={wide}:{high}[f];[d]trim=end_frame=1[g]"
    graph += f";[0:a]loudnorm=I={sound.LOUDNESS}:TP=-1.5,asplit[s][t]"
    command = [*FFMPEG, "-i", str(clip), "-filter_complex", graph]
    for label, heard, form in (("[a]", "[s]", LARGE), ("[c]", "[t]", SMALL)):
        command += ["-map", label, "-map", heard, *settings(form), str(folder / f"{form.width}.mp4")]
    command += ["-map", "[g]", "-q:v", "3", "-update", "1", str(folder / "poster.jpg")]
    command += ["-map", "[f]", "-c:v", "libwebp", "-update", "1", str(folder / "small.webp")]
    subprocess.run(command, check=True)


def settings(form: Rendition) -> list[str]:
    """The common form's encoder settings as FFmpeg's arguments."""
    video = ["-c:v", "libx264", "-preset", "veryfast", "-crf", str(form.crf), "-profile:v", "high"]
    video += ["-level", form.level, "-threads", str(form.threads), "-x264-params", X264.format(peak=form.peak)]
    return [*video, "-c:a", "aac", "-aac_coder", "fast", "-b:a", str(AUDIO_BIT_RATE), "-ar", "48000", "-ac", "2"]


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
            ours = cpu(lambda clip=clip, out=out: take(clip, out), rounds)
            theirs = cpu(lambda clip=clip, shape=shape: bare(clip, folder, shape), rounds)
            probe = cpu(lambda clip=clip: ingest.probe(clip), rounds)
            files = cpu(lambda clip=clip, out=out: make(clip, out, seconds), rounds)
            for who, (spent, wall) in (("ours", ours), ("ffmpeg", theirs), ("probe", probe), ("files", files)):
                figures |= {f"{shape}_{who}_cpu_s": round(spent, 3), f"{shape}_{who}_wall_s": round(wall, 3)}
            figures[f"{shape}_ratio"] = round(ours[0] / theirs[0], 3)
            figures[f"{shape}_files_ratio"] = round(files[0] / theirs[0], 3)
            print(
                f"{shape:<10}ingest {ours[0]:6.2f} s CPU   bare FFmpeg {theirs[0]:6.2f} s CPU   "
                f"ratio {ours[0] / theirs[0]:.2f}   (the files alone {files[0]:.2f} s, ratio "
                f"{files[0] / theirs[0]:.2f}; probe alone {probe[0]:.2f} s; walls: {walls.kind()})",
                flush=True,
            )
    if given.json:
        result = {"name": "ingest", "commit": growth.commit(), "figures": figures}
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

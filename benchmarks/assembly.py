"""What a personal video costs: a 30 s video from segments, beside other ways to join the same files, in one run.

`python -m benchmarks.assembly [--quick] [--json FILE]`. Also the time from an upload of 30 s to its segments. The clip
is drawn here: 1080x1920, moving, with grain, mono speech-like sound, turned by its rotation tag as telephones do.
"""

import argparse
import json
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg

from video_assembly import ingest
from video_assembly.normalise import NormalisedSegment
from video_assembly.stitch import SegmentSource, Stitched

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def draw(folder: Path, seconds: float) -> Path:
    """A clip as a telephone would store it."""
    stored, clip = folder / "stored.mp4", folder / "clip.mov"
    command = [FFMPEG, "-v", "error", "-y", "-f", "lavfi"]
    command += ["-i", f"testsrc2=s=1920x1080:r=30000/1001:d={seconds},noise=alls=6:allf=t", "-f", "lavfi"]
    command += ["-i", f"aevalsrc='0.2*sin(300*t)*sin(2000*t)*gt(sin(4*t),0)':s=44100:d={seconds}"]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "26", "-pix_fmt", "yuv420p", "-c:a", "aac", stored]
    subprocess.run(command, check=True)
    rotate = [FFMPEG, "-v", "error", "-y", "-display_rotation", "-90", "-i", stored, "-c", "copy", clip]
    subprocess.run(rotate, check=True)
    return clip


def cpu() -> float:
    """Processor seconds of this process and of its ended children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def measure(name: str, work: Callable[[], object], rounds: int) -> dict[str, float]:
    """Median milliseconds on the wall and of the processor."""
    walls, cpus = [], []
    for _ in range(rounds):
        before, start = cpu(), time.perf_counter()
        work()
        walls.append(1e3 * (time.perf_counter() - start))
        cpus.append(1e3 * (cpu() - before))
    wall, processor = statistics.median(walls), statistics.median(cpus)
    print(f"{name:<44}{wall:>10.2f} ms wall{processor:>10.2f} ms CPU")
    return {"wall_ms": round(wall, 3), "cpu_ms": round(processor, 3)}


def copy_packets(parts: list[SegmentSource], target: Path) -> None:
    """The same join by PyAV: packets of each file, moved behind those of the file before."""
    with av.open(str(target), "w") as out:
        streams: dict[str, Any] = {}
        shift = 0.0
        for part in parts:
            with av.open(str(part.path)) as container:
                tracks = (container.streams.video[0], container.streams.audio[0])
                for track in tracks:
                    if track.type not in streams:
                        streams[track.type] = out.add_stream_from_template(track)
                for packet in container.demux(tracks):
                    if packet.dts is None or packet.pts is None:
                        continue
                    ticks = round(shift / packet.time_base)
                    packet.pts += ticks
                    packet.dts += ticks
                    packet.stream = streams[packet.stream.type]
                    out.mux(packet)
                shift += float(container.duration or 0) / av.time_base


def main() -> None:
    """Prints the table and writes the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.assembly")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, a clip of 10 s")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rounds = 5 if given.quick else 40
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = draw(folder, 10.0 if given.quick else 30.5)
        before, start = cpu(), time.perf_counter()
        prepared = ingest.prepare(clip, folder / "segments")
        figures["ingest_wall_s"] = round(time.perf_counter() - start, 2)
        figures["ingest_cpu_s"] = round(cpu() - before, 2)
        figures["clip_s"] = prepared.probe.duration
        segments: list[NormalisedSegment] = prepared.segments
        print(
            f"{prepared.probe.duration:.1f} s clip to {len(segments)} segments: {figures['ingest_wall_s']} s wall, ",
            end="",
        )
        print(f"{figures['ingest_cpu_s']} s CPU")
        parts = [SegmentSource(one.path, one.index, one.init_digest, one.digest) for one in segments]
        while sum(Stitched([part]).duration_ms for part in parts) < 30_000:
            parts.append(parts[len(parts) % len(segments)])
        figures["video_s"] = Stitched(parts).duration_ms / 1000
        figures["video_bytes"] = Stitched(parts).size
        print(f"a video of {figures['video_s']} s, {figures['video_bytes'] / 1e6:.1f} MB, from {len(parts)} segments:")
        everything = b"".join(Stitched(parts).read())
        target = folder / "video.mp4"
        listing = folder / "list.txt"
        listing.write_text("".join(f"file '{part.path}'\n" for part in parts))

        def stitched_file() -> None:
            with target.open("wb") as file:
                for block in Stitched(parts).read():
                    file.write(block)

        def stitched_bytes() -> int:
            return sum(len(block) for block in Stitched(parts).read())

        concat = [FFMPEG, "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", listing, "-c", "copy", target]
        ways: dict[str, Callable[[], object]] = {
            "header": lambda: Stitched(parts).header,
            "stitch": stitched_bytes,
            "stitch_to_file": stitched_file,
            "raw_write": lambda: target.write_bytes(everything),
            "pyav_packet_copy": lambda: copy_packets(parts, target),
            "ffmpeg_concat_copy": lambda: subprocess.run(concat, check=True),
        }
        for way, work in ways.items():
            for unit, value in measure(way, work, rounds).items():
                figures[f"{way}_{unit}"] = value
    if given.json:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
        result = {"name": "assembly", "commit": commit.stdout.strip(), "figures": figures}
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

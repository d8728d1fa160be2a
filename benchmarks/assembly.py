"""What a personal video costs: about 30 s from segments, beside other ways to join the same files, in one run.

`python -m benchmarks.assembly [--quick] [--json FILE]`: joining, then planning against the size of the library, then
looking a video up against how many are stored. A plot of each growth is written beside the JSON. The segments are drawn
here, moving and with grain, so that they have the bitrate of footage.
"""

import argparse
import json
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg

from benchmarks import growth, plot
from video_assembly.normalise import normalise
from video_assembly.stitch import SegmentSource, Stitched

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
VIDEO_MS = 30_000
Figures = dict[str, float]


def draw(folder: Path, seconds: float) -> list[SegmentSource]:
    """Segments of a clip like one from a telephone: grain, movement, speech-like sound."""
    clip = folder / "clip.mp4"
    command = [FFMPEG, "-v", "error", "-y", "-f", "lavfi"]
    command += ["-i", f"testsrc2=s=720x1280:r=30:d={seconds},noise=alls=9:allf=t", "-f", "lavfi"]
    command += ["-i", f"aevalsrc='0.2*sin(300*t)*sin(2000*t)*gt(sin(4*t),0)':s=44100:d={seconds}"]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-pix_fmt", "yuv420p", "-c:a", "aac", clip]
    subprocess.run(command, check=True)
    made = normalise(clip, folder)
    return [SegmentSource(one.path, one.index, one.init_digest, one.digest) for one in made]


def cpu() -> float:
    """Processor seconds of this process and of its ended children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def compare(ways: dict[str, tuple[Callable[[], object], int]], target: Path) -> Figures:
    """Median milliseconds on the wall and of the processor; the ways take turns, so that none has the quiet minutes."""
    walls: dict[str, list[float]] = {way: [] for way in ways}
    used: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(max(rounds for _, rounds in ways.values())):
        for way, (work, rounds) in ways.items():
            if number >= rounds:
                continue
            target.unlink(missing_ok=True)
            before, start = cpu(), time.perf_counter()
            work()
            walls[way].append(1e3 * (time.perf_counter() - start))
            used[way].append(1e3 * (cpu() - before))
    figures: Figures = {}
    for way in ways:
        wall, processor = statistics.median(walls[way]), statistics.median(used[way])
        print(f"{way:<28}{wall:>12.2f} ms wall{processor:>12.2f} ms CPU{len(walls[way]):>5} rounds")
        figures |= {f"{way}_wall_ms": round(wall, 3), f"{way}_cpu_ms": round(processor, 3)}
    return figures


def copy_packets(parts: Sequence[SegmentSource], target: Path) -> None:
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


def encode_again(parts: Sequence[SegmentSource], target: Path) -> None:
    """The same join by MoviePy with its defaults: everything is decoded, put together and encoded."""
    from moviepy import VideoFileClip, concatenate_videoclips

    clips = [VideoFileClip(str(part.path)) for part in parts]
    whole = concatenate_videoclips(clips)
    whole.write_videofile(str(target), logger=None, temp_audiofile_path=str(target.parent))
    for clip in (whole, *clips):
        clip.close()


def joining(folder: Path, quick: bool) -> Figures:
    """Each way to make one video of the same segments."""
    drawn = draw(folder, 6.4 if quick else 9.6)
    parts: list[SegmentSource] = []
    while not parts or Stitched(parts).duration_ms < VIDEO_MS:
        parts.append(drawn[len(parts) % len(drawn)])
    stitched = Stitched(parts)
    everything = b"".join(stitched.read())
    print(f"{stitched.duration_ms / 1000} s, {stitched.size / 1e6:.1f} MB, {len(parts)} segments:")
    target, listing = folder / "video.mp4", folder / "list.txt"
    listing.write_text("".join(f"file '{part.path}'\n" for part in parts))
    concat = [FFMPEG, "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", listing, "-c", "copy", target]
    many, some = (10, 3) if quick else (40, 8)
    figures = compare(
        {
            "raw_write": (lambda: target.write_bytes(everything), many),
            "stitch": (lambda: Stitched(parts).save(target), many),
            "stitch_header": (lambda: Stitched(parts), many),
            "stitch_read": (lambda: sum(len(block) for block in Stitched(parts).read()), many),
            "pyav_packet_copy": (lambda: copy_packets(parts, target), some),
            "ffmpeg_concat_copy": (lambda: subprocess.run(concat, check=True), some),
            "moviepy_encode": (lambda: encode_again(parts, target), 1),
        },
        target,
    )
    figures |= {"video_s": stitched.duration_ms / 1000, "video_bytes": stitched.size, "segments": len(parts)}
    own = figures["stitch_cpu_ms"]
    for way in ("raw_write", "pyav_packet_copy", "ffmpeg_concat_copy", "moviepy_encode"):
        figures[f"{way}_to_stitch_cpu"] = round(figures[f"{way}_cpu_ms"] / own, 2)
    figures["stitch_to_raw_write_cpu"] = round(own / figures["raw_write_cpu_ms"], 2)
    for name in ("stitch_to_raw_write_cpu", "ffmpeg_concat_copy_to_stitch_cpu", "moviepy_encode_to_stitch_cpu"):
        print(f"{name}: {figures[name]}")
    return figures


def main() -> None:
    """Prints the tables and writes the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.assembly")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller libraries, fewer stored videos")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        figures = joining(Path(name), given.quick)
        libraries = growth.plans([100, 1_000] if given.quick else [100, 1_000, 10_000, 100_000])
        libraries.append(growth.one_product(1_000 if given.quick else 10_000))
        stored = growth.lookups([1_000, 10_000] if given.quick else [1_000, 10_000, 100_000, 1_000_000], Path(name))
    figures |= {key: value for table in (libraries, stored) for each in table for key, value in each.items()}
    if given.json:
        result = {"name": "assembly", "commit": growth.commit(), "figures": figures}
        given.json.write_text(json.dumps(result, indent=1) + "\n")
        for what, title, up in (
            ("plan", "Planning one video", "ms CPU"),
            ("lookup", "Finding and stitching one of the stored videos", "ms CPU"),
        ):
            growth.draw(given.json.with_suffix(f".{what}.svg"), plot, title, up, figures, what)


if __name__ == "__main__":
    main()

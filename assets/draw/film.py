"""Pictures and sound into a near-lossless file, and from there into the common form."""

import base64
import json
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from assets.draw import music
from assets.draw.canvas import Pixels
from assets.draw.frame import HEIGHT, RATE, WIDTH
from assets.draw.looks import DEMO, LOOKS, ROLES, Look, catalogue
from assets.draw.roles import SCENES
from assets.draw.synthesis import RATE as SAMPLE_RATE
from assets.draw.synthesis import Sound
from video_assembly.normalise import normalise, small_of


def write(path: Path, pictures: Iterator[Pixels], sound: Sound) -> None:
    """A Matroska file of H.264 at a quality that no eye tells from the drawing, and PCM."""
    with av.open(str(path), "w") as out:
        video: Any = out.add_stream("libx264", rate=RATE, options={"crf": "6", "preset": "superfast"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.color_range = ColorRange.MPEG
        video.codec_context.colorspace = Colorspace.ITU709
        video.codec_context.color_primaries = ColorPrimaries.BT709
        video.codec_context.color_trc = ColorTrc.BT709
        audio: Any = out.add_stream("pcm_s16le", rate=SAMPLE_RATE, layout="stereo")
        for number, pixels in enumerate(pictures):
            frame = as_frame(pixels)
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        samples = np.round(np.clip(sound, -1, 1).T * 32767).astype(np.int16).reshape(1, -1)
        block = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
        block.sample_rate, block.pts, block.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
        out.mux(audio.encode(block))
        out.mux(audio.encode(None))


def as_frame(pixels: Pixels) -> av.VideoFrame:
    """An RGB picture as limited range bt709 4:2:0."""
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    return frame.reformat(
        format="yuv420p",
        src_colorspace=Colorspace.ITU709,
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation="AREA",
    )


def _pictures(look: Look, role: str) -> Iterator[Pixels]:
    seconds = look.seconds(role)
    for number in range(round(seconds * RATE)):
        yield SCENES[role](look, number / RATE, seconds)


def _product(index: int) -> list[dict[str, Any]]:
    """Draw the five segments of one product into the demo folder; their entries for segments.json."""
    look, entries = LOOKS[index], []
    product = next(p for p in catalogue()["products"] if p["handle"] == look.handle)
    for role in ROLES:
        name = f"{look.handle}-{role}"
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "drawn.mkv"
            write(source, _pictures(look, role), music.segment(look, role))
            made = normalise(source, Path(folder))
            assert len(made) == 1, "a drawn scene is one segment"
            segment = made[0]
            assert segment.units == look.units[role], "a drawn scene is whole units long"
            target = DEMO / "segments" / name
            shutil.copyfile(segment.path, target.with_suffix(".mp4"))
            shutil.copyfile(segment.thumbnail, target.with_suffix(".webp"))
            shutil.copyfile(segment.poster, target.with_suffix(".jpg"))
        entries.append(
            {
                "name": name,
                "file": f"segments/{name}.mp4",
                "thumbnail": f"segments/{name}.webp",
                "poster": f"segments/{name}.jpg",
                "product": look.handle,
                "role": role,
                "tags": [product["category"], role],
                "language": "de",
                "digest": segment.digest,
                "init_digest": segment.init_digest,
                "units": segment.units,
                "duration_ms": segment.duration_ms,
                "size": segment.size,
                "has_sound": segment.has_sound,
                "index": base64.b64encode(segment.index).decode("ascii"),
            }
        )
        print(f"  {name}: {segment.size / 1000:.0f} kB", flush=True)
    return entries


def write_segments() -> None:
    """Draw all segments, two products at a time, and list them in segments.json."""
    (DEMO / "segments").mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(2) as pool:
        _list([entry for product in pool.map(_product, range(len(LOOKS))) for entry in product])
    write_small()


def write_small() -> None:
    """Give every segment in segments.json its 360x640 rendition."""
    entries = json.loads((DEMO / "segments.json").read_text("utf-8"))["segments"]
    for entry in entries:
        file = f"segments/{entry['name']}.small.mp4"
        with tempfile.TemporaryDirectory() as folder:
            small = small_of(DEMO / entry["file"], base64.b64decode(entry["index"]), Path(folder))
            shutil.copyfile(small.path, DEMO / file)
        entry["small"] = {
            "file": file,
            "digest": small.digest,
            "init_digest": small.init_digest,
            "size": small.size,
            "index": base64.b64encode(small.index).decode("ascii"),
        }
    _list(entries)


def _list(entries: list[dict[str, Any]]) -> None:
    text = json.dumps({"segments": entries}, indent=1, ensure_ascii=False)
    (DEMO / "segments.json").write_text(text + "\n", "utf-8")

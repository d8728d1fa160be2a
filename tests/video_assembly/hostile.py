"""Files that were made to do harm, by seed: cut short, with wrong bytes, bombs, scripts, lies in headers.

`python -m tests.video_assembly.hostile FOLDER [COUNT]` writes them.
"""

from __future__ import annotations

import random
import resource
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg

SEED = 40
SHARES = {"truncated": 30, "mutated": 30, "bomb": 10, "polyglot": 10, "text": 10, "lie": 10}
"""Of each hundred."""
KINDS = [kind for kind, share in SHARES.items() for _ in range(share)]
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-threads", "1", "-pix_fmt", "yuv420p"]
TONE = ["-f", "lavfi", "-i", "sine=d=2"]


def _drawn(size: str = "64x64", rate: str = "15", seconds: float = 2.0) -> list[str]:
    return ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"]


SOUND = ["-c:a", "aac", "-b:a", "32k"]
ORIGINALS: dict[str, list[str]] = {
    "plain.mp4": [*_drawn(), *TONE, *X264, *SOUND],
    "fast.mp4": [*_drawn(), *TONE, *X264, *SOUND, "-movflags", "+faststart"],
    "pieces.mp4": [*_drawn(), *TONE, *X264, *SOUND, "-movflags", "frag_keyframe+empty_moov"],
    "phone.mov": [*_drawn(), *TONE, "-c:v", "libx265", "-x265-params", "log-level=0", "-tag:v", "hvc1", *SOUND],
    "screen.webm": [*_drawn(), *TONE, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-c:a", "libopus"],
    "call.webm": [*_drawn(), *TONE, "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libvorbis"],
    "new.mp4": [*_drawn(), *TONE, "-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "lp=1", *SOUND],
    "any.mkv": [*_drawn(), *TONE, *X264, "-c:a", "flac"],
}
BOMBS: dict[str, list[str]] = {
    "wide.mp4": ["-f", "lavfi", "-i", "color=s=8192x4320:r=2:d=2", *X264],
    "tall.webm": ["-f", "lavfi", "-i", "color=s=1024x8192:r=1:d=2", "-c:v", "libvpx", "-deadline", "realtime"],
    "square.mkv": ["-f", "lavfi", "-i", "color=s=4096x4096:r=2:d=2", *X264],
    "fast.mkv": ["-f", "lavfi", "-i", "color=s=32x32:r=1000:d=2", *X264],
    "long.mp4": ["-f", "lavfi", "-i", "color=s=32x32:r=1:d=7200", *X264],
    "hours.mkv": [*_drawn("32x32", "1", 3), "-vf", "setpts=N*100000/TB", "-fps_mode", "vfr", *X264],
    "many.mkv": [*_drawn("32x32", "5"), *(["-map", "0:v"] * 60), *X264, "-x264-params", "rc-lookahead=0"],
    "loud.mkv": [*_drawn("32x32", "5"), *TONE, *(["-map", "0:v"] + ["-map", "1:a"] * 30), *X264, "-c:a", "flac"],
    "odd.mov": [*_drawn(), "-c:v", "magicyuv"],
    "still.mp4": ["-f", "lavfi", "-i", "color=s=64x64:r=30:d=0.2", *X264],
    "animation.mov": [*_drawn(), "-c:v", "png"],
    "motion.mkv": [*_drawn(), "-c:v", "ffv1"],
    "sound.mp4": [*TONE, *SOUND],
}
TEXTS = [
    b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10,\nhttp://127.0.0.1:9/canary\n",
    b"ffconcat version 1.0\nfile sibling.mp4\n",
    b"ffconcat version 1.0\nfile 'http://127.0.0.1:9/canary'\n",
    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nm=video 5004 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
    b"<?xml version='1.0'?><MPD><Period><BaseURL>file:///etc/passwd</BaseURL></Period></MPD>",
    b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]><svg>&y;</svg>",
    b"<html><script>alert(1)</script></html>",
    b"#!/bin/sh\nrm -rf ~\n",
    b"%PDF-1.7\n1 0 obj\n",
    b"PK\x03\x04" + bytes(60),
    b"\x7fELF\x02\x01\x01" + bytes(200),
    b"MZ" + bytes(200),
    b"\x89PNG\r\n\x1a\n" + bytes(64),
    b"RIFF\xff\xff\xff\xffAVI LIST" + bytes(200),
    b"OggS\x00\x02" + bytes(200),
    b"FLV\x01\x05\x00\x00\x00\x09" + bytes(200),
    b"\x47" + bytes(187) + b"\x47" + bytes(187),
    b"[Script Info]\nScriptType: v4.00+\n[Events]\n",
    b"\x00\x00\x01\xba" + bytes(300),
]
BOXES = (
    b"moov mvhd trak tkhd mdia mdhd hdlr minf stbl stsd stts ctts stss stsc stsz stco edts elst udta mvex trex".split()
)


@dataclass(frozen=True)
class Hostile:
    """One file: what kind of harm it means."""

    name: str
    kind: str
    data: bytes


def originals(folder: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """What the files are made of, drawn once: small whole ones, and bombs."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for group in (ORIGINALS, BOMBS):
        for name, arguments in group.items():
            path = folder / f"{'bomb' if group is BOMBS else 'whole'}-{name}"
            if not path.exists():
                command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *arguments]
                subprocess.run([*command, str(path)], check=True, timeout=300, capture_output=True)
        made.append({name: (folder / f"{'bomb' if group is BOMBS else 'whole'}-{name}").read_bytes() for name in group})
    return made[0], made[1]


def files(count: int, folder: Path, seed: int = SEED, start: int = 0) -> Iterator[Hostile]:
    """The files from number `start` to `count`, the shares of each kind kept; the same seed gives the same."""
    whole, bombs = originals(folder)
    for number in range(start, count):
        chance = random.Random(f"{seed}-{number}")
        kind = KINDS[number % len(KINDS)]
        name, data = MAKERS[kind](chance, whole, bombs, number)
        yield Hostile(f"{number:05}-{kind}-{name}", kind, data)


def _truncated(chance: random.Random, whole: dict[str, bytes], _: Any, __: int) -> tuple[str, bytes]:
    name = chance.choice(list(whole))
    data = whole[name]
    return name, data[: chance.choice([chance.randrange(1, 64), chance.randrange(1, len(data))])]


def _mutated(chance: random.Random, whole: dict[str, bytes], _: Any, __: int) -> tuple[str, bytes]:
    name = chance.choice(list(whole))
    data = bytearray(whole[name])
    for _each in range(chance.choice([1, 4, 16, 64, 400])):
        at = chance.randrange(len(data))
        end = at + chance.choice([1, 1, 2, 4, 8, 64])
        data[at:end] = chance.choice(
            [chance.randbytes(end - at), b"\xff" * (end - at), bytes(end - at), b"", data[:32]]
        )
    return name, bytes(data)


def _bomb(chance: random.Random, _: Any, bombs: dict[str, bytes], number: int) -> tuple[str, bytes]:
    name = list(bombs)[number // 10 % len(bombs)]
    return name, bombs[name] + chance.randbytes(chance.randrange(64))


def _polyglot(chance: random.Random, whole: dict[str, bytes], _: Any, number: int) -> tuple[str, bytes]:
    name = chance.choice(list(whole))
    text, data = TEXTS[number % len(TEXTS)], whole[name]
    head = b"\x00\x00\x00\x14ftypisom\x00\x00\x02\x00isom" if chance.random() < 0.5 else data[:64]
    shapes = [text + data, head + text, head + data[: len(data) // 3] + text, b"\x00" + data, text + head + data[100:]]
    return name, chance.choice(shapes)


def _text(chance: random.Random, _: Any, __: Any, number: int) -> tuple[str, bytes]:
    name = chance.choice(["a.mp4", "a.mov", "a.webm", "a.mkv"])
    return name, TEXTS[number % len(TEXTS)] + chance.randbytes(chance.randrange(400))


def _lie(chance: random.Random, whole: dict[str, bytes], _: Any, __: int) -> tuple[str, bytes]:
    """A header that says what is not so: sizes, counts and names in its boxes or elements."""
    name = chance.choice(list(whole))
    data = bytearray(whole[name])
    if name.endswith(("webm", "mkv")):
        for _each in range(chance.randrange(1, 12)):
            at = chance.randrange(4, min(len(data), 600))
            data[at : at + 8] = chance.choice([b"\x01" + b"\xff" * 7, b"\xff" * 8, bytes(8), b"\x08" + bytes(7)])
        return name, bytes(data)
    for _each in range(chance.randrange(1, 6)):
        at = data.find(chance.choice(BOXES))
        if at < 0:
            continue
        where = at + chance.choice([-4, 4, 8, 12, 16, 20, 24])
        value = chance.choice([0, 1, 7, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x8000_0000, len(data), chance.randrange(1 << 32)])
        data[where : where + 4] = struct.pack(">I", value)
    if chance.random() < 0.2:  # boxes in boxes in boxes
        depth = chance.choice([100, 2000])
        nested = b"".join(struct.pack(">I4s", 8 * (depth - level), b"moov") for level in range(depth))
        data = bytearray(data[: struct.unpack_from(">I", data)[0]] + nested)
    return name, bytes(data)


MAKERS: dict[str, Callable[[random.Random, dict[str, bytes], dict[str, bytes], int], tuple[str, bytes]]] = {
    "truncated": _truncated,
    "mutated": _mutated,
    "bomb": _bomb,
    "polyglot": _polyglot,
    "text": _text,
    "lie": _lie,
}


def judge(folder: str, names: list[str], progress: Callable[[str, float], None]) -> dict[str, Any]:
    """In a sandbox: what becomes of each file, with the processor seconds that it took; the largest memory of all.

    A file that passes is decoded whole, so that nothing waits behind the first picture.
    """
    from video_assembly import sound
    from video_assembly.ingest import Limits, Refused, probe_task
    from video_assembly.source import opened, pictures, timing

    limits = Limits()
    answers = []
    for name in names:
        path, began = Path(folder) / name, time.process_time()
        try:
            probe_task(str(path), asdict(limits), progress)
            with opened(path, limits) as clip:
                found = timing(clip, limits)
                shown = sum(1 for _ in pictures(clip, found.base, limits))
                sound.decode(clip, found.base, found.duration)
            answer = "accepted" if shown else "media-broken"
        except Refused as refused:
            answer = refused.code
        except MemoryError:
            answer = "media-too-demanding"
        except Exception as error:  # the sandbox calls this a broken file; the table tells how often
            answer = f"media-broken by {type(error).__name__}"
        answers.append((name, answer, time.process_time() - began))
    return {"answers": answers, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


if __name__ == "__main__":
    target = Path(sys.argv[1])
    for each in files(int(sys.argv[2]) if len(sys.argv) > 2 else 10_000, target / "originals"):
        (target / each.name).write_bytes(each.data)

"""A real broker, real worker processes and clips drawn on the spot."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from shop import merchants
from storage import broker
from storage.clock import utcnow
from storage.database import Database, metadata
from storage.ids import new_id
from storage.media import Media
from storage.messages import Messages
from storage.settings import Settings, child_environment
from video_assembly import clips, library, search
from workers.app import make_ring
from workers.workshop import Workshop

WORKER = "from storage.settings import Settings; from workers.app import run_worker; run_worker(Settings(), {kinds!r})"
BEAT = "from storage.settings import Settings; from workers.app import run_beat; run_beat(Settings())"
ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0


def draw_clip(path: Path, seconds: float = 2.0, rate: int = 30) -> Path:
    """Write a small H.264 clip with moving bars and without sound."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 180, 320, "yuv420p"
        stream.time_base = Fraction(1, rate)
        columns = np.arange(180)
        for number in range(round(seconds * rate)):
            picture = np.zeros((320, 180, 3), np.uint8)
            picture[:, :, 1] = (columns * 3 + number * 7) % 256
            picture[number % 320, :, 0] = 255
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def eventually(check: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Wait until `check` holds."""
    deadline = time.monotonic() + patience
    while not check():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.05)


@dataclass
class Floor:
    """An installation without web: settings, rows, files and a broker."""

    settings: Settings
    db: Database
    media: Media
    merchant_id: str

    @property
    def workshop(self) -> Workshop:
        """What a task works with, in this process."""
        return Workshop(self.settings)

    def upload(self, source: Path) -> str:
        """Put a file into the library as web does and return the clip's id."""
        clip_id = new_id()
        self.media.put(clips.upload_key(clip_id), source)
        with self.db.writing() as tx:
            clips.add_clip(
                tx, self.merchant_id, clip_id=clip_id, filename="clip.mp4", size=source.stat().st_size, now=utcnow()
            )
        return clip_id

    def clip(self, clip_id: str) -> clips.Clip:
        """Return the clip as it is now."""
        with self.db.reading() as tx:
            return clips.clip(tx, clip_id, self.merchant_id)

    def segments(self, clip_id: str) -> list[library.Segment]:
        """Return the clip's segments."""
        with self.db.reading() as tx:
            return search.of_clip(tx, self.merchant_id, clip_id)

    @contextmanager
    def worker(self, *kinds: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a real Celery worker in a session of its own; what is left of it is killed at the end."""
        with self._child(WORKER.format(kinds=kinds), "worker.log") as process:
            yield process

    @contextmanager
    def beat(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run a real beat."""
        with self._child(BEAT, "beat.log") as process:
            yield process

    @contextmanager
    def _child(self, code: str, log: str) -> Iterator[subprocess.Popen[bytes]]:
        with (self.settings.data_dir / log).open("ab") as file:
            process = subprocess.Popen(
                [sys.executable, "-c", code],
                cwd=ROOT,
                env=child_environment(self.settings),
                start_new_session=True,
                stdout=file,
                stderr=file,
            )
        try:
            yield process
        finally:
            kill_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a worker and its pool at once, as the kernel does when memory runs out."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def running_broker(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """Run the embedded broker."""
    process = subprocess.Popen(broker.command(settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    messages = Messages(broker.url(settings))
    try:
        eventually(messages.ping, "the broker answers")
        yield process
    finally:
        messages.close()
        process.kill()
        process.wait()


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Floor]:
    """Rows and files, with a bell and a voice for a broker that may or may not run."""
    base = Settings(data_dir=tmp_path / "data")
    settings = base.model_copy(update={"redis_url": broker.url(base)})
    settings.prepare()
    messages = Messages(settings.redis_url)
    database = Database(settings.resolved_database_url, ring=make_ring(settings.redis_url), publish=messages.publish)
    metadata.create_all(database.engine)
    with database.writing() as tx:
        merchant_id = merchants.add_merchant(tx, "glanz", "Glanz & Gut")
    yield Floor(settings, database, Media(settings.media_dir), merchant_id)
    messages.close()
    database.dispose()

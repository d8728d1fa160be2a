"""Files by key: segments, thumbnails, posters and uploads, in a folder."""

import os
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage.ids import new_id

KEY = re.compile(r"[a-z0-9][a-z0-9-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)+")


class Media:
    """A folder of files whose keys look like `segments/<digest>.mp4`.

    Keys come from our own code; one that could leave the folder is a programmer's error.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def path(self, key: str) -> Path:
        """Return where the file of `key` is or would be."""
        assert KEY.fullmatch(key), f"{key!r} is not a media key"
        return self.folder / key

    def put(self, key: str, source: Path) -> None:
        """Copy `source` under `key`; readers see the old file or the whole new one, and a repeat does no harm."""
        target = self.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.parent / f".{new_id()}"
        try:
            shutil.copyfile(source, partial)
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def take(self, key: str, source: Path) -> None:
        """Move `source`, a file of `incoming`, under `key`; readers see nothing or the whole file."""
        target = self.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb+") as file:
            os.fsync(file.fileno())
        source.replace(target)

    @property
    def incoming(self) -> Path:
        """A folder for files that are not whole yet, private to this user, on the same disk; no key leads there."""
        folder = self.folder / ".incoming"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    @property
    def unfinished(self) -> Path:
        """A folder for uploads that may be continued for a day, private to this user; no key leads there."""
        folder = self.folder / ".unfinished"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def clear_incoming(self, before: datetime) -> int:
        """Remove what nobody has written to since `before`, left by a process that was killed; returns how many."""
        old = [path for path in self.incoming.iterdir() if _newest(path) < before.timestamp()]
        for path in old:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return len(old)

    def exists(self, key: str) -> bool:
        """Tell whether there is a file under `key`."""
        return self.path(key).is_file()

    def delete(self, key: str) -> None:
        """Remove the file under `key`, if there is one."""
        self.path(key).unlink(missing_ok=True)

    def age(self, key: str, now: datetime) -> timedelta:
        """Return how long ago the file under `key` was put there; nothing at all when there is none."""
        try:
            return now - datetime.fromtimestamp(self.path(key).stat().st_mtime, UTC)
        except FileNotFoundError:
            return timedelta()

    def free_bytes(self) -> int:
        """Return how many bytes the disk under the folder still takes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(self.folder).free

    def url(self, key: str) -> str:
        """Return the path under which web serves `key`."""
        assert KEY.fullmatch(key), f"{key!r} is not a media key"
        return f"/media/{key}"


def _newest(path: Path) -> float:
    times = [0.0]
    for each in (path, *path.rglob("*")):
        try:
            times.append(each.stat().st_mtime)
        except FileNotFoundError:
            continue  # finished or cleared meanwhile
    return max(times)

"""The browser that is driven."""

import os
import shutil

#: The shell is the same engine without the windows and menus of a person's browser: half the CPU.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")


def find() -> str | None:
    """Return the path of the machine's Chromium; $CHROMIUM names another."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)

"""Fixtures that the tests of several packages share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from benchmarks import chromium
from storage.database import Database, metadata

# How long an example takes is the machine's affair and that of who else is on it.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

SHARED_MEDIA = Path(__file__).parents[2] / "shared" / "media"
# Fixtures of the one running demo and of the browser that looks at it.
DEMO = {"running", "browser"}
# Where a file of tests takes longest.
LONGEST = ("end_to_end", "workers", "video_assembly", "livestream")


def missing(reason: str) -> None:
    """Skip for want of a part of the machine, with the reason; in CI that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def lane(item: pytest.Item) -> str:
    """Name the tests that one process runs one after the other: those of a file, and all that share the demo."""
    return "demo" if DEMO & set(getattr(item, "fixturenames", ())) else item.nodeid.partition("::")[0]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long campaigns unless they are asked for; what takes longest begins first, beside the others.

    Fuzzing lives on the time that the others leave idle. In a file those that share Playwright's driver come last:
    while it lives, its event loop counts as running, and `asyncio.run` refuses to work.
    """
    if "soak" not in config.getoption("markexpr"):
        campaigns = [item for item in items if item.get_closest_marker("soak")]
        if campaigns:
            config.hook.pytest_deselected(items=campaigns)
            items[:] = [item for item in items if item not in campaigns]

    def turn(item: pytest.Item) -> tuple[bool, bool, int, str, bool]:
        name = lane(item)
        folder = item.path.parent.name
        return (
            not name.endswith("test_fuzz.py"),
            name != "demo",
            LONGEST.index(folder) if folder in LONGEST else len(LONGEST),
            name,
            "playwright" in getattr(item, "fixturenames", ()),
        )

    items.sort(key=turn)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep a lane's tests in one process; told here, because pytest-xdist reads it when all are collected."""
    item.add_marker(pytest.mark.xdist_group(lane(item)))


@pytest.fixture(scope="session")
def shared_media() -> Path:
    """The folder of real footage beside the checkout."""
    if not SHARED_MEDIA.is_dir():
        missing(f"the real footage is not there: {SHARED_MEDIA.name}/ beside the checkout")
    return SHARED_MEDIA


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The machine's Chromium."""
    found = chromium.find()
    if found is None:
        missing("there is no Chromium on this machine: apt-get install chromium-headless-shell")
    assert found is not None
    return found


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    """An empty database in a file of its own, with the tables of every module imported so far."""
    database = Database(f"sqlite:///{tmp_path / 'vitrine.sqlite3'}")
    metadata.create_all(database.engine)
    yield database
    database.dispose()

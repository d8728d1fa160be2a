"""Fixtures that the tests of several packages share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database, metadata

SHARED_MEDIA = Path(__file__).parents[2] / "shared" / "media"


def missing(reason: str) -> None:
    """Skip for want of a part of the machine, with the reason; in CI that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long campaigns unless they are asked for, and let the shared browser come last.

    While Playwright's synchronous driver lives, its event loop counts as running, and `asyncio.run` refuses to work.
    """
    if "soak" not in config.getoption("markexpr"):
        campaigns = [item for item in items if item.get_closest_marker("soak")]
        if campaigns:
            config.hook.pytest_deselected(items=campaigns)
            items[:] = [item for item in items if item not in campaigns]
    items.sort(key=lambda item: "playwright" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def shared_media() -> Path:
    """The folder of real footage beside the checkout."""
    if not SHARED_MEDIA.is_dir():
        missing(f"the real footage is not there: {SHARED_MEDIA.name}/ beside the checkout")
    return SHARED_MEDIA


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    """An empty database in a file of its own, with the tables of every module imported so far."""
    database = Database(f"sqlite:///{tmp_path / 'vitrine.sqlite3'}")
    metadata.create_all(database.engine)
    yield database
    database.dispose()

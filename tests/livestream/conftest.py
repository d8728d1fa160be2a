"""The media process as tests use it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from livestream import native
from livestream.client import MediaClient
from tests.conftest import missing
from tests.livestream import harness

# How long an example takes says more about the machine's other work than about the code.
settings.register_profile("livestream", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("livestream")


@pytest.fixture
def anyio_backend() -> str:
    """aiortc runs on asyncio alone."""
    return "asyncio"


@pytest.fixture
async def media(tmp_path: Path) -> AsyncIterator[MediaClient]:
    """A real media process of its own, and a client of it."""
    async with harness.running(tmp_path) as client:
        yield client


@pytest.fixture(params=["python", "native"], scope="module")
def by_native(request: pytest.FixtureRequest) -> bool:
    """Which way of sealing and sending: tests that take it run over both."""
    if request.param == "native" and not native.available:
        missing("the native part is not built: it needs a C compiler and libcrypto")
    return bool(request.param == "native")

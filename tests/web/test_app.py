"""The application starts and stops, whenever it is asked to."""

import asyncio
from dataclasses import replace

import pytest

from web.app import create_app
from web.media_processes import MediaProcesses
from web.services import Services

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 20


def test_it_stops_whatever_it_is_just_doing(services: Services) -> None:
    async def live(moments: int) -> None:
        # What the application closes when it stops is its own.
        again = replace(services, media_process=MediaProcesses(services.settings.media_sockets))
        app = create_app(again)
        async with app.router.lifespan_context(app):
            for _ in range(moments):
                await asyncio.sleep(0)

    async def repeatedly() -> None:
        for round_ in range(60):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await live(round_ % 15)

    asyncio.run(repeatedly())

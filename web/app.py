"""The application: routes as data, middleware, lifespan, one table from error to response."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from storage.settings import Settings
from web import (
    checkout,
    comparisons,
    customers,
    energy,
    experiments,
    exports,
    feed,
    health,
    hidden,
    home,
    interests,
    live,
    me,
    merchant,
    metrics,
    operator_pages,
    personal_page,
    privacy,
    products,
    promotions,
    sign_in,
    stream,
    studio,
    video,
)
from web.i18n import LOCALES
from web.logins import Logins
from web.metrics import Metrics
from web.pages import messages_module
from web.problems import HANDLERS, not_found
from web.rooms import Rooms
from web.security import RequestContext, SameOrigin
from web.services import Services
from web.sessions import Sessions
from web.static_files import STATIC, HashedStaticFiles
from web.stream import Stream
from web.watching import watch_library

# Of every request without a limit of its own; clips, product forms and batches of events have theirs. Forms and JSON
# are read on the event loop: a megabyte of nothing but `&` holds it for 0.4 s.
LARGEST_BODY = 65_536
# Under these the machine speaks to itself: `vitrine up` asks whether web is ready.
OWN_HOSTS = ("127.0.0.1", "localhost")


def texts(request: Request) -> Response:
    """`GET /i18n/{locale}.js`: the sentences that scripts show."""
    locale = request.path_params["locale"]
    if locale not in LOCALES:
        return not_found(request)
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(messages_module(locale), media_type="text/javascript", headers=headers)


ROUTES: Sequence[BaseRoute] = [
    *home.routes,
    *sign_in.routes,
    *hidden.routes,
    *feed.routes,
    *video.routes,
    *exports.routes,
    *products.routes,
    *checkout.routes,
    *privacy.routes,
    *interests.routes,
    *me.routes,
    *customers.routes,
    *experiments.routes,
    *comparisons.routes,
    *promotions.routes,
    *live.routes,
    *studio.routes,
    *merchant.routes,
    *operator_pages.routes,
    *energy.routes,
    *personal_page.routes,
    *stream.routes,
    *health.routes,
    *metrics.routes,
    Route("/i18n/{locale}.js", texts),
    Mount("/static", HashedStaticFiles(directory=STATIC, check_dir=False)),
]


def _hosts(settings: Settings) -> list[str]:
    wanted = [name.strip() for name in settings.allowed_hosts.split(",") if name.strip()]
    return [*wanted, settings.host, *OWN_HOSTS]


def create_app(services: Services) -> Starlette:
    """Build the application over the parts it works with; they are started and stopped by its lifespan."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        watching = [asyncio.create_task(each) for each in (services.metrics.watch_loop(), watch_library(services))]
        services.stream.start()
        await services.rooms.start()
        yield
        for each in watching:
            each.cancel()
        await services.rooms.stop()
        await services.stream.stop()
        await services.logins.stop()
        await services.media_process.aclose()
        services.messages.close()
        services.db.dispose()

    services.metrics = Metrics()
    services.rooms = Rooms(services)
    services.stream = Stream(services)
    services.logins = Logins(services)
    app = Starlette(
        routes=ROUTES,
        middleware=[
            Middleware(RequestContext),
            Middleware(TrustedHostMiddleware, allowed_hosts=_hosts(services.settings), www_redirect=False),
            Middleware(SameOrigin),
            Middleware(Sessions),
        ],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
        max_body_size=LARGEST_BODY,
    )
    app.state.services = services
    return app

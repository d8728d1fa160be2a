"""What endpoints work with: one object, made by the command line or a test, reached as `request.app.state.services`."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from storage.database import Database
from storage.groups import Group
from storage.media import Media
from storage.messages import Messages
from storage.settings import Settings
from web.limits import Limiter
from web.media_processes import MediaProcesses

if TYPE_CHECKING:
    from web.logins import Logins
    from web.metrics import Metrics
    from web.rooms import Rooms
    from web.stream import Stream


@dataclass
class Services:
    """The parts behind the pages; `rooms`, `stream` and `logins` live as long as the application runs."""

    settings: Settings
    db: Database
    media: Media
    messages: Messages
    media_process: MediaProcesses
    limiter: Limiter = field(default_factory=Limiter)
    metrics: "Metrics" = field(init=False)
    rooms: "Rooms" = field(init=False)
    stream: "Stream" = field(init=False)
    logins: "Logins" = field(init=False)
    # Feeds that are filled and events that arrive at the same moment are committed together.
    writer: Group = field(init=False)

    def __post_init__(self) -> None:
        self.writer = Group(self.db)


def services(connection: HTTPConnection) -> Services:
    """Return the services behind a request or a WebSocket."""
    found: Services = connection.app.state.services
    return found

"""The demo shop in a test's application, and what tests of the feed do again and again."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from storage import accounts
from storage.clock import utcnow
from storage.ids import new_id
from storage.media import Media
from web import demo
from web.services import Services


def open_demo_shop(services: Services, files: Path) -> None:
    """Put the demo's products and clips in, a day ago; the files are shared by the tests of one run in `files`."""
    services.media = Media(files)
    demo.load(services.db, services.media, utcnow() - timedelta(days=1))


def token_of(services: Services, handle: str, *scopes: str) -> dict[str, str]:
    """Return the header of a program that acts for one of the demo's people."""
    with services.db.writing() as tx:
        token = accounts.add_token(tx, demo.people(tx)[handle], "test", frozenset(scopes), utcnow())
    return {"Authorization": f"Bearer {token}"}


def agree(client: TestClient) -> None:
    """Answer the question of consent with yes."""
    answer = client.put("/v1/me/consent", json={"purposes": {"personalise": True}, "source": "test"})
    assert answer.status_code == 200, answer.text


def told(client: TestClient, event: str, **properties: object) -> Any:
    """Send one event and return the counts."""
    message = {"type": "track", "messageId": new_id(), "event": event, "properties": properties}
    answer = client.post("/v1/batch", json={"batch": [message]})
    assert answer.status_code == 202, answer.text
    return answer.json()


def feed(client: TestClient, query: str = "limit=10") -> Any:
    """Return a page of the feed."""
    answer = client.get(f"/v1/feed?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()

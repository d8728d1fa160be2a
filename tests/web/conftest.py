"""The real application over a database of its own and a real broker, spoken to by Starlette's test client."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from shop import catalog, merchants
from shop.catalog import NewVariant
from shop.money import Money
from storage import accounts, broker
from storage.clock import utcnow
from storage.database import Database, metadata
from storage.media import Media
from storage.messages import Messages
from storage.settings import Settings
from web.app import create_app
from web.media_processes import MediaProcesses
from web.services import Services

ORIGIN = "http://testserver"


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real embedded broker."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("broker"))
    process = subprocess.Popen(broker.command(settings), stdout=subprocess.DEVNULL)
    messages = Messages(broker.url(settings))
    try:
        while not messages.ping():
            assert process.poll() is None, "the broker did not start"
        yield broker.url(settings)
    finally:
        messages.close()
        process.terminate()
        process.wait()


@pytest.fixture
def services(tmp_path: Path, valkey: str) -> Services:
    """What the application works with; nobody runs the media process here."""
    settings = Settings(data_dir=tmp_path, redis_url=valkey, demo=False)
    settings.prepare()
    messages = Messages(valkey)
    database = Database(settings.resolved_database_url, publish=messages.publish)
    metadata.create_all(database.engine)
    return Services(settings, database, Media(settings.media_dir), messages, MediaProcesses(settings.media_sockets))


@pytest.fixture
def app(services: Services) -> Starlette:
    """The application."""
    return create_app(services)


@pytest.fixture
def client(app: Starlette) -> Iterator[TestClient]:
    """A browser-like client: it keeps cookies and says that it comes from our own pages."""
    with TestClient(app, headers={"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}) as browser:
        yield browser


@pytest.fixture
def sign_in(services: Services) -> Callable[..., str]:
    """Sign a client in as a new person with some roles; returns the person's id."""

    def sign(client: TestClient, *roles: str, name: str = "Ada", merchant: str | None = None) -> str:
        now = utcnow()
        with services.db.writing() as tx:
            email = f"{name.lower()}-{len(accounts.everybody(tx))}@example.org"
            person_id = accounts.sign_up(tx, email, name, "!", "en", now)
            for role in roles:
                accounts.grant(tx, person_id, role)
            if merchant is not None:
                merchants.join_merchant(tx, person_id, merchant)
            token = accounts.open_session(tx, person_id, now)
        client.cookies.set("session", token)
        return person_id

    return sign


@pytest.fixture
def add_product(services: Services) -> Callable[..., catalog.Product]:
    """Put a product on sale: `stock` pieces of each of two sizes at 19.90 and 24.90."""

    def add(handle: str = "mug", *, stock: int = 5, brand: str = "Nord", category: str = "kitchen") -> catalog.Product:
        with services.db.writing() as tx:
            merchant_id = merchants.merchant_by_handle(tx, "hut") or merchants.add_merchant(tx, "hut", "Hut & Co")
            product_id = catalog.add_product(
                tx,
                merchant_id,
                handle,
                titles={"de": f"Becher {handle}", "en": f"Cup {handle}"},
                descriptions={"de": "Steingut.", "en": "Stoneware."},
                brand=brand,
                category=category,
                variants=[
                    NewVariant(f"{handle}-s", Money(1990, "EUR"), {"size": "S"}, stock),
                    NewVariant(f"{handle}-l", Money(2490, "EUR"), {"size": "L"}, stock),
                ],
                now=utcnow(),
            )
            return catalog.product(tx, product_id, "en")

    return add


@pytest.fixture(scope="session")
def demo_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A media folder for the demo's clips, filled by the first test that opens the demo shop."""
    return tmp_path_factory.mktemp("demo-media")


@pytest.fixture
def shop_id(services: Services) -> str:
    """The merchant whose products `add_product` makes."""
    with services.db.writing() as tx:
        return merchants.merchant_by_handle(tx, "hut") or merchants.add_merchant(tx, "hut", "Hut & Co")


@pytest.fixture
def merchant(client: TestClient, sign_in: Callable[..., str], shop_id: str) -> TestClient:
    """A client that is signed in as somebody who acts for `shop_id`."""
    sign_in(client, "merchant", merchant=shop_id)
    return client

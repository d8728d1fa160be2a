"""The database: one engine, two kinds of transaction, and what happens after a commit.

Every package declares its tables on `metadata`; foreign keys point to packages on its left only.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pysqlite3.dbapi2 as sqlite
from sqlalchemy import BigInteger, Connection, CursorResult, Engine, Executable, MetaData, Row, create_engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

log = logging.getLogger(__name__)
T = TypeVar("T")

# Below this the write-ahead log can be corrupted by two processes that checkpoint at once (sqlite.org, WAL-reset bug).
OLDEST_SAFE_SQLITE = (3, 51, 3)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

# How the next transaction of a connection is to begin.
_BEGIN = "vitrine_begin"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Fact = tuple[str, dict[str, Any]]
Ring = tuple[str, str]
Rows = CursorResult[*tuple[Any, ...]]
AnyRow = Row[*tuple[Any, ...]]


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as integer milliseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Turn an aware datetime into milliseconds; a naive one is a programmer's error."""
        if value is None:
            return None
        assert value.tzinfo is not None, "an instant needs a time zone"
        return (value - EPOCH) // MILLISECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Turn milliseconds into an aware UTC datetime."""
        return None if value is None else EPOCH + value * MILLISECOND


class Tx:
    """An open transaction: runs statements and collects what is to be said once it is committed."""

    def __init__(self, connection: Connection, database: str) -> None:
        self.connection = connection
        self.database = database
        """The name by which what is kept in memory of one database is told from that of another."""
        self.facts: list[Fact] = []
        self.rings: list[Ring] = []

    def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> Rows:
        """Run a statement; with a list of parameters, once for each."""
        result = self.connection.execute(statement, parameters)
        assert isinstance(result, CursorResult), "Core statements give cursor results"
        return result

    def all(self, statement: Executable) -> Sequence[AnyRow]:
        """Return all rows of a query."""
        return self.execute(statement).all()

    def one_or_none(self, statement: Executable) -> AnyRow | None:
        """Return the only row of a query, or None; more than one is a programmer's error."""
        return self.execute(statement).one_or_none()

    def scalar(self, statement: Executable) -> Any:
        """Return the first column of the first row, or None."""
        return self.execute(statement).scalar()

    def tell(self, topic: str, fact: dict[str, Any]) -> None:
        """Publish a fact about something that others see, after the commit and only then."""
        self.facts.append((topic, fact))

    def ring(self, kind: str, job_id: str) -> None:
        """Ring the bell of a job after the commit; `storage.jobs.enqueue` is the caller."""
        self.rings.append((kind, job_id))


class Database:
    """The engine behind a URL, with the bell for jobs and the voice for facts that web and workers pass in."""

    def __init__(
        self,
        url: str,
        *,
        ring: Callable[[Sequence[Ring]], None] | None = None,
        publish: Callable[[Sequence[Fact]], None] | None = None,
    ) -> None:
        self.url = url
        self._ring = ring
        self._publish = publish
        self.engine = _sqlite_engine(url) if url.startswith("sqlite") else create_engine(url, pool_pre_ping=True)
        self._name = self.engine.url.render_as_string()

    @contextmanager
    def writing(self) -> Iterator[Tx]:
        """Open a transaction that may write: it holds SQLite's one write lock from its first moment.

        Commits at the end, rolls back on any exception; then facts are published and bells rung. A fact or a ring
        that cannot be delivered is logged, never raised: rows are the truth, the sweeper rings again.
        """
        with self._transaction("BEGIN IMMEDIATE") as tx:
            yield tx
        if self._publish is not None and tx.facts:
            _deliver(self._publish, tx.facts)
        if self._ring is not None and tx.rings:
            _deliver(self._ring, tx.rings)

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """Open a transaction that only reads: one consistent view, no lock against writers."""
        with self._transaction("BEGIN") as tx:
            yield tx

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Tx]:
        with self.engine.connect() as connection:
            connection.info[_BEGIN] = begin
            with connection.begin():
                yield Tx(connection, self._name)

    def dispose(self) -> None:
        """Close every pooled connection; a forked child calls this before its first query."""
        self.engine.dispose()


def _deliver(deliver: Callable[[Sequence[T]], None], load: Sequence[T]) -> None:
    try:
        deliver(load)
    except Exception:
        log.warning("could not deliver %s after a commit", load, exc_info=True)


def _sqlite_engine(url: str) -> Engine:
    found = sqlite.sqlite_version_info
    assert found >= OLDEST_SAFE_SQLITE, f"SQLite {found} can corrupt a shared write-ahead log"
    engine = create_engine(url, module=sqlite, pool_size=20, max_overflow=40)
    if engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN would be a deferred one
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "busy_timeout=5000",
            "foreign_keys=ON",
            "trusted_schema=OFF",
            "cache_size=-16000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # By the driver itself: SQLAlchemy's way to it takes ten times as long, in every request.
        driver = connection.connection.driver_connection
        assert driver is not None, "a transaction begins on an open connection"
        driver.execute(connection.info.pop(_BEGIN, "BEGIN"))

    return engine

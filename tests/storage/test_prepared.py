"""Prepared statements find what SQLAlchemy finds, with the same types."""

from datetime import UTC, datetime

from sqlalchemy import Boolean, Column, Float, Integer, Table, bindparam, insert, select
from sqlalchemy.dialects import postgresql

from storage.database import Database, Instant, metadata
from storage.prepared import Among, Prepared, compile_for

moments = Table(
    "test_moments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Instant),
    Column("open", Boolean, nullable=False),
    Column("share", Float),
)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_prepared_statement_answers_as_sqlalchemy_does(db: Database) -> None:
    statement = select(moments.c.id, moments.c.at, moments.c.open, moments.c.share).order_by(moments.c.id)
    since = Prepared(statement.where(moments.c.at >= bindparam("since", type_=Instant()), moments.c.open.is_(True)))
    with db.writing() as tx:
        tx.execute(
            insert(moments),
            [{"id": n, "at": NOON.replace(hour=n), "open": n != 13, "share": n / 8} for n in range(10, 15)],
        )
        tx.execute(insert(moments).values(id=20, at=None, open=True))
    for _ in range(2):
        with db.reading() as tx:
            found = Prepared(statement).all(tx)
            assert found == [tuple(row) for row in tx.all(statement)]
            assert [(row.id, row.at) for row in since.all(tx, since=NOON)] == [
                (12, NOON),
                (14, NOON.replace(hour=14)),
            ]
            assert found[0].open is True
            late = NOON.replace(year=2030)
            assert since.one_or_none(tx, since=late) is None
            assert since.one(tx, since=NOON).id == 12


def test_some_of_many_are_found_whatever_their_number(db: Database) -> None:
    among = Among(
        lambda ids: select(moments.c.id).where(moments.c.id.in_(ids), moments.c.id < bindparam("below")).order_by("id")
    )
    with db.writing() as tx:
        tx.execute(insert(moments), [{"id": n, "at": None, "open": True} for n in range(20)])
    with db.reading() as tx:
        for ids in (set(), {3}, {3, 4}, {3, 4, 5}, set(range(19))):
            assert [row.id for row in among.all(tx, ids, below=18)] == sorted(ids - {18})


def test_a_statement_is_prepared_for_postgresql_too() -> None:
    dialect = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]
    made = compile_for(select(moments).where(moments.c.share < bindparam("share")), dialect)
    assert "%(share)s" in made.sql
    # Milliseconds are the only ones that the driver does not turn into what they are.
    assert [number for number, _ in made.found] == [1]

"""Statements of requests that are asked most: compiled once, then run by the driver itself.

SQLAlchemy's way from a statement to a row takes ten times as long as SQLite's answer; what it knows of types is kept.
"""

from collections import namedtuple
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Float, Select, bindparam
from sqlalchemy.engine import Dialect

from storage.database import Tx

Turn = Callable[[Any], Any]


@dataclass(frozen=True)
class _Compiled:
    sql: str
    # Names in the order of the marks, None where the driver takes names.
    order: tuple[str, ...] | None
    fixed: Mapping[str, Any]
    given: Mapping[str, Turn]
    # What makes a row, and what is to be done with a column's value before, by its number.
    row: Callable[[Iterable[Any]], Any]
    found: tuple[tuple[int, Turn], ...]


class Prepared:
    """A query whose parameters are its `bindparam`s; no list may be among them."""

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def all(self, tx: Tx, **parameters: Any) -> list[Any]:
        """Return all rows, their columns under their names."""
        dialect = tx.connection.dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = compile_for(self._statement, dialect)
        values = {**compiled.fixed, **parameters}
        for name, turn in compiled.given.items():
            if name in parameters:
                values[name] = turn(values[name])
        cursor = tx.connection.connection.cursor()
        try:
            if compiled.order is None:
                cursor.execute(compiled.sql, values)
            else:
                cursor.execute(compiled.sql, tuple([values[name] for name in compiled.order]))
            rows = cursor.fetchall()
        finally:
            cursor.close()
        if compiled.found:
            rows = [_turned(row, compiled.found) for row in rows]
        return [compiled.row(row) for row in rows]

    def one_or_none(self, tx: Tx, **parameters: Any) -> Any:
        """Return the first row, None when there is none."""
        rows = self.all(tx, **parameters)
        return rows[0] if rows else None

    def one(self, tx: Tx, **parameters: Any) -> Any:
        """Return the first row of a query that always has one."""
        return self.all(tx, **parameters)[0]


class Among:
    """A query about some of many: `make` is given what stands for their ids, and returns what is to be prepared."""

    def __init__(self, make: Callable[[Sequence[BindParameter[Any]]], Select[Any]]) -> None:
        self._make = make
        self._prepared: dict[int, Prepared] = {}

    def all(self, tx: Tx, ids: Collection[Any], **parameters: Any) -> list[Any]:
        """Return all rows; ids are asked for as often as it takes to fill up a power of two, so that few are made."""
        if not ids:
            return []
        asked = list(ids)
        count = 1 << (len(asked) - 1).bit_length()
        prepared = self._prepared.get(count)
        if prepared is None:
            marks: list[BindParameter[Any]] = [bindparam(f"among{number}") for number in range(count)]
            prepared = self._prepared[count] = Prepared(self._make(marks))
        asked += asked[-1:] * (count - len(asked))
        return prepared.all(tx, **parameters, **{f"among{number}": each for number, each in enumerate(asked)})


def _turned(row: Iterable[Any], found: Iterable[tuple[int, Turn]]) -> list[Any]:
    values = list(row)
    for number, turn in found:
        values[number] = turn(values[number])
    return values


def compile_for(statement: Select[Any], dialect: Dialect) -> _Compiled:
    """Return what the driver of a dialect is to be given, and what it gives back."""
    compiled = statement.compile(dialect=dialect)
    given, fixed = {}, {}
    for name, bind in compiled.binds.items():
        turn = bind.type.dialect_impl(dialect).bind_processor(dialect)
        if turn is not None:
            given[name] = turn
        if not bind.required:
            fixed[name] = bind.effective_value if turn is None else turn(bind.effective_value)
    found = []
    for number, column in enumerate(statement.selected_columns):
        # Drivers give floats as such; PostgreSQL's processor would want to know a type that only a result tells.
        of_type = column.type.dialect_impl(dialect)
        turn = None if isinstance(of_type, Float) else of_type.result_processor(dialect, None)
        if turn is not None:
            found.append((number, turn))
    order = None if compiled.positiontup is None else tuple(compiled.positiontup)
    row = namedtuple("Row", list(statement.selected_columns.keys()), rename=True)  # type: ignore[misc]
    return _Compiled(str(compiled), order, fixed, given, row._make, tuple(found))

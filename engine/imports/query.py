"""Rows of a database: of SQLite, of DuckDB, or of any connection of Python's DB-API.

The answer of a query is written to a temporary Parquet file of text first, so it is read from the database once. The
identity of the import is the hash of the answer, not of the database file.
"""

import hashlib
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from engine.imports.errors import ImportRefusedError
from engine.imports.source import Source

ROWS = 1 << 14
SQLITE, DUCKDB = b"SQLite format 3\0", b"DUCK"
EXPECTED = "expected a database of SQLite or DuckDB"


@contextmanager
def queried(path: Path, query: str) -> Iterator[Source]:
    """The answer of a query of a database file."""
    if not query:
        raise ImportRefusedError("--query: expected a query: --query 'select … from …'")
    with _connected(path) as (connection, errors):
        try:
            with spooled(connection.execute(query), path.name) as source:
                yield source
        except errors as error:
            raise ImportRefusedError(f"{path}: --query {query!r}: {error}") from error


@contextmanager
def spooled(cursor: Any, name: str) -> Iterator[Source]:
    """The rows of a cursor of the DB-API, in a temporary file. `name` is what the report calls them."""
    names = [one[0] for one in cursor.description]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / f"{name}.parquet"
        digest = hashlib.sha256("\x1f".join(names).encode())
        schema = pa.schema([pa.field(one, pa.string()) for one in names])
        with pq.ParquetWriter(path, schema) as writer:
            while rows := cursor.fetchmany(ROWS):
                texts = [[_text(value) for value in row] for row in rows]
                digest.update(repr(texts).encode())
                writer.write_table(_table(texts, schema))
        source = Source(path)
        source.hash = digest.hexdigest()
        source.hashes = [source.hash]
        yield source


def _table(texts: Sequence[Sequence[str | None]], schema: pa.Schema) -> pa.Table:
    return pa.table([pa.array(column, pa.string()) for column in zip(*texts, strict=True)], schema=schema)


def _text(value: Any) -> str | None:
    """A value as text: a float as the shortest decimal number that is equal to it, a time in ISO form."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        return repr(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


@contextmanager
def _connected(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise ImportRefusedError(f"{path}: no such file, {EXPECTED}")
    with path.open("rb") as file:
        begin = file.read(16)
    if begin.startswith(SQLITE):
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            yield connection, sqlite3.Error
    elif begin[8:12] == DUCKDB:
        duck = _duckdb()
        with closing(duck.connect(str(path), read_only=True)) as connection:
            yield connection, duck.Error
    else:
        raise ImportRefusedError(f"{path}: begins with {begin[:8]!r}, {EXPECTED}")


def _duckdb() -> Any:
    try:
        import duckdb  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ImportRefusedError("a DuckDB file needs the package duckdb: pip install 'steelyard[research]'") from error
    return duckdb

"""Transactions on either database, by its type: a path is SQLite's file, ``Postgres`` a server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import psycopg

from plugin.database import postgres, sqlite
from plugin.database.connection import Connection
from plugin.database.postgres import Postgres
from plugin.errors import DatabaseAway

Database: TypeAlias = Path | Postgres


@contextmanager
def transaction(database: Database, *, wait_for_disk: bool = True) -> Iterator[Connection]:
    """A connection of this call's own for as long as it lasts, committed at the end. Nobody else writes meanwhile.

    Without ``wait_for_disk`` a power cut may undo it, though nothing that came later stays without it: that is for what
    the next start finds out again. A server goes down while nodes live on, and waits for its disk in any case.
    """
    if isinstance(database, Postgres):
        with postgres.transaction(database) as connection:
            yield connection
    else:
        with sqlite.transaction(database, wait_for_disk=wait_for_disk) as file:
            yield file


@contextmanager
def statement(database: Database, *, wait_for_disk: bool = True) -> Iterator[Connection]:
    """The same for a single statement, which SQLite makes a transaction of its own: that costs a third of it."""
    if isinstance(database, Postgres):
        with postgres.transaction(database) as connection:
            yield connection
    else:
        with sqlite.statement(database, wait_for_disk=wait_for_disk) as file:
            yield file


@contextmanager
def reading(database: Database) -> Iterator[Connection]:
    """The same to read one consistent state: it waits for no writer, and no writer waits for it."""
    if isinstance(database, Postgres):
        with postgres.reading(database) as connection:
            yield connection
    else:
        with sqlite.reading(database) as file:
            yield file


def scrub(database: Database) -> None:
    """Nothing of what was deleted or overwritten is left in SQLite's file or in its log; a server does that itself.

    No transaction may be under way.
    """
    if isinstance(database, Path):
        sqlite.scrub(database)


def is_away(error: BaseException) -> bool:
    """Whether ``error`` says that the database's server cannot be reached just now, and nothing else."""
    return isinstance(error, DatabaseAway | psycopg.OperationalError | psycopg.InterfaceError)


def create_tables(connection: Connection, schema: str) -> None:
    """Every statement of ``schema``; they are separated by semicolons, and comments begin with ``--``."""
    for statement in filter(None, map(str.strip, re.sub(r"--.*", "", schema).split(";"))):
        connection.execute(statement)


def tables_of(database: Database, connection: Connection) -> list[str]:
    """Names of the tables, as a statement may name them. The job queue's own have a schema of their own on a server."""
    if isinstance(database, Postgres):
        found = connection.execute(
            "SELECT CASE table_schema WHEN current_schema() THEN table_name ELSE table_schema || '.' || table_name END "
            "FROM information_schema.tables WHERE table_schema IN (current_schema(), 'dbos')"
        )
    else:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return [name for (name,) in found]


def columns_of(database: Database, connection: Connection, table: str) -> set[str]:
    """Names of the columns of ``table``, which is one of ``tables_of``."""
    if isinstance(database, Postgres):
        schema, _, name = table.rpartition(".")
        found = connection.execute(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_name = ? AND table_schema = coalesce(nullif(?, ''), current_schema())",
            (name, schema),
        )
        return {column for (column,) in found}
    return {row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')}


def add_columns(database: Database, connection: Connection, table: str, added: Mapping[str, str]) -> None:
    """Columns that earlier versions of ``table`` did not have, and what they are."""
    there = columns_of(database, connection, table)
    for column, kind in added.items():
        if column not in there:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")


def sqlalchemy_url(database: Database) -> str:
    """As the job queue wants it."""
    return database.url if isinstance(database, Postgres) else f"sqlite:///{database}"

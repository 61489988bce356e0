"""Where the node's records lie: one SQLite file, or PostgreSQL for several machines. Nothing enters that knows a table.

connection   what a transaction offers, whatever is underneath; statements are SQLite's, with ``?`` for values
sqlite       the file, for the processes of one machine
postgres     the server: the same statements in its own dialect, one writer at a time as with the file
database     which of the two, by type
exclusive    what one process at a time does, for as long as it lives
"""

from plugin.database.connection import Connection, Cursor
from plugin.database.database import (
    Database,
    add_columns,
    columns_of,
    create_tables,
    is_away,
    reading,
    scrub,
    sqlalchemy_url,
    statement,
    tables_of,
    transaction,
)
from plugin.database.exclusive import Exclusive
from plugin.database.postgres import Postgres, close_idle
from plugin.database.sqlite import DATABASE

__all__ = [
    "DATABASE",
    "Connection",
    "Cursor",
    "Database",
    "add_columns",
    "columns_of",
    "create_tables",
    "is_away",
    "reading",
    "scrub",
    "sqlalchemy_url",
    "statement",
    "tables_of",
    "transaction",
    "Exclusive",
    "Postgres",
    "close_idle",
]

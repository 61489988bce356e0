"""SQLite's file and PostgreSQL behave alike: what is not committed is not there, and writers take turns."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicom_io.header import SiteKey
from plugin.config import Configuration
from plugin.database import (
    DATABASE,
    Database,
    Exclusive,
    Postgres,
    add_columns,
    close_idle,
    columns_of,
    create_tables,
    is_away,
    reading,
    statement,
    tables_of,
    transaction,
)
from plugin.errors import ConfigurationRefused, DatabaseAway, StateRefused
from plugin.intake import prepare_state
from plugin.node import KeptPersonas, Node
from plugin.roles import Role
from tests.peers.postgres import Server

SCHEMA = """
CREATE TABLE IF NOT EXISTS counted (
    name  TEXT PRIMARY KEY,   -- a comment; with a semicolon
    value INTEGER NOT NULL
) STRICT
"""


@pytest.fixture
def server(postgres_server: Server) -> Iterator[Postgres]:
    yield Postgres(postgres_server.new_database())
    close_idle()


@pytest.fixture
def counted(records: Database) -> Database:
    with transaction(records) as connection:
        create_tables(connection, SCHEMA)
        connection.execute("INSERT INTO counted VALUES (?, ?)", ("a", 0))
    return records


def value(database: Database) -> int:
    with reading(database) as connection:
        return int(connection.execute("SELECT value FROM counted WHERE name = ?", ("a",)).fetchone()[0])


def change_and_break_off(database: Database) -> None:
    with transaction(database) as connection:
        connection.execute("UPDATE counted SET value = 7")
        raise ZeroDivisionError


def test_what_breaks_off_is_undone(counted: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        change_and_break_off(counted)
    assert value(counted) == 0


def test_a_single_statement_is_there_for_others_at_once_and_undone_where_it_fails(counted: Database) -> None:
    with statement(counted, wait_for_disk=False) as connection:
        connection.execute("INSERT INTO counted VALUES ('one', 1)")
    with reading(counted) as other:
        assert other.execute("SELECT value FROM counted WHERE name = 'one'").fetchall() == [(1,)]
    with pytest.raises(Exception, match=r"(?i)null"), statement(counted) as connection:
        connection.execute("INSERT INTO counted SELECT 'two', NULL")
    with transaction(counted) as connection:  # nobody is kept out by what failed
        assert connection.execute("SELECT count(*) FROM counted WHERE name IN ('one', 'two')").fetchone() == (1,)


def test_writers_take_turns_and_no_change_is_lost(counted: Database) -> None:
    def count() -> None:
        for _ in range(20):
            with transaction(counted) as connection:
                before = connection.execute("SELECT value FROM counted").fetchone()[0]
                connection.execute("UPDATE counted SET value = ?", (before + 1,))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(counted) == 80


def test_columns_are_added_once(counted: Database) -> None:
    for _ in range(2):
        with transaction(counted) as connection:
            assert "counted" in tables_of(counted, connection)
            add_columns(counted, connection, "counted", {"more": "REAL NOT NULL DEFAULT 0"})
            assert columns_of(counted, connection, "counted") == {"name", "value", "more"}


def test_a_server_that_is_away_is_told_from_a_mistake(server: Postgres) -> None:
    with pytest.raises(DatabaseAway) as away, transaction(Postgres("postgresql://nobody@127.0.0.1:1/nothing")):
        pass
    assert is_away(away.value)
    with pytest.raises(Exception) as mistake, transaction(server) as connection:  # noqa: PT011
        connection.execute("SELECT nonsense")
    assert not is_away(mistake.value)


def test_one_at_a_time_has_what_is_exclusive_until_it_lets_go(server: Postgres) -> None:
    one, another, other = Exclusive(server, "a"), Exclusive(server, "a"), Exclusive(server, "b")
    assert [one.held(), one.held(), another.held(), other.held()] == [True, True, False, True]
    one.release()
    assert another.held()
    assert not one.held()
    for each in (one, another, other):
        each.release()


def test_with_sqlite_there_is_one_process_and_it_may(tmp_path: Path) -> None:
    assert Exclusive(tmp_path / DATABASE, "a").held()


def test_of_two_who_meet_a_patient_at_once_both_deal_the_same(records: Database) -> None:
    first, second = KeptPersonas(records), KeptPersonas(records)
    seed = bytes(range(32))

    def deal_second() -> tuple[str, ...]:
        """Another worker is quicker, just while this one deals."""
        assert second.kept(seed, ("x", "y"), lambda: ("y", "x")) == ("y", "x")
        return ("x", "y")

    assert first.kept(seed, ("x", "y"), deal_second) == ("y", "x")
    assert first.kept(seed, ("x", "y", "z"), lambda: ("z", "x", "y")) == ("z", "x", "y"), "other people: dealt anew"


def test_a_folder_and_its_records_stay_together(configuration: Configuration, key: SiteKey, server: Postgres) -> None:
    state = configuration.state_folder
    prepare_state(state, key, server)
    prepare_state(state, key, server)
    with pytest.raises(StateRefused, match="on a PostgreSQL server"):
        prepare_state(state, key, state / DATABASE)
    with pytest.raises(StateRefused, match="of another state folder"):
        prepare_state(state.parent / "unmounted", key, server)
    used = state.parent / "used"
    prepare_state(used, key, used / DATABASE)
    (used / DATABASE).touch()
    with pytest.raises(StateRefused, match="in its own file"):
        prepare_state(used, key, server)


def test_a_part_of_a_node_needs_a_server(configuration: Configuration, key: SiteKey) -> None:
    with pytest.raises(ConfigurationRefused, match=r"\[database\]"):
        Node(configuration, key, None, role=Role.LISTENER)
    assert not configuration.state_folder.exists()


@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        ({"url": "mysql://somewhere"}, "begins with postgresql://"),
        ({"url": "postgresql://a", "url_file": "b"}, "name one of them"),
    ],
)
def test_a_database_is_named_in_one_way(configuration: Configuration, section: dict[str, str], complaint: str) -> None:
    stated = {**configuration.model_dump(), "folder": configuration.folder, "database": section}
    with pytest.raises(ValueError, match=complaint):
        Configuration.model_validate(stated)


def test_a_url_may_stand_in_a_file_and_is_never_shown(configuration: Configuration) -> None:
    stated = {**configuration.model_dump(), "folder": configuration.folder, "database": {"url_file": "url"}}
    named = Configuration.model_validate(stated)
    with pytest.raises(ConfigurationRefused, match="cannot be read"):
        _ = named.records
    (configuration.folder / "url").write_text("postgresql://node:secret@db.example/twinveil\n")
    assert named.records == Postgres("postgresql://node:secret@db.example/twinveil")
    assert "secret" not in repr(named.records)


def test_databases_that_are_done_with_hold_no_files_open(tmp_path: Path) -> None:
    descriptors = Path("/proc/self/fd")

    def used(number: int) -> int:
        with transaction(tmp_path / f"{number}.sqlite") as connection:
            connection.execute("CREATE TABLE a (b INTEGER)")
        return len(list(descriptors.iterdir()))

    few, many = ([used(first + number) for number in range(10)] for first in (0, 10))
    assert max(many) <= max(few) + 1

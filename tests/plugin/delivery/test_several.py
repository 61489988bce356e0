"""Several processes that deliver from one database: one of them at a time, and another as soon as it is gone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plugin.database import Exclusive, Postgres, close_idle
from plugin.delivery import Destinations, Patience, Postings, PostOffice
from tests.peers.postgres import Server
from tests.plugin.conftest import wait_for
from tests.plugin.delivery.conftest import Bench, FakeArchive


def test_of_several_deliverers_one_sends_and_another_goes_on_when_it_is_gone(
    tmp_path: Path, postgres_server: Server
) -> None:
    database = Postgres(postgres_server.new_database())
    bench = Bench(tmp_path)
    bench.postings, bench.destinations = Postings(database), Destinations(database)
    archive = bench.archive()
    with several(bench, database, archive, 3) as offices:
        uids = sent = bench.post("first", ["archive"], 20)
        for number, office in enumerate(offices, start=1):
            wait_for(lambda sent=sent: set(archive.holds) >= set(sent))  # type: ignore[misc]
            office.stop()  # the others go on, whichever of them it was that sent
            sent = bench.post(f"job{number}", ["archive"], 20) if number < len(offices) else []
            uids += sent
        wait_for(lambda: set(archive.holds) == set(uids))
    assert {len(copies) for copies in archive.holds.values()} == {1}
    assert archive.offered_before == set()
    close_idle()


@contextmanager
def several(bench: Bench, database: Postgres, archive: FakeArchive, count: int) -> Iterator[list[PostOffice]]:
    """So many post offices as so many processes have them, started, each with its own session of the server."""
    offices = [
        PostOffice(
            bench.outbox, Postings(database), Destinations(database), {"archive": archive}, Patience(),
            bench.settled.append, clock=time.monotonic, period_seconds=0.05,
            exclusive=lambda name: Exclusive(database, name),
        )
        for _ in range(count)
    ]  # fmt: skip
    for office in offices:
        office.start()
    try:
        yield offices
    finally:
        for office in offices:
            office.stop()

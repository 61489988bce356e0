"""The examples of the next step, drawn while the network learns from this one's."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

Drawn = TypeVar("Drawn")
Drawn_co = TypeVar("Drawn_co", covariant=True)


class Source(Protocol[Drawn_co]):
    """Where examples come from."""

    def draw(self, rows: int, seed: int) -> Drawn_co:
        """So many examples, the same for the same seed."""
        ...


class DrawnAhead(Generic[Drawn]):
    """Steps are numbered by their seeds (see ``trainer``), so what is drawn ahead is what would have been drawn."""

    def __init__(self, source: Source[Drawn]) -> None:
        self._source, self._pool = source, ThreadPoolExecutor(1)
        self._seed: int | None = None
        self._next: Future[Drawn] | None = None

    def draw(self, rows: int, seed: int) -> Drawn:
        ready = self._next.result() if self._next is not None and self._seed == seed else self._source.draw(rows, seed)
        self._seed, self._next = seed + 1, self._pool.submit(self._source.draw, rows, seed + 1)
        return ready

"""What a person reads on a terminal. Text that is not ours stays text, and no trouble of the terminal is one of ours.

Rich takes ``[/x]``, ``[copy]`` and ``:skull:`` in a path for its own markup, a terminal takes control characters for
commands, and either may be gone, closed or unable to show a letter just when there is something to say. So everything
is written through here: ``terminal()`` gives the one kind of console that commands use, ``say`` writes a line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

PRINTED_AS_THEY_ARE = frozenset(" \n")


def terminal(*, stderr: bool = False) -> Console:
    """A console on standard output or error that reads no markup in anything and outlives what it writes to."""
    stream = Unbreakable(sys.stderr if stderr else sys.stdout)
    return Console(file=stream, markup=False, emoji=False, highlight=False, soft_wrap=False)  # type: ignore[arg-type]


def say(text: str, *, err: bool = False) -> None:
    """One line, or several, whatever ``text`` holds and whatever becomes of it."""
    stream = Unbreakable(sys.stderr if err else sys.stdout)
    stream.write(printable(text) + "\n")
    stream.flush()


def printable(text: object) -> str:
    """``text`` with whatever a terminal could take for a command, or cannot show at all, as an escape."""
    return "".join(
        letter if letter in PRINTED_AS_THEY_ARE or letter.isprintable() else ascii(letter)[1:-1] for letter in str(text)
    )


def plain_table(*headings: str) -> Table:
    """A table without lines, of which nothing is ever cut off: what is too long for the terminal goes on below."""
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def aligned(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """``rows`` as lines with columns one below the other, as long as they need to be: for pipes, and to copy from."""
    rows = [tuple(printable(cell) for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


class Unbreakable:
    """A text stream whose writes never fail: letters that it lacks are escaped; what cannot be written is dropped."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        shown = text.encode(encoding, "backslashreplace").decode(encoding)
        self._try(lambda: self._stream.write(shown))
        return len(text)

    def flush(self) -> None:
        self._try(self._stream.flush)

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except BrokenPipeError:
            self._write_into_the_void()
        except (OSError, ValueError):  # ValueError: a stream that was closed
            return

    def _write_into_the_void(self) -> None:
        """Who read it is gone. Python writes what is left over at its end, and would complain of that."""
        try:
            descriptor = self._stream.fileno()
        except (OSError, ValueError):
            return
        void = os.open(os.devnull, os.O_WRONLY)
        os.dup2(void, descriptor)
        os.close(void)

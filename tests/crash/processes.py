"""Processes of a campaign: told one line at a time, and watched from outside."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path


def process(module: str, folder: Path, errors: Path) -> subprocess.Popen[str]:
    """``python -m module folder``, on one core, with its lines in both directions; ``errors``: its log."""
    with errors.open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", module, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            text=True, env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip


def tell(process: subprocess.Popen[str], line: str) -> str:
    """``line`` to the process, and its answer."""
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return said(process)


def said(process: subprocess.Popen[str]) -> str:
    """Its next line."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the process is gone; see its log"
    return line.strip()


def alive(pid: int) -> bool:
    """Whether it runs: a zombie, whose parent has not looked yet, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def children_of(pid: int) -> list[int]:
    """The processes that it has started and that run, by their numbers."""
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # the thread has ended
            found += [int(child) for child in children.read_text().split()]
    return [child for child in found if alive(child)]


def worked(pid: int) -> float:
    """Seconds of the processor that it has had; infinite once it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return math.inf
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

"""Tenures: who has a job now, where more than one process may think that it has it.

A process that stood still for a while, or could not reach the database, may have lost its jobs to another one and not
know it. The job queue takes no result of a step from it any more. What it writes in the meantime must not fall among
the files of whoever goes on: each tenure has folders of its own, called after the job and the tenure's number, and
inherits by renaming what the one before it left.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


class JobLost(BaseException):
    """Another process has the job. Not an ``Exception``: it is no fault of the study's, and not to be recorded."""


def job_of(folder: str) -> str:
    """The job that ``folder`` is called after."""
    return folder.partition(".")[0]


def tenure_of(folder: str) -> int:
    """The tenure that ``folder`` is called after, 0 for one of a version that did not count them."""
    _, _, number = folder.partition(".")
    return int(number) if number.isdigit() else 0


def folders_of(parent: Path, job: str) -> Iterator[Path]:
    """All folders in ``parent`` that are called after ``job``."""
    return iter([path for path in (parent / job, *parent.glob(f"{job}.*")) if path.is_dir()])

"""The tables of the ledger, and their rows as plain objects."""

from __future__ import annotations

from dataclasses import dataclass

from plugin.ledger.job_states import State

SCHEMA = """
CREATE TABLE IF NOT EXISTS twinveil_instances (
    name     TEXT PRIMARY KEY,   -- path below the spool's folder
    digest   TEXT NOT NULL,      -- keyed digest of the SOP Instance UID
    study    TEXT NOT NULL,      -- keyed digest of the Study Instance UID
    state    TEXT NOT NULL,
    received REAL NOT NULL,      -- seconds since 1970
    job      TEXT                -- set when it is queued
) STRICT;
CREATE TABLE IF NOT EXISTS twinveil_releases (
    name     TEXT PRIMARY KEY,   -- of an instance that a reviewer sent through the pipeline again
    times    INTEGER NOT NULL,
    waived   TEXT NOT NULL       -- the checks that reviewers answered for, with spaces between
) STRICT;
CREATE INDEX IF NOT EXISTS twinveil_instances_by_state ON twinveil_instances (state, study);
CREATE INDEX IF NOT EXISTS twinveil_instances_by_job ON twinveil_instances (job);
CREATE INDEX IF NOT EXISTS twinveil_instances_by_digest ON twinveil_instances (digest);
CREATE TABLE IF NOT EXISTS twinveil_jobs (
    job          TEXT PRIMARY KEY,
    destinations TEXT NOT NULL,      -- names of those that were configured when it began, as JSON
    urgent       INTEGER NOT NULL,   -- 1 where a person waits for it
    begun        REAL NOT NULL       -- seconds since 1970
) STRICT;
CREATE TABLE IF NOT EXISTS twinveil_charges (
    job      TEXT NOT NULL,
    subject  TEXT NOT NULL,      -- keyed digest of the instance, empty for a step of the whole study
    stage    TEXT NOT NULL,
    times    INTEGER NOT NULL,   -- that the process went down while this step ran
    PRIMARY KEY (job, subject, stage)
) STRICT;
CREATE TABLE IF NOT EXISTS twinveil_facts (
    name     TEXT PRIMARY KEY,
    value    INTEGER NOT NULL
) STRICT
"""

ADDED = {
    "twinveil_instances": {
        "making": "TEXT NOT NULL DEFAULT ''",  # '' unless it is made anew: then part of what its new UIDs follow from
        "entry": "TEXT NOT NULL DEFAULT ''",  # what the quarantine calls it, where that does not follow from its name
        "changed": "REAL NOT NULL DEFAULT 0",  # seconds since 1970
        "sop_class": "TEXT NOT NULL DEFAULT ''",  # SOP Class UID; '' where an earlier version took it
    },
    "twinveil_jobs": {
        "tenure": "INTEGER NOT NULL DEFAULT 0",  # counted up whenever a process begins or goes on with it
        "submitted": "INTEGER NOT NULL DEFAULT 0",  # 1 once the job queue has it
        "lane": "TEXT NOT NULL DEFAULT ''",  # where it waits, once that is known
    },
}
"""Columns that earlier versions did not have, by table."""

INDEXES = """
CREATE INDEX IF NOT EXISTS twinveil_jobs_to_submit ON twinveil_jobs (submitted, lane, begun)
"""


@dataclass(frozen=True)
class Row:
    """One instance. ``name``: its path below the spool's folder.

    ``releases``: how often a reviewer sent it through again; ``waived``: the checks that reviewers answered for.
    ``entry``: what the quarantine calls it, where that does not follow from its name.
    ``making``: "" unless it may have been made before; then the new UIDs must be others. ``sop_class``: "" where it
    is not on record.
    """

    name: str
    digest: str
    study: str
    state: State
    received: float
    job: str | None
    making: str = ""
    entry: str = ""
    releases: int = 0
    waived: tuple[str, ...] = ()
    sop_class: str = ""


@dataclass(frozen=True)
class Unfinished:
    """Instances of one study and job in one state. ``since``: when the first was received, seconds since 1970."""

    study: str
    job: str | None
    state: State
    instances: int
    since: float


@dataclass(frozen=True)
class JobRow:
    """What was settled when a job began. ``destinations``: who gets its results; ``urgent``: a person waits for it.

    ``tenure``: how often a process has begun it or gone on with it.
    """

    destinations: tuple[str, ...]
    urgent: bool
    tenure: int = 0


def study_of_job(job: str) -> str:
    """The keyed digest of the study that ``job`` works on, as it stands in the job's name."""
    return job.rpartition("-")[0]


def batch_name(row: Row) -> str:
    """What the name of a job has of one instance: another each time it was released or is made anew."""
    made = f" made {row.making}" if row.making else ""
    return row.name + made + (f" released {row.releases}" if row.releases else "")


def making_of(forgotten: int, again: int) -> str:
    """``Row.making``: how often rows were forgotten before it came, and how often it was made again since."""
    return f"{forgotten}.{again}" if forgotten or again else ""


def made_again(making: str) -> str:
    """That of an instance of ``making`` which is made once more."""
    forgotten, _, again = (making or "0.0").partition(".")
    return making_of(int(forgotten), int(again) + 1)

"""What a node calls its instances at rest: names that nobody without the key can compute."""

from __future__ import annotations

from pathlib import Path

from dicom_io.header import SiteKey
from dicom_io.receiving import keyed_name, rename_unkeyed
from plugin.database import DATABASE, scrub
from plugin.ledger import Ledger

UNKEYED_BATCH = 16
"""Hexadecimal digits that a job's name of format 1 ends in; those of a keyed one are more."""


class SpoolNames:
    """Names in the spool that nobody can compute who has not got the key, though they know what they stand for."""

    def __init__(self, key: SiteKey) -> None:
        self._key = key

    def __call__(self, part: str) -> str:
        """32 hexadecimal digits in place of one part of a name."""
        return self._key.mac("spool name 1", part).hex()[:32]

    def job(self, name: str) -> str:
        """The name of a job that was called after unkeyed names."""
        study, _, batch = name.partition("-")
        return f"{study}-{self(batch)[:20]}" if len(batch) == UNKEYED_BATCH else name


def adopt_format_1(state: Path, names: SpoolNames) -> None:
    """Format 1 named what it kept by digests without a key. Cut off, it is done again."""
    from plugin.quarantine import entry_name  # seldom needed, and it takes seconds

    rename_unkeyed(state / "spool", names)
    Ledger(state / DATABASE).rename(lambda name: keyed_name(name, names), entry_name, names.job)
    for folder, suffix in (("manifests", ".json"), ("jobs", "")):
        for path in sorted((state / folder).glob(f"*-*{suffix}")):
            path.rename(path.with_name(names.job(path.name.removesuffix(suffix)) + suffix))
    scrub(state / DATABASE)

"""The identifiers that were planted in the sample data, and a search for them in bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PREFIX = 4
"""Bytes. Needles are at least this long; their first bytes are compared all at once."""

SHORTEST = 5
"""Bytes of a needle. Shorter ones turn up by chance in a megabyte of compressed pixels."""


@dataclass(frozen=True)
class Planted:
    """One identifier: where in the source it stood and its value, text or ``hex:`` and bytes."""

    study: str
    where: str
    value: str

    def needles(self) -> set[bytes]:
        """The value as it could stand in a file, in every encoding that a leak could have; ASCII lower case."""
        if self.value.startswith("hex:"):
            return {bytes.fromhex(self.value[4:]).lower()}
        texts = {self.value, self.value.replace("^", " ")}
        encoded = {
            text.encode(encoding, "ignore").lower()
            for text in texts
            for encoding in ("utf-8", "latin-1", "utf-16-le", "utf-16-be")
        }
        return {needle for needle in encoded if len(needle) >= SHORTEST}


def read_planted(sample_data: Path) -> list[Planted]:
    """Everything in IDENTIFIERS.json."""
    studies = json.loads((sample_data / "IDENTIFIERS.json").read_text())["studies"]
    return [
        Planted(study, entry["where"], entry["value"]) for study, entries in studies.items() for entry in entries
    ]


class Search:
    """Looks for many needles in a blob at once, whatever the case of ASCII letters."""

    def __init__(self, planted: Iterable[Planted]) -> None:
        self._by_prefix: dict[int, list[tuple[bytes, Planted]]] = {}
        for identifier in planted:
            for needle in identifier.needles():
                prefix = int.from_bytes(needle[:PREFIX], "little")
                self._by_prefix.setdefault(prefix, []).append((needle, identifier))
        self._prefixes = np.array(sorted(self._by_prefix), np.uint32)

    def __call__(self, blob: bytes) -> set[Planted]:
        """The identifiers that stand in ``blob``."""
        blob = blob.lower()
        octets = np.frombuffer(blob, np.uint8).astype(np.uint32)
        count = len(octets) - PREFIX + 1
        windows = sum((octets[i : i + count] << np.uint32(8 * i) for i in range(PREFIX)), np.zeros(count, np.uint32))
        found = set()
        for place in np.flatnonzero(np.isin(windows, self._prefixes)):
            for needle, identifier in self._by_prefix[int(windows[place])]:
                if blob.startswith(needle, int(place)):
                    found.add(identifier)
        return found

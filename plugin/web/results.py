"""What was made of studies and lies here, sealed: on its way to destinations, or kept for some days to be looked at."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from dicom_io.header import SiteKey
from plugin.config import Configuration
from plugin.delivery import Outbox, kept_results
from plugin.ledger import study_of_job


@dataclass(frozen=True)
class Made:
    """What was made of one photograph. ``numbers``: its objects in the outbox, by role; there may be several of one."""

    source: str
    numbers: dict[str, tuple[int, ...]]
    stated: dict[str, Any]

    @property
    def lesion_class(self) -> str:
        return str((self.stated.get("subtraction") or {}).get("lesion_class", "none"))

    @property
    def figures(self) -> list[tuple[str, str]]:
        """What the manifest says of it, in words."""
        subtraction, gate = self.stated.get("subtraction") or {}, self.stated.get("gate") or {}
        found = [("Disease", self.lesion_class), ("Share of the picture", f"{subtraction.get('area', 0.0):.1%}")]
        found.append(("Faces", str(gate.get("faces", 0))))
        labels = (("sface_cosine", "SFace cosine"), ("dlib_distance", "dlib distance"), ("ncc", "Texture correlation"))
        found += [(label, f"{gate[name]:.2f}") for name, label in labels if gate.get(name) is not None]
        found.append(("Personas tried", str(self.stated.get("attempts", 0))))
        found.append(("Seconds", f"{sum(self.stated.get('seconds', {}).values()):.1f}"))
        return found


@dataclass(frozen=True)
class Results:
    """Of one job. ``folder``: in which of the two places; ``waits``: for a destination."""

    job: str
    folder: str
    waits: bool
    made_at: str
    manifest: Path

    @property
    def study(self) -> str:
        """The keyed digest of the study."""
        return study_of_job(self.job)

    @cached_property
    def instances(self) -> list[dict[str, Any]]:
        """The manifest's entries; none while it is still being written."""
        try:
            return list(json.loads(self.manifest.read_text(encoding="utf-8"))["instances"])
        except (OSError, ValueError, KeyError, TypeError):
            return []

    @cached_property
    def made(self) -> list[Made]:
        """Of each photograph that was released, in the order in which its objects were sealed."""
        found, number = [], 0
        for entry in self.instances:
            numbers: dict[str, tuple[int, ...]] = {}
            for output in entry["outputs"]:
                numbers[output["role"]] = (*numbers.get(output["role"], ()), number)
                number += 1
            if numbers:
                found.append(Made(entry["source"], numbers, entry))
        return found

    @property
    def held(self) -> int:
        """Photographs of the study that were held back."""
        return len(self.instances) - len(self.made)


class Shelf:
    """Both places. Any thread may ask."""

    def __init__(self, configuration: Configuration, key: SiteKey) -> None:
        self._state = configuration.state_folder
        self.outbox = Outbox(self._state / "outbox", key)
        self.kept = Outbox(kept_results(configuration), key)

    def place_of(self, results: Results) -> Outbox:
        return self.outbox if results.waits else self.kept

    def all(self) -> list[Results]:
        """The newest first."""
        found = [
            self._results(place, name, waits=place is self.outbox)
            for place in (self.outbox, self.kept)
            for name in place.folders()
            if not name.startswith(".")
        ]
        return sorted(found, key=lambda each: each.made_at, reverse=True)

    def find(self, job: str) -> Results | None:
        return next((each for each in self.all() if each.job == job), None)

    def _results(self, place: Outbox, name: str, *, waits: bool) -> Results:
        job = name.partition(".")[0]  # what follows counts who had it
        manifest = place.manifest(name)
        if not manifest.exists():
            manifest = self._state / "manifests" / f"{job}.json"
        try:
            moment = (place.folder / name).stat().st_mtime
        except OSError:  # it has just gone from one place to the other
            moment = 0.0
        return Results(job, name, waits, datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds"), manifest)

"""``twinveil sweep``: sentinels wherever a photograph can hold a value, through the whole node path, and what came out.

The pixels are only mirrored here: this proves the header's way and the frames', not the change of a face. Keys are made
for one run, so nothing that a sweep writes can be mistaken for a release.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from rich.console import Console

from dicom_io.header import SiteKey, generate_key_file
from dicom_io.leaks import CARRIERS, Carrier, Sweep
from dicom_io.standard import OPTIONS
from pipeline.disease import Lesion, subtract
from pipeline.photograph import Findings, Photograph, Subtraction, Twins
from plugin.commands.process import process
from plugin.config import Configuration, ProfileSection
from plugin.durable import write_file

MODIFIED, FULL = "retain_longitudinal_modified_dates", "retain_longitudinal_full_dates"
EVERY_SET: tuple[tuple[str, ...], ...] = (
    (),
    *((option,) for option in OPTIONS),
    tuple(option for option in OPTIONS if option != FULL),
    tuple(option for option in OPTIONS if option != MODIFIED),
)
"""The Basic Profile, each option alone, and all together, with dates moved and in full."""


class MirroredTwins:
    """Stands in for the model, with pixels that anybody can follow."""

    name, version, digest = "mirror for sweeps", "0", "00" * 32
    facts: Mapping[str, str] = MappingProxyType({})

    def heal(self, photograph: Photograph) -> Lesion:
        change = np.zeros(photograph.rgb.shape, np.float32)
        height, width = photograph.rgb.shape[:2]
        change[height // 4 : height // 2, width // 4 : width // 2] = -0.7
        return Lesion(change)

    def swap(self, photograph: Photograph, lesion: Lesion, persona_seed: bytes, attempt: int) -> Twins:
        mirrored = np.ascontiguousarray(photograph.rgb[:, ::-1])
        return Twins(lesion.put_on(mirrored), mirrored)

    def judge(self, photograph: Photograph, twins: Twins) -> Findings:
        return Findings(outcome="released", faces=0, sface_cosine=None, dlib_distance=None, ncc=None)

    def subtract(self, twins: Twins) -> Subtraction:
        return subtract(twins.sick, twins.healthy, model_pixel=1.0, floor=0.0)


@dataclass(frozen=True)
class Finding:
    """One carrier under one set of options. ``leaked``, ``lost``: names of places where a sentinel was planted."""

    carrier: str
    options: tuple[str, ...]
    planted: int
    retained: int
    leaked: tuple[str, ...]
    lost: tuple[str, ...]
    held_back: str

    @property
    def passed(self) -> bool:
        return not (self.leaked or self.lost or self.held_back)


def sweep(sets: Sequence[tuple[str, ...]], carriers: Sequence[Carrier] = CARRIERS) -> Iterator[Finding]:
    """Each of ``carriers`` under each of ``sets`` of options."""
    for carrier in carriers:
        for options in sets:
            with tempfile.TemporaryDirectory(prefix="twinveil-sweep-") as folder:
                yield _swept(Path(folder), carrier, options)


def run(sets: Sequence[tuple[str, ...]], out: Path | None, console: Console) -> bool:
    """Print a line for each finding, write them all to ``out``, and say whether nothing leaked and nothing was lost."""
    findings = []
    for finding in sweep(sets):
        findings.append(finding)
        verdict = "ok" if finding.passed else "FAILED"
        what = "+".join(finding.options) or "basic profile"
        console.print(
            f"{verdict:<7}{finding.carrier:<24}planted {finding.planted:>5}  leaked {len(finding.leaked):>3}  "
            f"retained {finding.retained:>4}  lost {len(finding.lost):>3}  {what}",
            soft_wrap=True,
        )
        for name in (*finding.leaked, *finding.lost, *filter(None, [finding.held_back])):
            console.print(f"       {name}", soft_wrap=True)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_file(out, json.dumps([_as_json(finding) for finding in findings], indent=1).encode(), mode=0o644)
    return all(finding.passed for finding in findings)


def _as_json(finding: Finding) -> dict[str, Any]:
    return {**vars(finding), "passed": finding.passed}


def _swept(folder: Path, carrier: Carrier, options: tuple[str, ...]) -> Finding:
    planted = Sweep.planted(carrier)
    source, key_file, out = folder / "source.dcm", folder / "key", folder / "out"
    source.write_bytes(planted.blob)
    generate_key_file(key_file)
    configuration = Configuration(folder=folder, profile=ProfileSection(options=options))
    quiet = Console(quiet=True)
    outcomes = process([source], out, configuration, SiteKey.from_file(key_file), MirroredTwins(), quiet)
    refusals = [each.refusal for each in outcomes if each.refusal]
    held_back = "; ".join(f"held back at {each.stage}: {each.error}: {each.reason}" for each in refusals)
    blobs = [path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()]
    found = planted.found_in(blobs)
    expected = planted.retained_by(frozenset(options))
    images = planted.found_in([path.read_bytes() for path in sorted(out.rglob("sick-twin/*.dcm"))])
    return Finding(
        carrier.name, options, len(planted.sentinels), len(expected),
        tuple(sorted(found - expected)), tuple(sorted(expected - images)), held_back,
    )  # fmt: skip

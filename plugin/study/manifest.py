"""What became of each instance, as JSON without anything that identifies anybody.

Sources are named by a keyed digest, results by their new UIDs. Neither noise nor prompt nor persona is recorded:
whoever has those can run the edit backwards.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dicom_io.writing import Algorithm
from pipeline.text import BurnedInText
from plugin import __version__
from plugin.durable import write_file
from plugin.study.outputs import tree_path
from plugin.study.study import Outcome


def manifest_of(
    outcomes: Sequence[Outcome], algorithm: Algorithm, passed_over: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    """The manifest of ``outcomes``, ready for JSON. ``passed_over``: digest of each other input, and why it is none."""
    released = sum(outcome.refusal is None for outcome in outcomes)
    return {
        "product": {"name": "twinveil", "version": __version__},
        "model": asdict(algorithm),
        "summary": {"instances": len(outcomes), "released": released, "quarantined": len(outcomes) - released},
        "instances": [_entry(outcome) for outcome in outcomes],
        "passed_over": [{"source": digest, "why": why} for digest, why in passed_over],
    }


def merged(manifests: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One manifest of several, made by the same model. Raises ``ValueError`` where there is none or models differ."""
    models = [manifest["model"] for manifest in manifests]
    if not models or any(model != models[0] for model in models):
        raise ValueError("manifests of one and the same model are needed")
    summary = {
        name: sum(manifest["summary"][name] for manifest in manifests)
        for name in ("instances", "released", "quarantined")
    }
    instances = [entry for manifest in manifests for entry in manifest["instances"]]
    return {**manifests[0], "summary": summary, "instances": instances}


def with_remarks(manifest: dict[str, Any], remarks: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """``manifest`` with what destinations said of what they stored: destination, SOP Instance UID, remark."""
    keys = ("destination", "sop_instance_uid", "remark")
    return {**manifest, "remarks": [dict(zip(keys, remark, strict=True)) for remark in remarks]}


def write_manifest(path: Path, manifest: dict[str, Any], mode: int = 0o644) -> None:
    """``manifest`` as indented JSON in ``path``, whole or not at all."""
    write_file(path, (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode(), mode=mode)


def _entry(outcome: Outcome) -> dict[str, Any]:
    refusal = outcome.refusal
    return {
        "source": outcome.source.digest,
        "outcome": "released" if refusal is None else "quarantined",
        "why": None if refusal is None else {**asdict(refusal), "advice": refusal.advice},
        "waived": outcome.source.waived,
        "text": None if outcome.text is None else _text(outcome.text),
        "left_behind": outcome.left_behind,
        "attempts": outcome.attempts,
        "gate": None if outcome.findings is None else asdict(outcome.findings),
        "subtraction": None if outcome.measured is None else asdict(outcome.measured),
        "seconds": {stage: round(seconds, 3) for stage, seconds in outcome.seconds.items()},
        "outputs": [
            {
                "role": output.role,
                "study_instance_uid": output.study_instance_uid,
                "sop_instance_uid": output.sop_instance_uid,
                "file": tree_path(output).as_posix(),
            }
            for output in outcome.outputs
        ],
    }


def _text(found: BurnedInText) -> dict[str, Any]:
    """How much text there was and where, never what it said. ``boxes``: left, top, right, bottom in pixels."""
    return {"filled": len(found.boxes), "boxes": found.boxes, "left": found.left}

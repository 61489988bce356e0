"""The knobs of a published model's two edits, and the file in which a site keeps the ones that it found.

No default here was ever measured on real weights: they follow from published figures (``starting_knobs``) and are where
`twinveil tune` begins.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from pipeline.edits.edit import EditKnobs
from pipeline.errors import ModelError

MORE_CHANGE = (1.0, 0.5, 0.0)
"""By attempt: share of what ``sigma_start`` lacks to 1 that is still lacking. The third edit begins at noise alone."""

_RANGES: dict[str, tuple[float, float]] = {
    "sigma_start": (0.05, 1.0),
    "steps": (1, 1000),
    "n_avg": (1, 64),
    "source_guidance": (0.0, 50.0),
    "target_guidance": (0.0, 50.0),
    "support": (0.0, 0.99),
    "terminal": (0.0, 0.99),
}


@dataclass(frozen=True)
class PublishedKnobs:
    """``side``: pixels along the sides of the square that is edited, where the photograph has as many."""

    side: int
    heal: EditKnobs
    swap: EditKnobs

    def swap_at(self, attempt: int) -> EditKnobs:
        """The swap's at an ``attempt``, from 0: what was refused is tried again with more change."""
        lacking = (1.0 - self.swap.sigma_start) * MORE_CHANGE[min(attempt, len(MORE_CHANGE) - 1)]
        return replace(self.swap, sigma_start=1.0 - lacking)


def write_knobs(path: Path, knobs: PublishedKnobs, digest: str, origin: str) -> None:
    """As a TOML file that ``read_knobs`` takes back unchanged. ``digest``: of the model; ``origin``: who found them."""
    lines = [f"model = {json.dumps(digest)}", f"origin = {json.dumps(origin)}", f"side = {knobs.side}"]
    for name in ("heal", "swap"):
        lines += [
            "",
            f"[{name}]",
            *(f"{key} = {json.dumps(value)}" for key, value in asdict(getattr(knobs, name)).items()),
        ]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def read_knobs(path: Path, digest: str) -> PublishedKnobs:
    """Those of ``path``. ``ModelError``: unreadable, incomplete, out of range, or found for another model."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
        if unknown := sorted(content.keys() - {"model", "origin", "side", "heal", "swap"}):
            raise ValueError(f"unknown keys: {', '.join(unknown)}")
        side, model = content["side"], content["model"]
        knobs = PublishedKnobs(_whole(side, "side"), _edit(content["heal"], "heal"), _edit(content["swap"], "swap"))
        if knobs.swap.support or knobs.swap.terminal:
            raise ValueError("swap: support and terminal hold a twin to the patient; they are for healing alone")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"the knobs in {path} cannot be used: {error!r}; `twinveil tune` writes one") from error
    if model != digest:
        raise ModelError(f"the knobs in {path} were found for another model (SHA-256 {str(model)[:12]}…): tune again")
    return knobs


def _edit(content: dict[str, Any], name: str) -> EditKnobs:
    names = {each.name for each in fields(EditKnobs)}
    if unknown := sorted(content.keys() - names):
        raise ValueError(f"{name}: unknown keys: {', '.join(unknown)}")
    for key, (low, high) in _RANGES.items():
        if key in content and not (isinstance(content[key], int | float) and low <= content[key] <= high):
            raise ValueError(f"{name}.{key} is {content[key]!r}, not between {low} and {high}")
    for key in ("steps", "n_avg"):
        if key in content:
            _whole(content[key], f"{name}.{key}")
    if not isinstance(content.get("target_only", False), bool):
        raise ValueError(f"{name}.target_only is neither true nor false")
    return EditKnobs(**content)


def _whole(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} is {value!r}, not a whole number above 0")
    return value

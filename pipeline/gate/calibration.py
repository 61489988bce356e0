"""Thresholds of the gate and where they come from: measured, carried as data, bound to what measured them."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError
from pipeline.gate.roc import RocPoint

SHIPPED_FOLDER = Path(__file__).parent / "data" / "calibrations"

_RANGES = {"sface_cosine": (-1.0, 1.0), "dlib_distance": (0.0, 2.0), "ncc": (0.0, 1.0)}


@dataclass(frozen=True)
class Domain:
    """How a face is known to belong to the kind of picture that was measured.

    ``centre``: the mean of the unit-length SFace descriptors of many people of the domain. Rendered faces share much
    that has nothing to do with who they are; it is taken off before two of them are compared. ``cosine_to_centre``: a
    face belongs to the domain when its descriptor's cosine to the centre is at least this.
    """

    centre: tuple[float, ...]
    cosine_to_centre: float

    @cached_property
    def _centre(self) -> NDArray[np.float64]:
        return np.array(self.centre)

    def holds(self, descriptor: NDArray[np.float64]) -> bool:
        """Whether an SFace descriptor (128,) is of this domain; False for one that is not a number."""
        cosine = descriptor @ self._centre / (np.linalg.norm(descriptor) * np.linalg.norm(self._centre))
        return bool(cosine >= self.cosine_to_centre)

    def centred(self, descriptor: NDArray[np.float64]) -> NDArray[np.float64]:
        """The descriptor (128,) at unit length, the domain's centre taken off."""
        return np.asarray(descriptor / np.linalg.norm(descriptor) - self._centre, np.float64)


@dataclass(frozen=True)
class Calibration:
    """When two faces are two people, in one domain of pictures and for one set of recognisers.

    ``name``: of the domain ("rendered", "photographs"). ``origin``: what was measured and by which rule the thresholds
    follow. ``sface_cosine``: a twin passes below it, -1 to 1. ``dlib_distance``: passes above it, 0 to 2. ``ncc``:
    passes when every region of ``texture`` is below it, 0 to 1. ``digests``: of finder, recognisers and texture; the
    gate refuses any other. ``domain``: None means that every face belongs to it and none is centred. ``figures``: the
    measurement's results, for people. ``roc``: by recogniser, threshold, false accept rate and true accept rate.
    """

    name: str
    origin: str
    sface_cosine: float
    dlib_distance: float
    ncc: float
    digests: Mapping[str, str]
    domain: Domain | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    roc: Mapping[str, tuple[RocPoint, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:  # also refuses what is not a number
                raise ModelError(f"calibration {self.name}: {name} is {value}, not between {low} and {high}")
        if self.domain is not None:
            numbers = (*self.domain.centre, self.domain.cosine_to_centre)
            if len(self.domain.centre) != 128 or not all(map(math.isfinite, numbers)) or not any(self.domain.centre):
                raise ModelError(f"calibration {self.name}: its domain's centre is not 128 numbers")

    @classmethod
    def read(cls, path: Path) -> Calibration:
        """From a TOML file. Raises ModelError when it is missing, incomplete, or says what is not understood."""
        try:
            content = tomllib.loads(path.read_text("utf-8"))
            return cls(**_arguments(content))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
            raise ModelError(f"calibration {path.name} cannot be used: {error!r}") from error

    def write(self, path: Path) -> None:
        """As a TOML file that ``read`` takes back unchanged."""
        lines = [f"name = {_text(self.name)}", f"origin = {_text(self.origin)}", ""]
        lines += ["[thresholds]", *(f"{name} = {getattr(self, name)!r}" for name in _RANGES), ""]
        lines += ["[digests]", *(f"{name} = {_text(value)}" for name, value in self.digests.items()), ""]
        if self.figures:
            lines += ["[figures]", *(f"{name} = {value!r}" for name, value in self.figures.items()), ""]
        if self.roc:
            lines.append("[roc]")
            for name, points in self.roc.items():
                lines += [f"{name} = [", *(f"    [{', '.join(map(repr, point))}]," for point in points), "]"]
            lines.append("")
        if self.domain is not None:
            lines += ["[domain]", f"cosine_to_centre = {self.domain.cosine_to_centre!r}", "centre = ["]
            rows = [self.domain.centre[start : start + 8] for start in range(0, len(self.domain.centre), 8)]
            lines += [f"    {', '.join(map(repr, row))}," for row in rows] + ["]", ""]
        path.write_text("\n".join(lines), "utf-8")


def load_calibration(name: str) -> Calibration:
    """One of those that come with the product: "rendered" or "photographs". Raises ModelError."""
    return Calibration.read(SHIPPED_FOLDER / f"{name}.toml")


def find_calibration(name: str, folder: Path) -> Calibration:
    """A shipped one by its name, else the file ``name``, relative to ``folder``. Raises ModelError."""
    if name in {path.stem for path in SHIPPED_FOLDER.glob("*.toml")}:
        return load_calibration(name)
    return Calibration.read(folder / Path(name).expanduser())


def calibrations_in_force(chosen: Calibration | None, *, other_swapper: bool) -> tuple[Calibration, Calibration]:
    """What judges the faces of its own domain, and what judges all others; a site's choice, None for the default.

    ``other_swapper``: what another model swaps is judged by the calibration for photographs, unless the site has one of
    its own: that for rendered faces was measured on the embedded model's twins. Raises ModelError.
    """
    photographs = load_calibration("photographs")
    thresholds = chosen or load_calibration("rendered")
    return photographs if other_swapper and thresholds.name == "rendered" else thresholds, photographs


def _arguments(content: dict[str, Any]) -> dict[str, Any]:
    expected = {"name", "origin", "thresholds", "digests", "figures", "roc", "domain"}
    if unknown := (content.keys() - expected) | (content["thresholds"].keys() - _RANGES.keys()):
        raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
    domain = content.get("domain")
    return {
        "name": str(content["name"]),
        "origin": str(content["origin"]),
        "digests": {name: str(value) for name, value in content["digests"].items()},
        "figures": {name: float(value) for name, value in content.get("figures", {}).items()},
        "roc": {name: tuple(map(_point, points)) for name, points in content.get("roc", {}).items()},
        "domain": domain and Domain(tuple(map(float, domain["centre"])), float(domain["cosine_to_centre"])),
    } | {name: float(content["thresholds"][name]) for name in _RANGES}


def _point(values: list[Any]) -> RocPoint:
    threshold, far, tar = map(float, values)
    return threshold, far, tar


def _text(value: str) -> str:
    """A TOML basic string; JSON's escapes are a part of TOML's."""
    return json.dumps(value, ensure_ascii=False)

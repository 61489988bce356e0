"""Which attributes must be present, or have a value, in each kind of object that leaves (PS3.5 section 7.4)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

Need = Literal["value", "value if present", "presence", "nothing", "unknown"]
"""Type 1; 1C; 2 and 2C; 3 or not part of the IOD; and an IOD that the data do not hold.

An attribute with a condition (1C, 2C) that is there is taken to be there because its condition holds.
"""

Path = tuple[str, ...]
"""Keywords from the data set's root: sequences, then the attribute."""

NEEDS: Mapping[str, Need] = {"1": "value", "1C": "value if present", "2": "presence", "2C": "presence", "3": "nothing"}


@dataclass(frozen=True)
class IodTypes:
    """The needs of one SOP class. ``known`` is False where the data do not hold it; every need is then "unknown"."""

    known: bool
    needs: Mapping[str, Need]

    def need(self, path: Path) -> Need:
        """What the IOD needs of the attribute at ``path``."""
        if not self.known:
            return "unknown"
        return self.needs.get("/".join(path), "nothing")

    def children(self, path: Path) -> dict[str, Need]:
        """Keyword to need of what each item of the sequence at ``path`` must have; empty where nothing is known."""
        prefix = "/".join(path) + "/"
        return {
            rest: need
            for whole, need in self.needs.items()
            if whole.startswith(prefix) and "/" not in (rest := whole[len(prefix) :])
        }


@lru_cache(maxsize=16)
def iod_types(sop_class_uid: str) -> IodTypes:
    """The needs of ``sop_class_uid``, from ``data/iod_types.json`` (see ``data/extract_iod_types.py``)."""
    document = _document()
    own = document["by_sop_class"].get(sop_class_uid)
    if own is None:
        return IodTypes(known=False, needs={})
    return IodTypes(known=True, needs={path: NEEDS[kind] for path, kind in {**document["shared"], **own}.items()})


@lru_cache(maxsize=1)
def _document() -> Any:
    return json.loads((files("dicom_io.standard") / "data" / "iod_types.json").read_text("utf-8"))

"""Which systems there are files for, and how far these are proven."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Integration:
    """``proven``: what was done with the files, in words. ``script``: the file that the other system itself runs."""

    title: str
    proven: str
    script: str = ""


INTEGRATIONS: dict[str, Integration] = {
    "orthanc": Integration(
        "Orthanc, by its Python plugin",
        "runs in the tests on Debian's Orthanc 1.10.1: out and back, killed and started again",
        "twinveil_orthanc.py",
    ),
    "orthanc-lua": Integration(
        "Orthanc, by a Lua script",
        "runs in the tests on Debian's Orthanc 1.10.1: out and back, killed and started again",
        "twinveil.lua",
    ),
    "dcm4chee": Integration(
        "dcm4chee-arc, by an exporter and an export rule",
        "never run on a dcm4chee-arc; keys are those of its published JSON schemas, the script ran against a stand-in",
    ),
    "mercure": Integration(
        "mercure, as a sender", "never run on a mercure; keys are those of its published configuration"
    ),
    "mirth": Integration("Mirth Connect or Open Integration Engine, as a sender", "notes, never tried"),
    "karnak": Integration("Karnak, as a sender", "notes, never tried"),
}
"""By the name that a person types."""

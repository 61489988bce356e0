"""The section ``[model]`` as the pipeline takes it."""

from __future__ import annotations

from pathlib import Path

from pipeline.edits import ModelChoice, PublishedChoice
from plugin.config import Configuration
from plugin.model_settings import EMBEDDED


def choice_of(configuration: Configuration) -> ModelChoice:
    """Which model makes which edit; paths are taken from the configuration's folder."""
    section = configuration.model
    if section.folder is None:
        return ModelChoice()

    def path(written: str) -> Path | None:
        return configuration.folder / Path(written).expanduser() if written else None

    published = PublishedChoice(
        folder=configuration.folder / Path(section.folder).expanduser(),
        device=section.device,
        precision=section.precision or None,
        offload=section.offload,
        compiled=section.compiled,
        tiled=section.tiled,
        digest=section.sha256 or None,
        knobs=path(section.knobs),
        bank=path(section.bank),
    )
    return ModelChoice(published, section.healing != EMBEDDED, section.swapping != EMBEDDED)

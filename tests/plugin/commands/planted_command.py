"""The ``twinveil`` command with a flow of known best knobs in the place of a model's networks.

    python -m tests.plugin.commands.planted_command serve --config twinveil.toml

Folder, licence, digest and knobs are those of the folder that is named, by the code that always reads them.
"""

from __future__ import annotations

import sys
from typing import Any

from torch import Tensor

from pipeline.models import published
from plugin.commands.cli import main
from tests.pipeline.tuning.planted import Planted, healthy_skin, lesion_on

SIDE = 128
"""Pixels along the sides of the photograph that is healed."""


class Telling(Planted):
    """Says on standard error how each edit is begun."""

    def __init__(self) -> None:
        healthy = healthy_skin(SIDE)
        super().__init__(lesion_on(healthy)[0], healthy)

    def sigmas(self, steps: int, start: float, latent_size: tuple[int, int]) -> Tensor:
        print(f"an edit of {steps} steps from {start}", file=sys.stderr, flush=True)
        return super().sigmas(steps, start, latent_size)


def load_planted(*arguments: Any, **options: Any) -> Telling:
    return Telling()


if __name__ == "__main__":
    published.load_model = load_planted  # type: ignore[assignment]
    main()

"""Where results go without a network: into a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from plugin.study.outputs import place_in_tree
from plugin.study.study import Outcome, Study

FOLDER = "folder"
"""What a study's destination is called when its results go into a folder."""


class FolderDelivery:
    """Files under ``folder/<StudyInstanceUID>/<role>/``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def deliver(self, study: Study, outcomes: Sequence[Outcome]) -> None:
        """Everything that was released, replacing what an earlier run wrote under the same UIDs."""
        place_in_tree([output for outcome in outcomes for output in outcome.outputs], self._folder)

"""A node in a process of its own, to be killed: ``python -m tests.crash.worker CONFIGURATION FOLDER [ROLE]``.

It is ``twinveil serve --role ROLE`` with another twin maker, which writes what it is asked into ``FOLDER/calls`` and
does what the files in ``FOLDER`` tell it: ``hold-<method>-<n>`` makes the nth call of a method wait as long as the file
stands, ``hold-load`` the loading of the models, ``die-in-<method>`` ends the process there and then, ``cost`` holds the
seconds that each healing waits, as if somebody else computed it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import plugin.node.node as node_module
from dicom_io.header import SiteKey
from pipeline.disease import Lesion
from pipeline.errors import ModelError
from pipeline.photograph import Photograph
from plugin.commands.serve import serve
from plugin.config import Configuration, load_configuration
from plugin.logs import configure_logs
from plugin.roles import Role
from tests.plugin.fakes import MirroringTwinMaker, NoText


class Calls:
    """The log of calls, on disk before the call goes on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, method: str, attempt: int) -> None:
        log = self._folder / "calls"
        with log.open("a") as file:
            file.write(f"{method}\n")
            file.flush()
            os.fsync(file.fileno())
        number = log.read_text().split().count(method)
        if (self._folder / f"die-in-{method}").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        while (self._folder / f"hold-{method}-{number}").exists():
            time.sleep(0.02)


class Poisoned(MirroringTwinMaker):
    """Dies of photographs of the sizes that ``FOLDER/die-on-<height>x<width>`` names."""

    def __init__(self, folder: Path) -> None:
        super().__init__(on_call=Calls(folder))
        self._folder = folder

    def heal(self, photograph: Photograph) -> Lesion:
        if (cost := self._folder / "cost").exists():
            time.sleep(float(cost.read_text()))
        height, width = photograph.rgb.shape[:2]
        if (self._folder / f"die-on-{height}x{width}").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().heal(photograph)


def main() -> None:
    configuration, folder = load_configuration(Path(sys.argv[1])), Path(sys.argv[2])
    role = Role(sys.argv[3]) if len(sys.argv) > 3 else Role.ALL
    if role is not Role.ALL:  # of several at a time, each would load for as long as the test takes
        node_module.load_text_remover = NoText  # type: ignore[assignment]
    configure_logs(form=configuration.logging.format)

    def load(_: Configuration) -> MirroringTwinMaker:
        while (folder / "hold-load").exists():
            time.sleep(0.02)
        if (folder / "die-in-load").exists():
            raise ModelError("the model is not there")
        return Poisoned(folder)

    serve(configuration, SiteKey.from_file(configuration.key_path), load, role)


if __name__ == "__main__":
    main()

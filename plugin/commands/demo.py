"""``twinveil demo``: a node on loopback, sample studies over a real association, and what an archive received."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from dicom_io.header import SiteKey, generate_key_file
from dicom_io.sending import Destination, deliver
from plugin.commands.demo_archive import Receiver
from plugin.commands.inputs import gather
from plugin.commands.process import finish
from plugin.commands.progress import StudyProgress
from plugin.config import Configuration, load_configuration
from plugin.errors import ConfigurationRefused, DemoFailed
from plugin.ledger import FINISHED
from plugin.node import Node
from plugin.study import merged

if TYPE_CHECKING:
    from pipeline.edits import TwinMaker

CAMERA = "CAMERA"
SECONDS_PER_PHOTOGRAPH = 600.0
"""After this much time for each of them the demonstration is given up."""

CONFIGURATION = """
state = "state"
key_file = "site.key"

[listener]
port = 0

[[callers]]
ae_title = "{camera}"
network = "127.0.0.1/32"

[[destinations]]
name = "archive"
ae_title = "{archive}"
host = "127.0.0.1"
port = {port}

[study]
quiet_seconds = 1.0

[limits]
min_free_bytes = 0
"""


def sample_studies() -> Path:
    """The folder of sample studies in the source tree that this package was installed from."""
    return Path(__file__).resolve().parents[2] / "sample_data" / "studies"


def demonstrate(
    out: Path,
    samples: Path,
    load_twins: Callable[[Configuration], TwinMaker],
    console: Console,
    model: str = "",
) -> dict[str, Any]:
    """Results, overview and manifest of ``samples`` in ``out``; returns the manifest. ``model``: of ``model_section``.

    Raises ``ConfigurationRefused`` without samples, ``DemoFailed`` when the node does not finish, or the archive lacks
    what the manifest says was delivered.
    """
    if not samples.is_dir():
        raise ConfigurationRefused(f"no sample studies in {samples}; name a folder of DICOM files by --samples")
    files = list(gather([samples]).files)
    with tempfile.TemporaryDirectory(prefix="twinveil-demo-") as scratch:
        receiver = Receiver(Path(scratch) / "archive")
        receiver.start()
        try:
            manifest = _run(Path(scratch) / "node", files, receiver, load_twins, console, model)
        finally:
            receiver.stop()
        _clear(out)
        _take_over(manifest, receiver.folder, out)
    finish(out, manifest)
    return manifest


def model_section(folder: str, knobs: str = "", bank: str = "", device: str = "cpu") -> str:
    """The configuration's ``[model]`` for a larger model; nothing for the embedded one."""
    if not folder:
        return ""
    paths = {"name": folder, "knobs": knobs, "bank": bank}
    said = {key: str(Path(written).resolve()) for key, written in paths.items() if written} | {"device": device}
    return "\n[model]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in said.items())


def _run(
    folder: Path,
    files: list[Path],
    receiver: Receiver,
    load_twins: Callable[[Configuration], TwinMaker],
    console: Console,
    model: str,
) -> dict[str, Any]:
    folder.mkdir()
    generate_key_file(folder / "site.key")
    (folder / "twinveil.toml").write_text(
        CONFIGURATION.format(camera=CAMERA, archive=receiver.ae_title, port=receiver.port) + model
    )
    configuration = load_configuration(folder / "twinveil.toml")
    twins = load_twins(configuration)
    with StudyProgress(len(files), console) as progress:
        node = Node(configuration, SiteKey.from_file(configuration.key_path), twins, on_step=progress.on_step)
        node.start()
        try:
            listener = Destination("node", "127.0.0.1", node.listener.port, configuration.listener.ae_title, CAMERA)
            deliver(files, listener)
            _wait(node, len(files))
            return merged([json.loads(path.read_text()) for path in sorted(node.manifests.glob("*.json"))])
        finally:
            node.stop()


def _wait(node: Node, instances: int) -> None:
    deadline = time.monotonic() + instances * SECONDS_PER_PHOTOGRAPH
    while sum(count for state, count in node.ledger.counts().items() if state in FINISHED) < instances:
        if time.monotonic() > deadline:
            raise DemoFailed("the node did not finish in time")
        time.sleep(0.2)


def _clear(out: Path) -> None:
    """Removes what an earlier demonstration left in ``out``: exactly what its manifest lists."""
    try:
        earlier = json.loads((out / "manifest.json").read_text())
        studies = {Path(o["file"]).parts[0] for entry in earlier["instances"] for o in entry["outputs"]}
    except (OSError, ValueError, KeyError, IndexError):
        return
    for study in studies:
        if study.startswith("2.25."):
            shutil.rmtree(out / study, ignore_errors=True)


def _take_over(manifest: dict[str, Any], received: Path, out: Path) -> None:
    """From the archive's folder into the tree of results: what was received, not what was sent."""
    out.mkdir(parents=True, exist_ok=True)
    outputs = [output for entry in manifest["instances"] for output in entry["outputs"]]
    for output in outputs:
        path, target = received / f"{output['sop_instance_uid']}.dcm", out / output["file"]
        if not path.is_file():
            raise DemoFailed(f"the archive did not receive {output['sop_instance_uid']}")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    if len(list(received.glob("*.dcm"))) != len(outputs):
        raise DemoFailed("the archive received more than the manifest lists")

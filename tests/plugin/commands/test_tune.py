"""From the site's photographs to a running node: what ``twinveil tune`` finds is what ``twinveil serve`` edits with."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from dicom_io.header import generate_key_file
from dicom_io.sending import Destination, deliver
from dicom_io.writing import wrapped
from plugin.commands.demo import CAMERA, CONFIGURATION, model_section
from plugin.commands.demo_archive import Receiver
from scripts.random_models import save_random
from tests.peers.processes import free_port, running
from tests.pipeline.tuning.planted import healthy_skin, lesion_on
from tests.plugin.commands.planted_command import SIDE
from tests.plugin.conftest import wait_for

COMMAND = [sys.executable, "-m", "tests.plugin.commands.planted_command"]


@pytest.mark.slow
def test_a_planted_optimum_is_found_and_a_running_node_heals_with_it(
    tmp_path: Path, receiver: Receiver, repository: Path
) -> None:
    folder = save_random("sd3-no-t5", tmp_path / "model")
    sick, truth = lesion_on(healthy_skin(SIDE))
    (tmp_path / "photographs").mkdir()
    Image.fromarray(sick).save(tmp_path / "photographs" / "arm.png")
    Image.fromarray(truth.astype(np.uint8) * 255).save(tmp_path / "photographs" / "arm_mask.png")
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    asked = ["--model", folder, "--photographs", tmp_path / "photographs", "--view", "close-up", "--side", SIDE]
    asked += ["--candidates", 16, "--rounds", 2, "--out", tmp_path / "tuned.toml"]

    tuned = subprocess.run(
        [*COMMAND, "tune", *map(str, asked)], capture_output=True, text=True, check=False, env=environment
    )

    assert tuned.returncode == 0, tuned.stderr
    written = tomllib.loads((tmp_path / "tuned.toml").read_text())
    found, told = written["heal"], re.search(r"leaves ([\d.]+), changes ([\d.]+) beside", written["origin"])
    assert told is not None and float(told[1]) < 0.2 and float(told[2]) < 0.5, written["origin"]

    tried = json.loads((tmp_path / "tuned.json").read_text())["heal"]
    assert [each["chosen"] for each in tried] == [True] + [False] * (len(tried) - 1)
    assert tried[0]["knobs"]["steps"] == found["steps"] and any(each["unbeaten"] for each in tried)

    port = free_port()
    generate_key_file(tmp_path / "site.key")
    text = CONFIGURATION.format(camera=CAMERA, archive=receiver.ae_title, port=receiver.port)
    text = text.replace("port = 0", f"port = {port}") + model_section(str(folder), str(tmp_path / "tuned.toml"))
    (tmp_path / "twinveil.toml").write_text(text)
    wrapped(sick, "close-up").save_as(tmp_path / "arm.dcm", enforce_file_format=True)
    log = tmp_path / "node.log"
    serving = [*COMMAND, "serve", "--config", str(tmp_path / "twinveil.toml")]
    with running(serving, log, says="listens on", env=environment) as node:
        deliver([tmp_path / "arm.dcm"], Destination("node", "127.0.0.1", port, "TWINVEIL", CAMERA))
        manifests = tmp_path / "state" / "manifests"
        wait_for(lambda: node.poll() is not None or any(manifests.glob("*.json")))
        node.send_signal(signal.SIGTERM)
        node.wait()

    said = log.read_text()
    assert f"an edit of {found['steps']} steps from {found['sigma_start']}\n" in said
    (entry,) = json.loads(next(manifests.glob("*.json")).read_text())["instances"]
    assert entry["outcome"] == "released", entry["why"]
    received = [pydicom.dcmread(path) for path in receiver.folder.glob("*.dcm")]
    (mask,) = (each.pixel_array > 0 for each in received if each.get("SegmentationType") == "BINARY")
    mask = mask.reshape(SIDE, SIDE)
    assert (mask & truth).sum() / (mask | truth).sum() > 0.9

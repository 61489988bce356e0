"""Times a large photograph through the whole of ``twinveil process``, in a process of its own.

    photograph_12mp_s    seconds of all stages of one close-up of 4000 x 3000 pixels; what the start takes is not in it
    photograph_12mp_mb   largest resident set of that process, models included
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dicom_io.header import generate_key_file
from dicom_io.reading import read_photograph
from dicom_io.writing import wrapped
from pipeline.photograph import Rgb

WIDTH, HEIGHT = 4000, 3000
NOISE = 3.0
"""Grey levels: a telephone's sensor, so that nothing is smoother than it would be."""


def large_photograph_figures(sample: Path) -> dict[str, Any]:
    """The figures for the DICOM close-up ``sample``, enlarged. Raises SystemExit when it is not released."""
    rgb = enlarged(read_photograph(sample).rgb)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate_key_file(folder / "site.key")
        wrapped(rgb, "close-up").save_as(folder / "large.dcm", enforce_file_format=True)
        command = [sys.executable, "-m", "plugin", "process", "large.dcm", "--out", "out", "--key", "site.key"]
        where = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
        process = subprocess.Popen(command, cwd=folder, env=where, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        manifest = json.loads((folder / "out" / "manifest.json").read_text())
    (entry,) = manifest["instances"]
    return {
        "photograph_12mp_s": round(sum(entry["seconds"].values()), 1),
        "photograph_12mp_mb": round(usage.ru_maxrss / 1024),
        "photograph_12mp_stages": entry["seconds"],
        "photograph_12mp_outcome": entry["outcome"],
    }


def enlarged(rgb: Rgb) -> Rgb:
    """The middle of ``rgb`` at WIDTH x HEIGHT, with noise."""
    height = min(rgb.shape[0], rgb.shape[1] * HEIGHT // WIDTH)
    top = (rgb.shape[0] - height) // 2
    large = cv2.resize(rgb[top : top + height], (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(0).normal(0, NOISE, (HEIGHT, WIDTH, 1))
    return np.clip(large + noise, 0, 255).astype(np.uint8)

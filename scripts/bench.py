"""Measures what can be measured without a GPU and writes the figures beside their conditions.

    python -m scripts.bench --out build/bench.json

header_ms       median milliseconds of processor time for which the confidentiality profile works on a sample header
header_beside   the same for a typical header (a sample's) and a rich one (every row of Table E.1-1, twice), and for
                other programs as milliseconds and as times ours, in this run (see bench_others.py; --others PYTHON)
find_faces_ms, policy_ms, gate_ms, text_ms
                median milliseconds of processor time, on one thread, of the face detection, of the search of all four
                orientations, of one judgement of a twin that is released, and of the search for burned-in text, on one
                sample photograph that is new to each run (see bench_photograph.py); and the slowest run of each
flowedit_ratio_1, flowedit_ratio_4
                times that FlowEdit on a large model is quicker than the published loop, with 1 and with 4 targets (see
                bench_flowedit.py)
photograph_12mp_s, photograph_12mp_mb
                seconds and megabytes of a close-up of 12 megapixels through `twinveil process` (see bench_large.py)
ready_s         seconds from the start of `twinveil serve` to its open port; the models load behind it
ingest_ratio_1, ingest_ratio_4
                C-STORE over 1 and 4 associations: instances a second as a share of dcmtk's storescp, the lower of JPEG
                of 285 KB and RGB of 3.1 MB; beside both and Orthanc's (see bench_ingest.py)
ingest_ratio_4_processes_1
                the same over 4 associations, of a node of which one process alone receives
worker_ratio_2  how much quicker two workers on PostgreSQL are than one, with a model that costs one second of waiting a
                photograph (see bench_workers.py)
takeover_s      seconds from the kill of one of two workers in the middle of a study until the other one has made it
queue_ready_s, queue_first_step_s, queue_mb
                a node with one study in its queue and with 10,000: seconds to the open port and to the first step of a
                study, and megabytes
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom

from dicom_io.header import ConfidentialityProfile, Pseudonyms, SiteKey, generate_key_file
from dicom_io.leaks import CARRIERS, Sweep
from dicom_io.quiet import quiet
from scripts.bench_flowedit import flowedit_figures
from scripts.bench_ingest import ingest_figures, start_figures
from scripts.bench_large import large_photograph_figures
from scripts.bench_photograph import photograph_milliseconds
from scripts.bench_workers import queue_figures, worker_figures

SAMPLES = Path(__file__).resolve().parents[1] / "sample_data" / "studies"
ROUNDS = 20
PHOTOGRAPH, PHOTOGRAPH_ROUNDS = "signe-rosacea", 7
"""The sample study, of a face, on which the work on pixels is timed, and how often."""
LARGE = "anselm-forearm"
"""The sample study that is enlarged to a telephone's photograph."""


def header_milliseconds(key: SiteKey) -> dict[str, Any]:
    """The profile on every sample header, again and again; reading the file is not part of the time."""
    profile = ConfidentialityProfile(Pseudonyms(key))
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted(SAMPLES.glob("*/*.dcm"))]
    if not headers:
        raise SystemExit(f"no sample studies in {SAMPLES}")
    elements = [sum(1 for _ in header.iterall()) for header in headers]
    times = []
    for _ in range(ROUNDS):
        for header in headers:
            begun = time.process_time()
            profile.apply(header)
            times.append((time.process_time() - begun) * 1000)
    return {
        "header_ms": round(statistics.median(times), 3),
        "header_ms_p95": round(statistics.quantiles(times, n=20)[-1], 3),
        "header_n": len(times),
        "header_elements": statistics.median(elements),
    }


def headers_beside(key: SiteKey, python: Path | None) -> dict[str, Any]:
    """Milliseconds on a typical and a rich header, ours and those of the programs installed beside ``python``."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        typical = pydicom.dcmread(next(iter(sorted(SAMPLES.glob("*/*.dcm")))), stop_before_pixels=True)
        typical.save_as(folder / "typical.dcm", enforce_file_format=True)
        rich = pydicom.dcmread(BytesIO(Sweep.planted(CARRIERS[0]).blob), stop_before_pixels=True)
        with quiet():
            rich.save_as(folder / "rich.dcm", enforce_file_format=True)
        profile = ConfidentialityProfile(Pseudonyms(key))
        ours = {path.stem: _median(profile, path) for path in sorted(folder.glob("*.dcm"))}
        if python is None:
            return {"header_beside": {"twinveil": ours, "others": "not measured: --others names no Python"}}
        command = [str(python), str(Path(__file__).with_name("bench_others.py")), name, str(ROUNDS)]
        report = subprocess.run(command, capture_output=True, text=True, check=True)
        others: dict[str, dict[str, Any]] = json.loads(report.stdout.splitlines()[-1])
    ratios = {
        program: {kind: round(ms / ours[kind], 2) for kind, ms in figures.items() if isinstance(ms, float)}
        for program, figures in others.items()
    }
    return {"header_beside": {"twinveil": ours, **others}, "header_ratio": ratios}


def _median(profile: ConfidentialityProfile, path: Path) -> float:
    times = []
    for _ in range(ROUNDS):
        header = copy.deepcopy(pydicom.dcmread(path))
        begun = time.process_time()
        profile.apply(header)
        times.append((time.process_time() - begun) * 1000)
    return round(statistics.median(times), 3)


def conditions() -> dict[str, Any]:
    return {
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        **{name: version(name) for name in ("twinveil", "pydicom", "torch", "onnxruntime", "dlib-bin")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--others", type=Path, help="Python of an environment with bench_requirements.txt")
    arguments = parser.parse_args()
    out: Path = arguments.out
    with tempfile.TemporaryDirectory() as folder:
        key_file = Path(folder) / "site.key"
        generate_key_file(key_file)
        key = SiteKey.from_file(key_file)
        figures = {
            **header_milliseconds(key),
            **headers_beside(key, arguments.others),
            **photograph_milliseconds(SAMPLES / PHOTOGRAPH / "photograph.dcm", PHOTOGRAPH_ROUNDS),
            **flowedit_figures(),
            **large_photograph_figures(SAMPLES / LARGE / "photograph.dcm"),
            **start_figures(out.parent / "bench-start"),
            **ingest_figures(out.parent / "bench-ingest"),
            **worker_figures(out.parent / "bench-workers"),
            **queue_figures(out.parent / "bench-queue"),
            "conditions": conditions(),
        }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()

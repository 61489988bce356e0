"""Measures what can be measured without a GPU and writes the figures beside their conditions.

    python scripts/bench.py --out build/bench.json

header_ms       median milliseconds in which the confidentiality profile makes one rich header anonymous
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pydicom

from dicom_io.profile import ConfidentialityProfile
from dicom_io.pseudonyms import Pseudonyms
from dicom_io.site_key import SiteKey, generate_key_file

SAMPLES = Path(__file__).resolve().parents[1] / "sample_data" / "studies"
ROUNDS = 20


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
            begun = time.perf_counter()
            profile.apply(header)
            times.append((time.perf_counter() - begun) * 1000)
    return {
        "header_ms": round(statistics.median(times), 3),
        "header_ms_p95": round(statistics.quantiles(times, n=20)[-1], 3),
        "header_n": len(times),
        "header_elements": statistics.median(elements),
    }


def conditions() -> dict[str, Any]:
    return {
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        **{name: version(name) for name in ("twinveil", "pydicom", "torch")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    out: Path = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder:
        key_file = Path(folder) / "site.key"
        generate_key_file(key_file)
        figures = {**header_milliseconds(SiteKey.from_file(key_file)), "conditions": conditions()}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()

"""Times other programs on the headers of a folder and prints milliseconds by program and kind of header, as JSON.

    build/bench-venv/bin/python scripts/bench_others.py FOLDER ROUNDS

Run by ``scripts.bench``, in the environment of ``scripts/bench_requirements.txt``. Each program is called as its own
documentation says for one data set in memory; copying the data set, which all of them change in place, is not timed.
"""

from __future__ import annotations

import copy
import json
import logging
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
from pydicom import Dataset


def dentdeid() -> Callable[[Dataset], Any]:
    from dentdeid import MetaConfig, Pseudonymizer, deidentify_dataset

    settings, pseudonyms = MetaConfig(), Pseudonymizer(bytes(range(1, 33)))
    return lambda dataset: deidentify_dataset(dataset, settings, pseudonyms)


def dicom_anonymizer() -> Callable[[Dataset], Any]:
    from dicomanonymizer.simpledicomanonymizer import anonymize_dataset

    return lambda dataset: anonymize_dataset(dataset, delete_private_tags=True)


def deid() -> Callable[[Dataset], Any]:
    from deid.dicom import replace_identifiers

    return lambda dataset: replace_identifiers([dataset], save=False, remove_private=True, strip_sequences=False)


PROGRAMS = {"dentdeid": dentdeid, "dicom-anonymizer": dicom_anonymizer, "deid": deid}


def main() -> None:
    folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    found: dict[str, dict[str, Any]] = {}
    for name, prepare in PROGRAMS.items():
        figures = found[name] = {}
        for path in sorted(folder.glob("*.dcm")):
            try:
                apply = prepare()
                times = []
                for _ in range(rounds):
                    dataset = copy.deepcopy(pydicom.dcmread(path, force=True))
                    begun = time.process_time()
                    apply(dataset)
                    times.append((time.process_time() - begun) * 1000)
                figures[path.stem] = round(statistics.median(times), 3)
            except Exception as error:  # another program's failure is a finding, not the end of the run
                figures[path.stem] = f"{type(error).__name__}: {str(error)[:200]}"
    print(json.dumps(found))


if __name__ == "__main__":
    main()

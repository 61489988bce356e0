"""Makes ``sample_data/studies`` and ``IDENTIFIERS.json`` again, from the renderer and the invented headers.

    python -m sample_data.make_samples [--assets FOLDER]

``--assets`` names a folder of MakeHuman's CC0 hair, brows and lashes; the committed samples were made with it. Without
it people wear caps or cropped hair, and the same seeds give other pictures. Each study is

    studies/<patient>/photograph.dcm    the source: pixels of its transfer syntax under a header full of identifiers
    studies/<patient>/truth.png         where the lesion is: 255, elsewhere 0; the photograph's size

and IDENTIFIERS.json says what was planted where, so that a test can look for it in everything that leaves.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import FileMetaDataset

from pipeline.renderer import RenderedPatient, Renderer, mpfb2_folder
from sample_data.frame import set_pixels
from sample_data.header import HOSPITAL, PlantedHeader, sample_header
from sample_data.patients import VISITS, Visit

HERE = Path(__file__).parent
WIDTH, HEIGHT = 512, 640
SEVERITY = "severe"
"""So that a person who looks at a sample sees what is meant."""


def render(renderer: Renderer, visit: Visit) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Photograph (HEIGHT, WIDTH, 3) and lesion mask (HEIGHT, WIDTH) of a visit: the middle of a square rendering."""
    if visit.view == "face":
        patient = renderer.patient(visit.seed, kind=visit.lesion, severity=SEVERITY, output=HEIGHT)
    else:
        dermoscopy = visit.view == "dermoscopy"
        patient = renderer.close_up(
            visit.seed, kind=visit.lesion, severity=SEVERITY, dermoscopy=dermoscopy, output=HEIGHT
        )
    _same_person(patient, visit)
    left = (HEIGHT - WIDTH) // 2
    columns = slice(left, left + WIDTH)
    return np.ascontiguousarray(patient.photograph[:, columns]), patient.mask[:, columns]


def _same_person(patient: RenderedPatient, visit: Visit) -> None:
    """The header must not speak of somebody else than the picture shows."""
    shown = patient.description
    said = {"skin_type": visit.skin_type, "lesion": visit.lesion, "view": visit.view}
    if visit.view == "face":
        said["sex"] = {"F": "female", "M": "male"}[visit.person.sex]
    wrong = {name: getattr(shown, name) for name, word in said.items() if getattr(shown, name) != word}
    if wrong or not patient.visible:
        raise SystemExit(f"{visit.folder}: seed {visit.seed} shows {wrong or 'no visible lesion'}")


def write_study(folder: Path, visit: Visit, rgb: NDArray[np.uint8], mask: NDArray[np.bool_]) -> PlantedHeader:
    """One study folder; returns the header for its list of planted identifiers."""
    header = sample_header(visit)
    header.dataset.file_meta = FileMetaDataset()
    header.dataset.file_meta.SourceApplicationEntityTitle = "HUDFOTO_GATEWAY"
    header.planted.append(("SourceApplicationEntityTitle", "HUDFOTO_GATEWAY"))
    set_pixels(header, rgb, visit)
    note = f"{HOSPITAL} {visit.person.patient_id}"
    header.planted.append(("preamble", note))
    header.dataset.preamble = note.encode().ljust(128, b"\0")
    folder.mkdir(parents=True)
    header.dataset.save_as(folder / "photograph.dcm", enforce_file_format=True)
    Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "truth.png", optimize=True)
    return header


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--assets", type=Path, help="folder of CC0 hair, brows and lashes")
    parser.add_argument("--cache", type=Path, default=Path("cache/renderer"), help="baked renderer data")
    options = parser.parse_args()
    renderer = Renderer(mpfb2_folder(), options.assets, options.cache)

    pictures = {visit: render(renderer, visit) for visit in VISITS}
    shutil.rmtree(HERE / "studies", ignore_errors=True)
    identifiers = {}
    for visit, (rgb, mask) in pictures.items():
        header = write_study(HERE / "studies" / visit.folder, visit, rgb, mask)
        identifiers[visit.folder] = [{"where": where, "value": value} for where, value in header.planted]
        size = (HERE / "studies" / visit.folder / "photograph.dcm").stat().st_size
        print(f"{visit.folder:20s} {visit.transfer_syntax.name:40s} {size:8d} bytes, {len(header.planted)} identifiers")
    listing = {
        "about": "Invented identifiers planted in the sample headers and frames; hex: values are bytes, not text.",
        "studies": identifiers,
    }
    (HERE / "IDENTIFIERS.json").write_text(json.dumps(listing, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

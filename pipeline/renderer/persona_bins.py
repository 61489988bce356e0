"""Computes ``persona.BINS``: ``python -m pipeline.renderer.persona_bins MPFB2 CACHE [--assets FOLDER]``."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from pipeline.renderer.head import Head
from pipeline.renderer.identity import sample_identity, shape_coefficients
from pipeline.renderer.persona import BINS_FROM, Measurer
from pipeline.renderer.styling import sample_styling


def tercile_bounds(head: Head, identities: int = BINS_FROM) -> dict[str, tuple[float, float]]:
    """Field to its two terciles over the identities with seeds 0 .. ``identities`` - 1, rounded to four digits."""
    measurer = Measurer(head)
    rows = []
    for seed in range(identities):
        identity = sample_identity(seed)
        styling = sample_styling(seed, identity, with_assets=bool(head.proxies))
        rows.append(measurer.ratios(head.shaped(shape_coefficients(identity, head)), identity, styling))
    bounds = {}
    for field in rows[0]:
        low, high = np.quantile([row[field] for row in rows], [1 / 3, 2 / 3])
        bounds[field] = (round(float(low), 4), round(float(high), 4))
    return bounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mpfb2", type=Path, help="MPFB2 data folder")
    parser.add_argument("cache", type=Path, help="cache folder")
    parser.add_argument("--assets", type=Path, help="MakeHuman CC0 assets folder")
    arguments = parser.parse_args()
    for field, (low, high) in tercile_bounds(Head.load(arguments.mpfb2, arguments.assets, arguments.cache)).items():
        print(f'    "{field}": ({low}, {high}),')


if __name__ == "__main__":
    main()

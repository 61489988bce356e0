"""What parts of the names in a spool are made of, and names of earlier versions put into today's form."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from dicom_io.disk import sync_folder

UNKEYED = 40
"""Hexadecimal digits of the digest of a UID. What ``keyed`` makes of it must have another length."""


def rename_unkeyed(folder: Path, keyed: Callable[[str], str]) -> None:
    """The spool in ``folder``, which was kept without ``keyed``, as if it had been kept with it. Cut off, do it again.

    Call it before there is a ``Spool`` of that folder.
    """
    for path in (*sorted((folder / "studies").glob("*/*-*")), *sorted((folder / "conflicts").glob("*-*"))):
        name = path.relative_to(folder).as_posix()
        if (target := folder / keyed_name(name, keyed)) != path:
            target.parent.mkdir(mode=0o700, exist_ok=True)
            path.rename(target)
            sync_folder(target.parent)
    for study in (folder / "studies").glob("*"):
        if len(study.name) == UNKEYED and not any(study.iterdir()):
            study.rmdir()
    if (folder / "studies").is_dir():
        sync_folder(folder / "studies")


def keyed_name(name: str, keyed: Callable[[str], str]) -> str:
    """The path below the spool's folder of what was called ``name`` without ``keyed``; a keyed one stays as it is."""
    *folders, file = name.split("/")
    stem, _, suffix = file.rpartition(".")
    instance, _, content = stem.partition("-")
    if len(instance) != UNKEYED:
        return name
    folders[1:] = [keyed(study) for study in folders[1:]]
    return "/".join([*folders, f"{keyed(instance)}-{keyed(content)}.{suffix}"])


def digest_of_uid(uid: str) -> str:
    """What stands for ``uid`` in a name, before it is keyed."""
    return hashlib.sha256(uid.encode("utf-8", "surrogateescape")).hexdigest()[:UNKEYED]

"""What a spool has accepted, by the names of its files: read once, behind the open port, however many they are."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from dicom_io.receiving.company import FORGOTTEN, KNOWN, Company, LeftBehind

STUDIES, CONFLICTS = "studies", "conflicts"
"""Folders of a spool that accepted instances lie in: below one for each study, and directly."""

INSTANCE, MARKER = ".dcm", ".purged"


def names_in(folder: Path) -> Iterator[str]:
    """Paths below the spool's ``folder`` of all instances and markers, while they come and go."""
    for study in _entries(folder / STUDIES):
        if study.is_dir():
            for found in _entries(Path(study.path)):
                yield f"{STUDIES}/{study.name}/{found.name}"
    for found in _entries(folder / CONFLICTS):
        yield f"{CONFLICTS}/{found.name}"


def name_below(folder: Path, path: Path) -> str:
    """What ``path`` is called below the spool's ``folder``, where it lies: as ``relative_to``, a tenth of the time."""
    whole, above = str(path), f"{folder}{os.sep}"
    if not whole.startswith(above):
        raise ValueError(f"{path} does not lie in {folder}")
    return whole[len(above) :]


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):
        return


class SpoolIndex:
    """Where each content of each instance lies, or lay before it was purged. A thread of its own reads it.

    Every method but the first waits until it is read, and raises OSError where it cannot be. Their caller sees to it
    that no two run at a time. Kept as text: a node may have taken millions, and an object for each would be ten times
    as large.

    ``company``: other processes that receive into the same spool, and are told and heard.
    """

    def __init__(self, folder: Path, company: Company | None = None) -> None:
        self._folder = folder
        self._company = company
        self._found: dict[str, tuple[str, ...]] | None = None
        self._reading = threading.Lock()
        threading.Thread(target=self._read_early, name="spool index", daemon=True).start()

    def find(self, instance: str, content: str) -> Path | None:
        """The path of these bytes of that instance; None where they never came."""
        name = next((name for name in self._known().get(instance, ()) if _content(name) == content), None)
        return None if name is None else self._folder / name

    def has(self, instance: str) -> bool:
        """Whether anything ever came under that UID."""
        return instance in self._known()

    def add(self, path: Path) -> None:
        """The instance ``path`` is accepted, or about to be. Raises OSError where the others cannot be told."""
        known, name = self._known(), name_below(self._folder, path)
        if self._company is not None:
            self._company.tell(KNOWN, name)
        _add(known, name)

    def remove(self, path: Path) -> None:
        """As if nothing had ever come to ``path``."""
        name = name_below(self._folder, path)
        _remove(self._known(), name)
        if self._company is not None:
            with suppress(OSError):  # they find that it is not there, and ask whether it is wanted
                self._company.tell(FORGOTTEN, name)

    def keep_up(self) -> None:
        """Hear the others also while nothing comes in here, so as not to be left behind. Waits for no reading."""
        if self._found is not None:
            self._known()

    def _known(self) -> dict[str, tuple[str, ...]]:
        with self._reading:
            while True:
                if self._found is None:
                    self._found = self._read()
                try:
                    for sign, name in () if self._company is None else self._company.hear():
                        (_add if sign == KNOWN else _remove)(self._found, name)
                    return self._found
                except LeftBehind:
                    self._found = None

    def _read(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for name in names_in(self._folder):
            if "-" in name.rpartition("/")[2]:
                _add(found, name.removesuffix(MARKER).removesuffix(INSTANCE) + INSTANCE)
        return found

    def _read_early(self) -> None:
        try:
            self._known()
        except OSError:
            return  # whoever asks first tries again, and hears of it


def _add(known: dict[str, tuple[str, ...]], name: str) -> None:
    instance = name.rpartition("/")[2].partition("-")[0]
    names = known.get(instance, ())
    if name not in names:
        known[instance] = (*names, name)


def _remove(known: dict[str, tuple[str, ...]], name: str) -> None:
    instance = name.rpartition("/")[2].partition("-")[0]
    if left := tuple(other for other in known.get(instance, ()) if _content(other) != _content(name)):
        known[instance] = left
    else:
        known.pop(instance, None)


def _content(name: str) -> str:
    return name.rpartition("/")[2].partition("-")[2].removesuffix(INSTANCE)

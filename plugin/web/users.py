"""Who may use the page, and as what: a file in the state folder, readable to its owner alone.

    users.json   {"NAME": {"role": "reviewer", "password": "$argon2id$…"}}

Passwords are kept as argon2id hashes (RFC 9106, by the ``argon2-cffi`` package). A user without one can only come by a
reverse proxy that says who asks.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from plugin.durable import private_folder, write_file
from plugin.errors import ConfigurationRefused

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD, LONGEST_NAME = 1024, 64
AT_ONCE = 2
"""Passwords that are compared at a time: each takes 64 MB and a core for a moment."""


class Standing(IntEnum):
    """What a user may do; each may do what those before may."""

    VIEWER = 1  # see everything but originals
    REVIEWER = 2  # see originals that are held, and decide on them
    ADMIN = 3  # pause, resume and try destinations


ROLES = {standing.name.lower(): standing for standing in Standing}
"""What each is called in the users' file and at the command line."""


@dataclass(frozen=True)
class User:
    """``password``: an argon2id hash; "" where there is none."""

    name: str
    standing: Standing
    password: str = ""

    @property
    def role(self) -> str:
        return self.standing.name.lower()


class Users:
    """The file. Any process may change it, and every request sees it as it is."""

    def __init__(self, state: Path) -> None:
        self.path = state / "users.json"
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash("the password of a user who is not there")
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    def all(self) -> list[User]:
        """By name. Raises ``ConfigurationRefused`` where the file is damaged: nobody is let in then."""
        if not self.path.exists():
            return []
        try:
            stated = json.loads(self.path.read_text(encoding="utf-8"))
            return [User(name, ROLES[each["role"]], str(each["password"])) for name, each in sorted(stated.items())]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigurationRefused(
                f"{self.path} is damaged; move it away and add the users again by `twinveil users add`"
            ) from error

    def find(self, name: str) -> User | None:
        return next((user for user in self.all() if user.name == name), None)

    def add(self, name: str, role: str, password: str | None) -> User:
        """A new user; ``password``: None for one who comes by a proxy. Raises ``ConfigurationRefused``."""
        if not name or len(name) > LONGEST_NAME or not name.isprintable() or name != name.strip():
            raise ConfigurationRefused(f"a name has 1 to {LONGEST_NAME} printable signs, and no space at its ends")
        if role not in ROLES:
            raise ConfigurationRefused(f"{role} is no role; there are {', '.join(ROLES)}")
        if password is not None and not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise ConfigurationRefused(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} signs")
        with self._changing():
            users = self.all()
            if any(user.name == name for user in users):
                raise ConfigurationRefused(f"there is a user {name} already; remove it first")
            user = User(name, ROLES[role], "" if password is None else self._hasher.hash(password))
            self._write([*users, user])
        return user

    def remove(self, name: str) -> None:
        """Whoever is signed in under it is out at the next click. Raises ``ConfigurationRefused``."""
        with self._changing():
            users = self.all()
            if not any(user.name == name for user in users):
                raise ConfigurationRefused(f"there is no user {name}")
            self._write([user for user in users if user.name != name])

    def verified(self, name: str, password: str) -> User | None:
        """The user, if that is the password. It takes as long for a name that nobody has."""
        user = self.find(name)
        known = user.password if user is not None and user.password else self._nobody
        with self._turns:
            try:
                self._hasher.verify(known, password[: LONGEST_PASSWORD + 1])
            except (Argon2Error, InvalidHashError):
                return None
        return None if known == self._nobody else user

    @contextmanager
    def _changing(self) -> Iterator[None]:
        private_folder(self.path.parent)
        descriptor = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, users: list[User]) -> None:
        stated = {user.name: {"role": user.role, "password": user.password} for user in users}
        write_file(self.path, (json.dumps(stated, indent=2, ensure_ascii=False) + "\n").encode())

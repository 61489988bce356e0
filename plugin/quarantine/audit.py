"""The log of what people decided: one JSON object a line, only ever added to, on disk before anything is done.

Each line ends in an HMAC under the site's key over itself and the line before. A line that was changed, taken out or
put in later is found by whoever has the key, and nothing more is decided until it has been looked into. That the end
was cut off is not found: keep copies elsewhere. Reviewers write their names and reasons into it; it stays on the node,
readable to its owner alone.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from dicom_io.disk import sync_folder
from dicom_io.header import SiteKey
from plugin.durable import private_folder
from plugin.errors import AuditBroken

_PURPOSE = "audit log 1"
_FIRST = "0" * 64


class AuditLog:
    """The log in the file ``path``. Any process may add to it; each line is one locked write."""

    def __init__(self, path: Path, key: SiteKey) -> None:
        self.path = path
        self._key = key

    def add(self, action: str, **stated: str) -> None:
        """One more line, on disk when this returns. Raises ``AuditBroken`` when an earlier line is not as written."""
        private_folder(self.path.parent)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            content = file.read()
            _, before, torn = self._verified(content)
            at = datetime.now(UTC).isoformat(timespec="seconds")
            body = json.dumps({"at": at, "action": action, **stated, "torn_before": torn}, ensure_ascii=False)
            line = json.dumps({"said": body, "mac": self._mac(before, body)}, ensure_ascii=False)
            file.write((b"\n" if content and not content.endswith(b"\n") else b"") + line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self.path.parent)

    def read(self) -> list[dict[str, str | bool]]:
        """What every line says, oldest first. Raises ``AuditBroken``."""
        return self._verified(self.path.read_bytes() if self.path.exists() else b"")[0]

    def _verified(self, content: bytes) -> tuple[list[dict[str, str | bool]], str, bool]:
        """What the lines say, the HMAC of the last, and whether a crash tore what follows it.

        A torn line is passed over when the next whole one says that it is there.
        """
        said: list[dict[str, str | bool]] = []
        before, torn = _FIRST, False
        for number, line in enumerate(content.splitlines(), start=1):
            try:
                parts = json.loads(line)
                body, mac = str(parts["said"]), str(parts["mac"])
                stated = json.loads(body)
            except (ValueError, KeyError, TypeError):
                torn = True
                continue
            if not hmac.compare_digest(mac, self._mac(before, body)) or stated["torn_before"] is not torn:
                raise AuditBroken(
                    f"line {number} of {self.path} is not as it was written, or was written under another key; find "
                    "out who changed it, move the file away and keep it"
                )
            said.append(stated)
            before, torn = mac, False
        return said, before, torn

    def _mac(self, before: str, body: str) -> str:
        return self._key.mac(_PURPOSE, before, body).hex()

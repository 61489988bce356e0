"""What a person tells the node, which may be running or not, about where its results go."""

from __future__ import annotations

from dicom_io.header import SiteKey
from plugin.config import Configuration
from plugin.delivery.destinations import Destinations
from plugin.delivery.postings import Postings
from plugin.durable import private_folder
from plugin.errors import ConfigurationRefused
from plugin.quarantine import AuditLog


class Deliveries:
    """The decisions on the destinations of one node. What ends the waiting of objects is put in the audit log first."""

    def __init__(self, configuration: Configuration) -> None:
        private_folder(configuration.state_folder)
        self._configuration = configuration
        self._destinations = Destinations(configuration.records)
        self._postings = Postings(configuration.records)

    def pause(self, name: str) -> None:
        """Nothing more goes there until it is resumed, whatever starts in between."""
        self._destinations.pause(self._known(name), True)

    def resume(self, name: str) -> None:
        """It is served again."""
        self._destinations.pause(self._known(name), False)
        self._destinations.hurry(name)

    def retry(self, name: str) -> None:
        """It is tried at once, and so is everything that it did not take."""
        self._destinations.hurry(self._known(name))

    def rename(self, old: str, new: str, *, reviewer: str, reason: str) -> int:
        """What waits for ``old`` goes to ``new``, which must be configured. Returns how many objects do."""
        if new not in self._configured():
            raise ConfigurationRefused(f"{new} is not a configured destination")
        self._record("rename destination", reviewer, reason, destination=self._known(old), to=new)
        return self._postings.rename(old, new)

    def give_up(self, name: str, job: str | None, *, reviewer: str, reason: str) -> int:
        """What waits for ``name``, of ``job`` or all of it, never goes there. Returns how many objects do not."""
        self._record("give up deliveries", reviewer, reason, destination=self._known(name), job=job or "all")
        return self._postings.give_up(name, job)

    def _known(self, name: str) -> str:
        known = self._configured() | self._postings.backlog().keys()
        if name not in known:
            raise ConfigurationRefused(
                f"no destination is called {name}; known are {', '.join(sorted(known)) or 'none'}"
            )
        return name

    def _configured(self) -> set[str]:
        return {section.name for section in self._configuration.destinations}

    def _record(self, action: str, reviewer: str, reason: str, **stated: str) -> None:
        if not reviewer.strip() or not reason.strip():
            raise ConfigurationRefused("a name and a reason are needed; both are kept in the audit log")
        key = SiteKey.from_file(self._configuration.key_path)
        log = AuditLog(self._configuration.state_folder / "audit.log", key)
        log.add(action, **stated, reviewer=reviewer.strip(), reason=reason.strip())

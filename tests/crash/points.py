"""Where a process may be made to die: before or after the nth call of a function, as if the power had gone.

``os._exit`` runs no handler, closes nothing and flushes nothing. The table names every stage of the way, from the first
byte of an instance to the removal of its last sealed object, and both sides of everything that is put on disk.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

EXIT = 77
"""Exit status of a process that died at a point."""

RECEIVING = ("dicom_io.receiving.spool:Spool.accept", "plugin.ledger.ledger:Ledger.record")
"""What a process beside the node's own does where there is one, and then the node's own may not come to it."""

FUNCTIONS = (
    *RECEIVING,
    "dicom_io.receiving.spool:Spool.purge",
    "plugin.ledger.ledger:Ledger.queue_quiet_studies",
    "plugin.ledger.ledger:Ledger.change",
    "plugin.node.jobs:Jobs.submit",
    *(
        f"plugin.study.stages:PhotographStages.{stage}"
        for stage in (
            "read", "clean", "heal", "swap", "gate", "subtract", "write", "check", "quarantine", "deliver", "commit",
            "purge",
        )
    ),
    "plugin.quarantine.quarantine:Quarantine.keep",
    "plugin.quarantine.quarantine:Quarantine._seal",
    "plugin.delivery.outbox:Outbox.put",
    "plugin.delivery.outbox:Outbox.remove",
    "plugin.delivery.postings:Postings.post",
    "plugin.delivery.postings:Postings.stored",
    "plugin.delivery.postings:Postings.settle",
    "plugin.delivery.carriers:ArchiveCarrier.carry",
    "plugin.node.custody:NodeCustody.settle",
    "plugin.node.custody:NodeCustody.reconcile",
    "plugin.node.upgrade:take_over",
)  # fmt: skip

POINTS: tuple[tuple[str, str], ...] = tuple((function, when) for function in FUNCTIONS for when in ("before", "after"))


def install(function: str, when: str, nth: int) -> None:
    """From now on this process dies ``when`` the nth call of ``function`` begins or ends."""
    module_name, _, path = function.partition(":")
    owner: Any = importlib.import_module(module_name)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    original: Callable[..., Any] = getattr(owner, name)
    calls = 0

    @functools.wraps(original)
    def dying(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        mine = calls
        if mine == nth and when == "before":
            os._exit(EXIT)
        result = original(*args, **kwargs)
        if mine == nth and when == "after":
            os._exit(EXIT)
        return result

    setattr(owner, name, dying)
    for module in list(sys.modules.values()):  # that have taken it by name
        if not outer and getattr(module, name, None) is original:
            setattr(module, name, dying)

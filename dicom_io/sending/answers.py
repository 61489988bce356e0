"""Answers for whoever asked: what comes in on an association that we opened, told apart by who is to have it.

Two threads take from one queue of pynetdicom's: the one that sent a request and waits, and the reactor, which is to
serve what the peer asks. The reactor is told to pause first, and may still take the answer, or the word that the
connection is gone; whoever waits then waits until ``dimse_timeout``. On a busy machine one delivery in 208 did.
"""

from __future__ import annotations

import queue
from typing import Any

from pynetdicom.events import Event

Message = tuple[int | None, Any]
"""Presentation context and DIMSE primitive; (None, None) says that the connection is gone."""


class Answers(queue.Queue[Message]):
    """``get`` that waits hands out answers and the end of the connection, ``get`` that does not hands out requests."""

    def __init__(self) -> None:
        super().__init__()
        self._requests: queue.Queue[Message] = queue.Queue()

    def put(self, item: Message, block: bool = True, timeout: float | None = None) -> None:
        message = item[1]
        if message is not None and message.is_valid_request:
            self._requests.put(item)
        else:
            super().put(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Message:
        return super().get(timeout=timeout) if block else self._requests.get(block=False)


def keep_answers(opened: Event) -> None:
    """For EVT_CONN_OPEN: nothing was sent yet, so nothing has come in."""
    dimse: Any = opened.assoc.dimse  # its queue is declared to hold nothing but pynetdicom's own primitives
    dimse.msg_queue = Answers()

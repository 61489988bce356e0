"""What the listener does with messages on commitment: each is on record before it is answered."""

from __future__ import annotations

import logging
from collections.abc import Collection
from functools import partial

from dicom_io.commitment import CommitmentReport, CommitmentRequest
from dicom_io.receiving import ReportHere
from plugin.commitment.judgement import Judgement
from plugin.commitment.requests import Requests
from plugin.commitment.transactions import Transactions

log = logging.getLogger(__name__)


class CommitmentBook:
    """``called_back``: AE titles of callers that have an address to report to. The others hear on their own
    association, or, where that is gone by then, once they ask again."""

    def __init__(
        self, requests: Requests, judgement: Judgement, transactions: Transactions, called_back: Collection[str]
    ) -> None:
        self._transactions = transactions
        self._requests = requests
        self._judgement = judgement
        self._called_back = frozenset(called_back)

    def asked(self, request: CommitmentRequest, calling_ae: str) -> ReportHere | None:
        """As ``CommitmentHandler.asked``."""
        called_back = calling_ae in self._called_back
        name = self._requests.keep(request, calling_ae, called_back=called_back)
        log.info("%s asked for commitment of %d instances", calling_ae, len(request.references))
        if called_back:
            return None
        return ReportHere(self._judgement.of(request), partial(self._reported, name, calling_ae))

    def told(self, report: CommitmentReport) -> bool:
        """As ``CommitmentHandler.told``."""
        return self._transactions.answer(report)

    def _reported(self, name: str, calling_ae: str) -> None:
        self._requests.done(name)
        log.info("%s has its report of commitment", calling_ae)

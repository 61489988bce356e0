"""Storage Commitment: what senders ask of us and we of destinations. Nothing enters that opens an association.

requests      what was asked of us and is not reported yet
judgement     which instances the node answers for
transactions  what we asked of destinations, and what they said
book          all of it as the listener needs it
"""

from plugin.commitment.book import CommitmentBook
from plugin.commitment.judgement import Judgement
from plugin.commitment.requests import Requests, WaitingRequest
from plugin.commitment.transactions import Answer, Transactions

__all__ = [
    "CommitmentBook",
    "Judgement",
    "Requests",
    "WaitingRequest",
    "Answer",
    "Transactions",
]

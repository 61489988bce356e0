"""Delivery: what may leave is sealed, posted to each destination of its study, and taken there for as long as it takes.

outbox        the objects, sealed until everybody has them
postings      what is to go where, and how far it has come
states        the life cycle of a delivery, as a table
destinations  how each one is doing; paused, resumed, hurried by a person
deliveries    what a person tells the node about them
patience      the waits between tries
carriers      C-STORE, STOW-RS
courier       serves one destination
committer     asks a destination to answer for what it stored
post_office   all of them, and the settling
reports       what senders asked us to answer for
"""

from plugin.delivery.carriers import ArchiveCarrier, Carrier, NotTaken, WebCarrier
from plugin.delivery.committer import Committer
from plugin.delivery.courier import Courier
from plugin.delivery.deliveries import Deliveries
from plugin.delivery.destinations import Destinations, Standing
from plugin.delivery.outbox import Outbox, kept_results, shown_days
from plugin.delivery.patience import Patience
from plugin.delivery.post_office import PostOffice
from plugin.delivery.postings import Backlog, Parcel, Postings
from plugin.delivery.reports import Reporter
from plugin.delivery.states import Delivery, Happening

__all__ = [
    "ArchiveCarrier",
    "Backlog",
    "Carrier",
    "Committer",
    "Courier",
    "Deliveries",
    "Delivery",
    "Destinations",
    "Happening",
    "NotTaken",
    "Outbox",
    "Parcel",
    "Patience",
    "PostOffice",
    "Postings",
    "Reporter",
    "Standing",
    "WebCarrier",
    "kept_results",
    "shown_days",
]

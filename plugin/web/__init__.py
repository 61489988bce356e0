"""The web page for those who run the node: what happens, what was made, what is held, and decisions on that.

application  the pages as one table
guard        who may ask for what, and how browsers are bound
desk         what all pages work with
users        who they are; passwords
sessions     who is signed in
login, overview, studies, held, profile, figures   a page each
results      what was made of studies and lies here
pictures     as browsers show it
plots        drawings
server       the port

Nothing enters that decides: pages call what the command line calls.
"""

from plugin.web.application import PAGES, page_application
from plugin.web.desk import Desk
from plugin.web.server import open_page
from plugin.web.users import ROLES, User, Users

__all__ = [
    "PAGES",
    "page_application",
    "Desk",
    "open_page",
    "ROLES",
    "User",
    "Users",
]

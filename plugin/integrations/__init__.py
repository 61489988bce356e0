"""Files that plug the node into other systems, filled in from the site's configuration.

Nothing enters that talks to those systems: what is written here is installed by whoever runs them.
"""

from plugin.integrations.catalogue import INTEGRATIONS, Integration
from plugin.integrations.site import Site, site_of
from plugin.integrations.writing import write_integration

__all__ = [
    "INTEGRATIONS",
    "Integration",
    "Site",
    "site_of",
    "write_integration",
]

"""Who does what where a node is several processes, and who of them is alive. Nothing enters that works on a study.

duties   what each role does, as a table
roster   the processes of one database, as rows
watch    the beat of this process, and whose beat has stopped
"""

from plugin.roles.duties import DUTIES, Duty, Role
from plugin.roles.roster import Member, Roster
from plugin.roles.watch import Watch

__all__ = [
    "DUTIES",
    "Duty",
    "Role",
    "Member",
    "Roster",
    "Watch",
]

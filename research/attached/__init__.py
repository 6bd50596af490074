"""A notebook's look at a running system: tables of its lanes, the slots themselves, and tails that follow a lane."""

from research.attached.system import Attached, NotRunningError, attach
from research.attached.tail import Tail

__all__ = ["Attached", "NotRunningError", "Tail", "attach"]

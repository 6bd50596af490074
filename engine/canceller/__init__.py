"""The canceller: cancels what an execution left open at its venue, and can do nothing else.

vitals.py   whether execution lives and looks after its orders, by shared memory and its process
process.py  execution's process, as the kernel shows it
sweep.py    lists the open orders, cancels ours, lists again, until none is open and none can arrive
report.py   the cells that show what the canceller does
role.py     decides when to cancel
build.py    makes the role of a configured system
"""

from engine.canceller.build import build

__all__ = ["build"]

"""The supervisor: makes the segments, starts the processes, watches them, and carries out what operators say.

    guard ── watches, restarts ──▶ supervisor
    operator ──control socket──▶ supervisor ──COMMANDS ring, HALT cell──▶ roles
                                     │  ▲
                       start, signal │  │ pidfd: dead · heartbeat cells: frozen
                                     ▼  │
                                  processes

It trades nothing and no tick passes through it, so the engine runs on while it is away. Killed and started again it
finds the living processes, goes on watching them, and starts only what is missing. What must outlive it lies outside
of it: the halt in a cell and a file, the clock's offset and the way to the configuration in system.json.

    leftovers.py  orders left at the venue
    life.py       one life of a system: its clock offset       segments.py  the lanes of a configuration
    processes.py  real processes: start, find, signal          watch.py     one process: when to start, wait, kill
    halt.py       the halt and how it persists                 keeper.py    all of it, advanced by `step`
    operator.py   the halt without the supervisor              guard.py     the supervisor's parent
"""

from engine.model.words import HaltReason
from engine.supervisor.keeper import Keeper
from engine.supervisor.life import Life
from engine.supervisor.watch import Phase, Watch

__all__ = ["HaltReason", "Keeper", "Life", "Phase", "Watch"]

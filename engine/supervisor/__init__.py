"""The supervisor: creates the segments, starts and watches the processes, and carries out the operator's commands.

    guard ── watches, restarts ──▶ supervisor
    operator ──control socket──▶ supervisor ──COMMANDS ring, HALT cell──▶ roles
                                     │  ▲
                       start, signal │  │ pidfd: dead · heartbeat cells: frozen
                                     ▼  │
                                  processes

It does not trade and no tick passes through it, so the engine runs on while no supervisor runs. A supervisor that is
killed and started again finds the living processes, watches them, and starts only the missing ones. Its state is stored
outside of it: the halt in a cell and a file; the clock's offset and the configuration's path in system.json.

    leftovers.py  orders left at the venue                 cover.py     its orders when the system goes down
    life.py       one life of a system: its clock offset       segments.py  the segments of a configuration
    halt.py       the halt and how it persists                 keeper.py    the whole supervisor, advanced by `step`
    operator.py   the halt without the supervisor              guard.py     the supervisor's parent
    policies.py   what a strategy's death does to its orders

    processes/    real processes: start, find, signal, and when each is started, waited for, killed
    commands/     the operator's commands, one function each
"""

"""`engine-ctl preflight`: what the machine, the venues and the file lack for trading, one line for each check.

    registry.py   a check is one function under a name: it evaluates to ok, warn or fail, with the remedy
    machine.py    what the checks read of this machine          network.py   what they ask of a venue

    clock.py      the clock and its distance to the venues'     cores.py     isolation, governor, kernel, pauses
    memory.py     /dev/shm, huge pages, limits, logind          keys.py      files, rights, the canceller's key
    trading.py    the file, risk limits, alerts, monitoring, placement

A further check is one function with `@check(name)` in one of these files, or in a file that `command.py` imports.
"""

"""Finds a process that fails twice on the same record, so that it does not fail on it for ever.

    the record names a strategy           it is halted; a process of strategies alone is parked at its first failure
    it names an instrument alone          the instrument is halted
    it names neither                      the process is started again, until `death_limit` halts the system

The role's next life leaves the record out where a halt alone does not keep the role from it (`engine/skips.py`). What
is halted is halted as by an operator: `engine-ctl resume --strategy` or `--instrument` ends it.
"""

from typing import Any

from engine.supervisor.processes.deaths import Death

EXIT_WRONG_SELF = 70  # a role failed


class Repeats:
    """The record on which each process failed at its last death."""

    def __init__(self) -> None:
        """No process has failed yet."""
        self._last: dict[str, tuple[Any, ...]] = {}

    def add(self, death: Death) -> bool:
        """Note a death; True when it is the second one in a row on the same record."""
        key, before = _key(death), self._last.pop(death.process, None)
        if key is None:
            return False
        if key == before:
            return True
        self._last[death.process] = key
        return False


def _key(death: Death) -> tuple[Any, ...] | None:
    """The record on which a role failed by its own report; None for any other end."""
    record = death.record
    if death.exit_code != EXIT_WRONG_SELF or record is None or record["from"] != "process":
        return None
    return tuple(record[name] for name in ("role", "lane", "sequence", "strategy", "instrument", "id"))

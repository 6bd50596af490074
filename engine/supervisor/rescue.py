"""Supervises the process that cancels orders in place of a dead execution: `engine.execution.rescue`.

It is started when execution dies too often, and at `down` when execution is dead and orders are open. It ends by
itself. It is killed when execution runs again: execution cancels unknown orders itself, and may place new ones.
"""

import logging
import signal
import sys
from collections.abc import Mapping
from typing import Any

from engine.config import Config, Process
from engine.supervisor.processes.table import Child
from engine.supervisor.processes.watch import Table

NAME = "{}.rescue"  # of a role's rescue process; a configured process's name has no dot
LIMIT_NS = 150_000_000_000  # longer than the process's own limit

logger = logging.getLogger(__name__)


class Rescue:
    """At most one rescue process, and the result of the last one."""

    def __init__(self, config: Config, table: Table, role: str) -> None:
        """Begin without a process, for the execution of this role."""
        self.child: Child | None = None
        self.clean = False  # the venue listed no open order after the last execution that could place one had ended
        self.error = ""  # why the last rescue process failed
        self._table = table
        self._process = process_of(config, role)
        self._start_ns = 0

    @property
    def name(self) -> str:
        """The process's name."""
        return self._process.name

    def start(self, now_ns: int) -> None:
        """Start a rescue process, unless one runs or no order can be open."""
        if self.child is not None or self.clean:
            return
        try:
            child = self._table.start(self._process)
        except OSError as error:
            self._failed(str(error))
            return
        self.adopt(child, now_ns)
        text = "rescue process started: it cancels the orders that execution left"
        logger.warning(text, extra={"name_of": self.name, "pid": child.pid})

    def adopt(self, child: Child, now_ns: int) -> None:
        """Watch a rescue process that an earlier supervisor started."""
        self.child, self._start_ns = child, now_ns

    def step(self, now_ns: int) -> int:
        """Check whether the process has ended; 1 when it has."""
        if self.child is None:
            return 0
        code = self._table.exited(self.child)
        if code is None:
            if now_ns - self._start_ns > LIMIT_NS:
                self._table.signal(self.child, signal.SIGKILL)
            return 0
        child, self.child = self.child, None
        if code == 0:
            self.clean, self.error = True, ""
            text = "the venue lists no open order of this account"
            logger.warning(text, extra={"name_of": self.name, "pid": child.pid})
        else:
            self._failed(self._table.last_words(self._process, child) or f"exit code {code}")
        self._table.release(child)
        return 1

    def on_execution_up(self) -> None:
        """Execution runs: kill the rescue process, which would cancel execution's new orders."""
        self.clean, self.error = False, ""
        self.end()

    def end(self) -> None:
        """Kill the rescue process, if one runs."""
        if self.child is not None:
            self._table.signal(self.child, signal.SIGKILL)

    def status(self) -> Mapping[str, Any]:
        """The part of `status` about the rescue."""
        return {"pid": self.child.pid if self.child else 0, "clean": self.clean, "error": self.error}

    def _failed(self, error: str) -> None:
        self.error = error
        logger.critical(
            "the rescue process failed: orders may be open at the venue and no process cancels them",
            extra={"name_of": self.name, "error": error},
        )


def process_of(config: Config, role: str) -> Process:
    """The rescue process of an execution, with that execution's environment, which holds its keys."""
    environment = next((one.environment for one in config.placement if role in one.roles), {})
    files = ("--config", config.path, "--copy", str(config.paths.sound), "--role", role)
    command = (sys.executable, "-m", "engine.execution.rescue", *files)
    return Process(name=NAME.format(role), command=command, environment=environment)

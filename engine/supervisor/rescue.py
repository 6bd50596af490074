"""The process that cancels in the place of an execution that dies again and again: `engine.execution.rescue`.

It is started when execution dies too often, and at `down` when execution is gone for good and orders stand. It ends by
itself; when execution runs again it is ended, for that cancels what it does not know and may place new orders.
"""

import logging
import signal
import sys
from collections.abc import Mapping
from typing import Any

from engine.config import Config, Process
from engine.supervisor.leftovers import EXECUTION
from engine.supervisor.processes import Child
from engine.supervisor.watch import Table

NAME = "execution.rescue"  # a dot is in no configured process's name
LIMIT_NS = 150_000_000_000  # beyond the process's own

logger = logging.getLogger(__name__)


class Rescue:
    """At most one such process, and what came of the last one."""

    def __init__(self, config: Config, table: Table) -> None:
        """None runs."""
        self.child: Child | None = None
        self.clean = False  # the venue listed no open order after the last life of execution that could place one
        self.error = ""  # why the last one could not say so
        self._table = table
        self._process = process_of(config)
        self._start_ns = 0

    def start(self, now_ns: int) -> None:
        """Start one, unless one runs or nothing can be open."""
        if self.child is not None or self.clean:
            return
        try:
            child = self._table.start(self._process)
        except OSError as error:
            self._failed(str(error))
            return
        self.adopt(child, now_ns)
        logger.warning("a process is started that cancels what execution left", extra={"pid": child.pid})

    def adopt(self, child: Child, now_ns: int) -> None:
        """Go on watching one that an earlier supervisor started."""
        self.child, self._start_ns = child, now_ns

    def step(self, now_ns: int) -> int:
        """Look whether it has ended; 1 when it has."""
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
            logger.warning("the venue lists no open order of this system", extra={"pid": child.pid})
        else:
            self._failed(self._table.last_words(self._process, child) or f"exit code {code}")
        self._table.forget(child)
        return 1

    def on_execution_up(self) -> None:
        """Execution runs: it cancels what is to be cancelled, and what it places must stay."""
        self.clean, self.error = False, ""
        self.end()

    def end(self) -> None:
        """Kill the one that runs."""
        if self.child is not None:
            self._table.signal(self.child, signal.SIGKILL)

    def status(self) -> Mapping[str, Any]:
        """What `status` shows."""
        return {"pid": self.child.pid if self.child else 0, "clean": self.clean, "error": self.error}

    def _failed(self, error: str) -> None:
        self.error = error
        logger.critical("orders may stand at the venue with nobody who cancels them", extra={"error": error})


def process_of(config: Config) -> Process:
    """The process, with the environment in which execution finds its key."""
    environment = next((one.environment for one in config.placement if EXECUTION in one.roles), {})
    files = ("--config", config.path, "--copy", str(config.paths.sound))
    command = (sys.executable, "-m", "engine.execution.rescue", *files)
    return Process(name=NAME, command=command, environment=environment)

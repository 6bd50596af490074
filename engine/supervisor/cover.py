"""The supervisor's work for one execution that does not run: cancel the orders that it left at the venue.

    while the system is up    execution has not run for longer than a start may last ─▶ rescue process
                              execution dies too often                               ─▶ rescue process
    at `down`                 execution is started once more to cancel its orders, if that fails ─▶ rescue process

Each execution has a cover of its own, because each has an account and keys of its own.
"""

import logging

from engine.config import Config
from engine.supervisor import leftovers
from engine.supervisor.processes.watch import Phase, Table, Watch
from engine.supervisor.rescue import Rescue

MS = 1_000_000
REVIVAL_LIMIT_NS = 20_000_000_000  # how long an execution may run that `down` started to cancel orders

logger = logging.getLogger(__name__)


class Cover:
    """One execution's orders while it does not run."""

    def __init__(self, config: Config, table: Table, role: str, now_ns: int) -> None:
        """Begin as if execution had just ended: no rescue process runs."""
        self.role = role
        self.rescue = Rescue(config, table, role)
        self._config = config
        self._absent_ns = now_ns  # since when execution has not run
        self._rescues_down = False  # `down` has checked whether a dead execution left orders
        self._revived_ns = 0  # when `down` decided whether to start execution once more to cancel orders

    def allow_gap(self, gap_ns: int) -> None:
        """Do not count a time in which the supervisor itself did not run."""
        self._absent_ns += gap_ns

    def watch(self, watch: Watch, now_ns: int) -> None:
        """Start the rescue process when execution has not run for longer than a start may last."""
        if watch.settled:
            self._absent_ns = now_ns
            self.rescue.on_execution_up()
        elif now_ns - self._absent_ns > self._config.watch.start_limit_ms * MS:
            self._absent_ns = now_ns
            if self._left():
                self.rescue.start(now_ns)

    def on_death_limit(self, now_ns: int) -> None:
        """Execution dies too often: log the orders that it left, and cancel them."""
        leftovers.warn(self._left())
        self.rescue.start(now_ns)

    def revives(self, watch: Watch, now_ns: int) -> bool:
        """Whether a dead or half-started execution is started once more, because orders are open at the venue."""
        if watch.settled or watch.phase is Phase.STOPPING:
            return False
        if self._revived_ns:
            starts = watch.phase is Phase.STARTING or (watch.phase is Phase.WAITING and now_ns >= watch.start_ns)
            return starts and now_ns - self._revived_ns < REVIVAL_LIMIT_NS
        self._revived_ns = now_ns
        if (watch.phase is Phase.STOPPED and watch.exit_code == 0) or not self._left():
            return False
        text = "orders are open and execution does not run: it is started to cancel them"
        logger.warning(text, extra={"execution": self.role})
        if watch.child is None:
            watch.stop(now_ns, again=True)
        return True

    def rescues(self, watch: Watch, now_ns: int) -> bool:
        """Whether a rescue process cancels what execution left; the processes that it needs are not stopped yet."""
        if watch.exit_code == 0:
            return False
        if not self._rescues_down:
            self._rescues_down, self._revived_ns = True, now_ns
            if self._left():
                self.rescue.start(now_ns)
        return self.rescue.child is not None and now_ns - self._revived_ns < REVIVAL_LIMIT_NS

    def left_at_the_end(self) -> list[leftovers.Left]:
        """The orders that are left when the system is down; none when the rescue process found none."""
        return [] if self.rescue.clean else self._left()

    def _left(self) -> list[leftovers.Left]:
        return leftovers.unfinished(self._config, self.role)

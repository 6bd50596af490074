"""How long the supervisor has sent no heartbeat: it is logged, and after a second limit entries stop."""

import logging

from engine.execution.config import ExecutionConfig
from engine.execution.ports import OperatorPort

logger = logging.getLogger("engine.execution")

MS = 1_000_000


class SupervisorSilence:
    """Judges the supervisor's heartbeat."""

    def __init__(self, config: ExecutionConfig, operator: OperatorPort) -> None:
        """Begin with a supervisor that lives."""
        self._alarm_ns, self._lost_ns = config.supervisor_alarm_ns, config.supervisor_lost_ns
        self._operator = operator
        self._silent = False
        self.lost = False  # silent for so long that entries stop

    def judge(self, now_ns: int) -> None:
        """Log when the heartbeat stops and when it returns; set `lost` after the second limit (0: never)."""
        silent_ns = self._operator.silent_ns(now_ns)
        silent, lost = silent_ns > self._alarm_ns, silent_ns > self._lost_ns > 0
        if silent and not self._silent:
            seconds = self._lost_ns / 1e9
            advice = f"entries stop {seconds:g} s after its last heartbeat" if self._lost_ns else "entries go on"
            logger.error("the supervisor sends no heartbeat", extra={"silent_ms": silent_ns // MS, "what": advice})
        if lost and not self.lost:
            logger.error("the supervisor is lost: only exits are sent", extra={"silent_ms": silent_ns // MS})
        if self._silent and not silent:
            logger.warning("the supervisor sends heartbeats again: orders are sent")
        self._silent, self.lost = silent, lost

"""`on_death` of a strategy: what happens to its orders and its position, once for each of its lives that ended.

    <run directory>/policies.json   {"maker": 1700000000000000000}    the start of the life that was followed last

A strategy that is parked keeps the heartbeat of its last life. Without the file each later supervisor would follow that
death again, also after an operator has resumed the strategy.
"""

import json
import logging
from collections.abc import Callable
from pathlib import Path

from engine.config import Config, Strategy
from engine.config.private import replace_private
from engine.model.rows import HeartbeatRow
from engine.model.scope import Scope
from engine.model.words import HaltReason
from engine.supervisor.halt import Halt

FILE = "policies.json"
BeatOf = Callable[[str], HeartbeatRow | None]

logger = logging.getLogger(__name__)


class Policies:
    """The policies of every strategy."""

    def __init__(self, config: Config, beat_of: BeatOf) -> None:
        """Read which lives were followed; `beat_of` reads a role's heartbeat."""
        self._strategies = config.strategies
        self._beat_of = beat_of
        self._file = config.paths.run / FILE
        self._followed = _read(self._file)

    def follow(self, roles: tuple[str, ...], halt: Halt, now_ns: int) -> None:
        """Follow the death of a process with these roles."""
        for strategy in self._strategies:
            if strategy.name in roles:
                _apply(strategy, halt, now_ns)
                self._remember(strategy.name)

    def follow_missed(self, roles: tuple[str, ...], halt: Halt, now_ns: int) -> None:
        """Follow the death of a process that the last supervisor may have left to this one."""
        self.follow(
            tuple(role for role in roles if self._life_of(role) not in (0, self._followed.get(role))), halt, now_ns
        )

    def _life_of(self, role: str) -> int:
        """When a role's last life began; 0 before its first."""
        beat = self._beat_of(role)
        return 0 if beat is None else beat.start_ns

    def _remember(self, role: str) -> None:
        """Store the life after its policy was published: a supervisor that dies between the two follows it again."""
        self._followed[role] = self._life_of(role)
        try:
            replace_private(self._file, json.dumps(self._followed).encode())
        except OSError as error:
            text = "the next supervisor will follow the death of a strategy again: its file cannot be written"
            logger.error(text, extra={"strategy": role, "error": str(error)})  # noqa: TRY400 - no traceback is needed


def _apply(strategy: Strategy, halt: Halt, now_ns: int) -> None:
    """Have execution cancel a strategy's orders, or close its position; one that is flattened stays halted."""
    scope, me = Scope(strategy=strategy.id), halt.me
    if strategy.on_death == "flatten":
        halt.halt_scope(now_ns, me, scope, HaltReason.DEATHS, flattens=True)
    elif strategy.on_death == "cancel":
        halt.cancel_all(now_ns, me, scope)


def _read(file: Path) -> dict[str, int]:
    """By strategy, the life that was followed last; none without a readable file."""
    try:
        return {str(name): int(start_ns) for name, start_ns in json.loads(file.read_bytes()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}

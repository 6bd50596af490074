"""Finds the strategies that raised while their process continues without them: their heartbeat shows FAILED.

heartbeat FAILED ──▶ Failed.find ──▶ a line in the file of deaths, once for each life of the process
                                └──▶ the supervisor follows `on_death`, and has the orders cancelled
"""

from collections.abc import Callable, Iterable, Iterator

from engine import evidence
from engine.config import Config, Process
from engine.model.rows import HeartbeatRow
from engine.model.words import RoleState
from engine.supervisor.processes import deaths, last_words
from engine.supervisor.processes.causes import record_of
from engine.supervisor.processes.deaths import LOG_LINES, Death
from engine.supervisor.processes.table import Child

Watched = Iterable[tuple[Process, Child]]


class Failed:
    """The strategies that have failed, each in a process that runs."""

    def __init__(self, config: Config, beat_of: Callable[[str], HeartbeatRow | None]) -> None:
        """`beat_of` reads a role's heartbeat."""
        self._config, self._beat_of = config, beat_of
        self._strategies = frozenset(one.name for one in config.strategies)
        self._known: set[tuple[str, int]] = set()  # by role and pid

    def of(self, process: Process, child: Child | None) -> list[str]:
        """The strategies of a running process that have failed."""
        if child is None or len(process.roles) == 1:
            return []
        return [role for role in process.roles if role in self._strategies and self._is_failed(role, child.pid)]

    def find(self, watched: Watched, now_ns: int) -> Iterator[str]:
        """Yield each strategy that has failed since the last call, after its line is in the file of deaths."""
        for process, child in watched:
            for role in self.of(process, child):
                if (role, child.pid) not in self._known:
                    self._known.add((role, child.pid))
                    self._record(process, role, child, now_ns)
                    yield role

    def _is_failed(self, role: str, pid: int) -> bool:
        beat = self._beat_of(role)
        return beat is not None and beat.state == RoleState.FAILED and beat.pid == pid

    def _record(self, process: Process, role: str, child: Child, now_ns: int) -> None:
        """Add the line, if no earlier supervisor has added it."""
        beat = self._beat_of(role)
        file, name = self._config.paths.deaths, evidence.role_name(process.name, role)
        if beat is not None and not deaths.has(file, name, child.pid, beat.start_ns):
            deaths.append(file, self._death(name, process, role, child, now_ns))
        evidence.remove(self._config.paths.run, name)

    def _death(self, name: str, process: Process, role: str, child: Child, now_ns: int) -> Death:
        failure = evidence.read_failure(self._config.paths.run, name)
        log = self._config.paths.log(process.name)
        return Death(
            now_ns, name, (role,), child.pid, f"a strategy failed, its process goes on: {failure.get('error', '')}",
            record=record_of(self._config, failure), stack=failure.get("stack"), adopted=child.adopted,
            log=tuple(last_words.last_lines(log, child.log_offset, 0.0, LOG_LINES)),
        )  # fmt: skip

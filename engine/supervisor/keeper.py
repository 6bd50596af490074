"""The supervisor itself: watches, halt and control socket, advanced together by `step`."""

import functools
import logging
import os
import signal
import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from engine import skips
from engine.config import Config, Process
from engine.config import Watch as Patience
from engine.config.accounts import Account, accounts_of
from engine.config.tables import ALERTS, DASHBOARD, METRICS, MONITOR, RECORDER
from engine.control import ControlServer, Peer, Request
from engine.lanes import AGGREGATION, CANCELLER, EXECUTION, STRATEGY, SUPERVISOR, RoleLanes, open_lanes
from engine.model.rows import HeartbeatRow
from engine.model.scope import Scope
from engine.model.words import HaltReason, RoleState
from engine.role import WorkingOn
from engine.supervisor import audit, leftovers, life, operators, segments
from engine.supervisor.commands import COMMANDS, answers
from engine.supervisor.cover import Cover
from engine.supervisor.halt import Halt
from engine.supervisor.mode import publish_mode
from engine.supervisor.policies import Policies
from engine.supervisor.processes import deaths
from engine.supervisor.processes.causes import End, child_of, death_of
from engine.supervisor.processes.deaths import Death
from engine.supervisor.processes.failed import Failed
from engine.supervisor.processes.repeats import Repeats
from engine.supervisor.processes.table import EXIT_UNKNOWN, Child
from engine.supervisor.processes.watch import Phase, Table, Watch
from engine.supervisor.service.supervision import Supervision
from engine.supervisor.settings import Settings
from engine.supervisor.status import state_of

if TYPE_CHECKING:
    from engine.lanes.ports import CellReader

MS = 1_000_000
CHECK_NS = 1_000_000_000  # how often the segments' files are checked

logger = logging.getLogger(__name__)


class FindingTable(Table, Protocol):
    """A process table that can also find the processes that already run."""

    def find(self) -> dict[str, Child]:
        """The running processes by name."""


class Beats:
    """The roles' heartbeat cells, opened again when their segments were created again."""

    def __init__(self) -> None:
        """Begin without a cell."""
        self.cells: dict[str, CellReader] = {}

    def open(self, config: Config, lanes: RoleLanes) -> None:
        """Open the heartbeat of every role."""
        self.cells = {role: lanes.cell_reader("heartbeat", role) for role in config.role_names}

    def read(self, role: str) -> HeartbeatRow | None:
        """The role's last beat, or None."""
        beat: HeartbeatRow | None = self.cells[role].read(0)
        return beat


class Keeper:
    """Supervises one system. `step(now_ns)` does the work that is due; `ended` is true when everything is down."""

    name = SUPERVISOR

    def __init__(
        self, config: Config, table: FindingTable, now_ns: int, made: Collection[str] = (), me: Peer | None = None
    ) -> None:
        """Continue the stored halt and adopt the running processes; the first step starts the missing ones.

        `made` are the segments that were created for this start: no adopted process can have them open. `me` is whose
        records the supervisor's own halts are; None: of this process.
        """
        self.config = config
        self.accounts = _accounts(config)
        self.table = table
        self.me = me
        self.now_ns = self.since_ns = self._last_ns = now_ns
        self.operators = operators.Operators(config)
        self.beats = Beats()
        self.repeats = Repeats()
        self.policies = Policies(config, self.beats.read)
        self.failed = Failed(config, self.beats.read)
        if made:
            skips.clear(config.paths.run)
        self.supervision = Supervision(config.watch.restart_limit_ms * MS)
        self._open_lanes(now_ns)
        self.watches = {
            process.name: Watch(
                process,
                patience_of(config, process),
                table,
                self.beats.read,
                self._on_death_limit,
                parks=functools.partial(self._may_park, process),
                on_death=self._record_death,
            )
            for process in config.placement
        }
        self._files = segments.files(config)
        self._lost: set[str] = set()  # segments whose files were removed
        self._check_ns = 0  # when the files are checked next
        self.covers = {role: Cover(config, role) for role in config.execution_names}
        self._adopt(now_ns)
        self._find_deaths()
        self._replace_users(made, now_ns)
        self._unowned = segments.remove_unowned(config)  # lanes that an earlier file named, and that are still written
        always = [one.name for one in COMMANDS.values() if one.always]
        operators.share_directory(config)
        self.control = ControlServer(
            config.paths.control, answers(self), self._audit, always=always, stranger=self.operators.stranger,
            group=operators.gid_of(config.system.group),
        )  # fmt: skip
        self.stopping = False
        self._all_down = False
        self.halt_requested = False  # by SIGUSR1
        self.steps = 0

    @property
    def ended(self) -> bool:
        """Whether the supervisor was asked to stop and every process has ended."""
        return self.stopping and self._all_down

    def filenos(self) -> list[int]:
        """The descriptors to wait on: deaths and commands."""
        children = [watch.child for watch in self.watches.values()]
        return [child.pidfd for child in children if child is not None] + self.control.filenos()

    def step(self, now_ns: int) -> int:
        """Check processes, halt and commands once; how much work was done."""
        gap_ns = now_ns - self._last_ns
        self.now_ns = self._last_ns = now_ns
        if gap_ns > self.config.watch.late_ms * MS:
            self.supervision.deadlines.allow_gap(gap_ns)
            for watch in self.watches.values():
                watch.allow_gap(gap_ns)
        if self.halt_requested:
            self.halt_requested = False
            self.halt.halt(now_ns, self.halt.me, HaltReason.SIGNAL)
        work = self.control.step() + self.halt.step(now_ns) + self.settings.step(now_ns)
        if now_ns >= self._check_ns and not self.stopping:
            self._check_segments(now_ns)
        work += self._step_down(now_ns) if self.stopping else self._step_watches(now_ns)
        self.steps += 1
        self.supervision.publish(self.watches.items(), now_ns, stopping=self.stopping)
        self._beat(now_ns, RoleState.DRAINING if self.stopping else RoleState.RUNNING)
        return work

    def stop(self) -> None:
        """Stop every process, in the reverse order of start."""
        self.stopping = True

    def close(self) -> None:
        """Close the control socket and the lanes."""
        self.control.close()
        self._beat(self.now_ns, RoleState.STOPPED)
        self.halt.close()
        self.pulse.close()
        self.supervision.close()

    def request_halt(self) -> None:
        """SIGUSR1: halt at the next step; the signal wakes the process."""
        self.halt_requested = True

    def _open_lanes(self, now_ns: int) -> None:
        """Open the supervisor's lanes, at its start and again on new segments; the stored halt continues."""
        operators.share_lanes(self.config, [name for name, _, _ in segments.lanes(self.config)])
        self.halt = Halt(self.config, now_ns, self.me)
        self.settings = Settings(self.config, self.halt, now_ns)
        lanes = open_lanes(self.config.system.name, SUPERVISOR)
        self.pulse = lanes.cell_writer("heartbeat")
        self.supervision.open(lanes)
        self.beats.open(self.config, lanes)

    def _step_watches(self, now_ns: int) -> int:
        """Step every watch; a process may start when all commands with a ready line before it are ready."""
        if self._lost:
            return self._step_lost(now_ns)
        work, may_start = 0, True
        for watch in self.watches.values():
            work += watch.step(now_ns, may_start=may_start)
            may_start = may_start and (watch.settled or not watch.process.ready_line)
        return work + self._find_failed()

    def _find_failed(self) -> int:
        """Handle the strategies that have raised while their process continues; how many."""
        watched = [(one.process, one.child) for one in self.watches.values() if one.child is not None]
        found = list(self.failed.find(watched, self.now_ns))
        for name in found:
            logger.critical("a strategy failed, its process goes on", extra={"strategy": name})
            self.policies.follow_missed((name,), self.halt, self.now_ns)
            self._cancel_orders((name,))
        return len(found)

    def _check_segments(self, now_ns: int) -> None:
        """Find segments that were unlinked while the system runs, as logind does at a logout; stop their roles."""
        self._check_ns = now_ns + CHECK_NS
        if self._unowned:
            self._unowned = segments.remove_unowned(self.config)
        found = segments.files(self.config)
        names = {self.config.lane(name) for name, _, _ in segments.lanes(self.config)}
        lost = {name for name in names if name not in found or found[name] != self._files.get(name)}
        if lost - self._lost:
            logger.critical(
                "segments were removed, their processes start again on new ones", extra={"lost": sorted(lost)}
            )
        if lost:
            self._lost |= lost
            self._stop_users(lost, now_ns)

    def _replace_users(self, made: Collection[str], now_ns: int) -> None:
        """Start adopted processes again that use a new lane, as after a change of an account's name in the file.

        A new heartbeat is of a new role, and a process that needs its beats reads other lanes of it too.
        """
        opened = {name for name in made if name.split(".")[1] != "heartbeat"}
        if names := self._stop_users(opened, now_ns):
            logger.warning("their lanes are new, started again", extra={"names": names})

    def _stop_users(self, lanes: set[str], now_ns: int) -> list[str]:
        """Stop the running processes that use one of these lanes, to start them again; their names."""
        roles = segments.users_of(self.config, lanes)
        found = [one for one in self.watches.values() if one.child and not roles.isdisjoint(one.process.roles)]
        for watch in found:
            watch.stop(now_ns, again=True)
        return [watch.process.name for watch in found]

    def _step_lost(self, now_ns: int) -> int:
        """Create the lost segments again when no process maps the old ones; until then start no process."""
        work = sum(watch.step(now_ns, may_start=False) for watch in self.watches.values())
        roles = segments.users_of(self.config, self._lost)
        if any(
            watch.child is not None and not roles.isdisjoint(watch.process.roles) for watch in self.watches.values()
        ):
            return work
        self._recreate_segments(now_ns)
        return 1

    def _recreate_segments(self, now_ns: int) -> None:
        """Create the lost segments again and open the supervisor's own lanes in them; a halt stays in force.

        Without room in /dev/shm this raises, the supervisor ends, and its guard starts another, which tries again.
        """
        old = self.halt
        old.close()
        self.pulse.close()
        self.supervision.close()
        segments.create(self.config)
        skips.clear(self.config.paths.run)
        publish_mode(self.config, now_ns)
        self._open_lanes(now_ns)
        if old.halted and not self.halt.halted:
            self.halt.halt(now_ns, self.halt.me, old.reason)
        self._files, self._lost = segments.files(self.config), set()

    def _step_down(self, now_ns: int) -> int:
        """Stop the last process that still runs; it may need the processes before it to drain."""
        for watch in self._stop_order():
            covers = [self.covers[self.config.execution_of_canceller(role)] for role in self._cancellers_in(watch)]
            if covers:
                if not all(one.ends(watch, now_ns) for one in covers):
                    return 0
            elif watch.phase is not Phase.STOPPED:
                watch.stop(now_ns)
                return watch.step(now_ns, may_start=False)
        self._all_down = True
        return 0

    def _stop_order(self) -> list[Watch]:
        """The reverse order of start, with the cancellers after the last process that can place an order.

        A recorder with a process of its own is last: it records what the others do while they drain.
        """
        cancellers = [watch for watch in self.watches.values() if self._cancellers_in(watch)]
        recorders = [watch for watch in self.watches.values() if watch.process.roles == (RECORDER,)]
        others = [watch for watch in reversed(self.watches.values()) if watch not in (*cancellers, *recorders)]
        kinds = [[self.config.kind_of(role) for role in watch.process.roles] for watch in others]
        count = max((index + 1 for index, of in enumerate(kinds) if EXECUTION in of), default=0)
        return others[:count] + cancellers + others[count:] + recorders

    def _cancellers_in(self, watch: Watch) -> list[str]:
        """The cancellers in a process; such a process has no other role."""
        return [role for role in watch.process.roles if self.config.kind_of(role) == CANCELLER]

    def left_at_the_end(self) -> list[leftovers.Left]:
        """The orders of all executions that are left when the system is down."""
        codes = {role: watch.exit_code for watch in self.watches.values() for role in watch.process.roles}
        return [
            order
            for role, one in self.covers.items()
            for order in one.left_at_the_end(ended_clean=codes.get(role, 0) == 0)
        ]

    def _adopt(self, now_ns: int) -> None:
        """Adopt the running processes; a process that is not in the configuration gets SIGTERM."""
        for name, child in self.table.find().items():
            if name in self.watches:
                self.watches[name].adopt(child, now_ns)
            else:
                logger.warning("not in the configuration, stopped", extra={"name_of": name, "pid": child.pid})
                self.table.signal(child, signal.SIGTERM)
                self.table.release(child)

    def _beat(self, now_ns: int, state: RoleState) -> None:
        living = sum(watch.child is not None for watch in self.watches.values())
        deaths = sum(watch.death_count for watch in self.watches.values())
        self.pulse.write(
            0, time.monotonic_ns(), now_ns, self.since_ns, self.steps, living, os.getpid(), state, 0, 0, deaths
        )

    def _on_death_limit(self, name: str, count: int) -> None:
        """A process dies too often: park it if the others can trade without it, else halt the system."""
        watch = self.watches[name]
        if watch.phase is Phase.PARKED:
            self._park(watch)
            return
        logger.critical("dies too often", extra={"name_of": name, "deaths": count})
        if not self._cancellers_in(watch):  # the others trade on: the canceller is started again slowly
            self.halt.halt(self.now_ns, self.halt.me, HaltReason.DEATHS)

    def _record_death(self, end: End, now_ns: int) -> None:
        """Record a death where `engine-ctl deaths` and the alerts find it; end a row of failures on one record."""
        death = death_of(self.config, end, now_ns)
        deaths.append(self.config.paths.deaths, death)
        if death.raised and self.config.kind_of(death.raised) == STRATEGY:
            self.watches[death.process].hopeless = True  # parked at once, if the others can trade without it
        if self.repeats.add(death):
            self._end_repeats(death)
        self.policies.follow(end.process.roles, self.halt, self.now_ns)

    def _end_repeats(self, death: Death) -> None:
        """A process failed twice on the same record: park strategies' own process, else halt what the record names."""
        assert death.record is not None, "a repeated death without its record"
        extra = {"name_of": death.process, **death.record}
        logger.critical("failed twice on the same record", extra=extra)
        watch, record = self.watches[death.process], self._record_of(death.record)
        watch.hopeless = all(self.config.kind_of(role) == STRATEGY for role in watch.process.roles)
        scope = Scope(strategy=record.strategy) if record.strategy else Scope(instrument=record.instrument)
        if watch.hopeless or scope.whole:
            return
        self.halt.halt_scope(self.now_ns, self.halt.me, scope, HaltReason.DEATHS)
        self._skip(death.record["role"], record)

    def _record_of(self, found: Mapping[str, Any]) -> WorkingOn:
        """The record of a death as its role reported it, with the strategy's number."""
        number = self.config.strategy(found["strategy"]).id if found["strategy"] else 0
        return WorkingOn(found["lane"], found["sequence"], number, found["instrument"], found["id"])

    def _skip(self, role: str, record: WorkingOn) -> None:
        """Have a role leave out a record: it would fail on it again, whatever is halted."""
        try:
            skips.add(self.config.paths.run, role, record)
        except OSError as error:  # it fails on, until `death_limit` halts the system
            logger.critical("the record cannot be left out", extra={"record": record, "error": str(error)})

    def _find_deaths(self) -> None:
        """Handle the deaths while no supervisor ran: the last beat of a process is not that of its end.

        The last supervisor may have recorded a death and not have started the process again.
        """
        for watch in self.watches.values():
            beats = [beat for role in watch.process.roles if (beat := self.beats.read(role)) is not None]
            beat = next((beat for beat in beats if beat.state != RoleState.STOPPED), None)
            if watch.child is not None or beat is None:
                continue
            if deaths.has(self.config.paths.deaths, watch.process.name, beat.pid, beat.start_ns):
                self.policies.follow_missed(watch.process.roles, self.halt, self.now_ns)
            else:
                self._record_death(End(watch.process, child_of(beat, self.now_ns), EXIT_UNKNOWN), self.now_ns)

    def _may_park(self, process: Process) -> bool:
        """Whether the others can go on without this process: a strategy, a role that only reads, an unread aggregation.

        While the monitor is parked, execution refuses entries by itself.

        A strategy's hooks declare what it reads, and its heartbeat repeats it: the supervisor runs no strategy's code.
        """
        strategies = {strategy.name for strategy in self.config.strategies}
        beats = [
            watch.beat_of(role) for watch in self.watches.values() for role in watch.process.roles if role in strategies
        ]
        unread = {AGGREGATION} if all(map(reads_nothing, beats)) else set()
        optional = strategies | {ALERTS, MONITOR, RECORDER, METRICS, DASHBOARD} | unread
        return bool(process.roles) and optional.issuperset(process.roles)

    def _park(self, watch: Watch) -> None:
        """Have execution cancel the parked strategies' orders; their positions stay theirs and stay published."""
        logger.critical("parked", extra={"name_of": watch.process.name, "error": watch.error})
        self._cancel_orders(watch.process.roles)

    def _cancel_orders(self, roles: Collection[str]) -> None:
        """Have execution cancel the orders of the strategies among these roles."""
        for strategy in self.config.strategies:
            if strategy.name in roles:
                self.halt.cancel_all(self.now_ns, self.halt.me, Scope(strategy=strategy.id))

    def status(self) -> Mapping[str, Any]:
        """The state of the system and of each process."""
        return state_of(self)

    def guard_pid(self) -> int:
        """The guard's process id; 0 when none runs."""
        return life.guard_pid(self.config.paths.guard_lock)

    def _audit(self, request: Request, answer: Mapping[str, Any]) -> None:
        """One audit line for each command that can change something."""
        known = COMMANDS.get(request.command)
        if known is not None and not known.audited:
            return
        line = {
            "now_ns": self.now_ns, "command": request.command, "arguments": dict(request.arguments),
            "uid": request.peer.uid, "user": operators.name_of(request.peer.uid), "pid": request.peer.pid,
            "answer": answer,
        }  # fmt: skip
        audit.append(self.config.paths.audit, line)


def patience_of(config: Config, process: Process) -> Patience:
    """The limits of one process."""
    late_ms = config.late_ms(process)
    frozen_ms = max(config.watch.frozen_ms, 2 * late_ms if late_ms > config.watch.late_ms else 0)
    limits = {"late_ms": late_ms, "frozen_ms": frozen_ms, "drain_limit_ms": config.drain_limit_ms(process)}
    return msgspec.structs.replace(config.watch, **limits)


def reads_nothing(beat: Any) -> bool:
    """Whether a strategy, by its heartbeat, reads no lane of the aggregation; False before its first run."""
    return beat is not None and beat.state > RoleState.STARTING and not beat.reads


def _accounts(config: Config) -> tuple[Account, ...]:
    """The accounts of the system; none where it trades nothing, as with the instruments of several venues."""
    try:
        return accounts_of(config)
    except ValueError:
        return ()

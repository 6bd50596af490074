"""The world with the whole supervisor: its own `Keeper` starts, watches, kills, restarts, parks and adopts the roles.

    the world   kills and freezes roles and the supervisor, has a role fail at each start, restarts roles by command
    Keeper      finds it by the roles' heartbeats and by its process table (`machine`), and decides what to do

Always    no role has a twin, also after a death of the supervisor between a start and its record
          a role that is dead or frozen for `BOUND_NS` of the supervisor's time is started again, or killed
          no role that steps is killed; a parked role is started by an operator only, while this supervisor lives
          a strategy does not start before the policy for its last death is on COMMANDS
          once the supervisor is silent for `supervisor_lost_ns`, execution sends only exits; orders go on after it
At the end what holds in every world with an operator: no order is lost or doubled, each command is followed once
"""

import signal
from collections.abc import Mapping
from random import Random
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from engine.chaos.commanded import SUPERVISOR as ME
from engine.chaos.commanded import CommandedWorld
from engine.chaos.exits import ExitsOnly
from engine.chaos.machine import Freeze, Life, Machine, MachineTable
from engine.chaos.mortality import Killed, Mortal
from engine.chaos.world import CALM, EXECUTION, MS, SECOND_NS, Mishaps, RoleSlot
from engine.execution.operator import POLL_NS, Operator
from engine.execution.ports import OperatorPort
from engine.lanes import EXECUTION as EXECUTION_KIND
from engine.lanes import FEED, SUPERVISOR, open_lanes, open_role
from engine.lanes.create import create
from engine.model.records import HEARTBEAT
from engine.model.scope import WHOLE, Scope
from engine.model.words import CommandKind, RoleState
from engine.supervisor.keeper import Keeper
from engine.supervisor.processes.watch import Phase
from shm import remove

if TYPE_CHECKING:
    from engine.lanes.ports import CellWriter

MISHAPS = Mishaps(death_ns=2 * SECOND_NS, freeze_ns=0, halt_ns=0)
FREEZE_NS = SECOND_NS  # the mean time between two freezes of any role
FAILING_NS = 3 * SECOND_NS  # that between two intervals in which a role fails at each start
RESTART_NS = SECOND_NS  # that between two restarts by the operator
STUCK_NS = 2 * SECOND_NS  # that between two freezes of the supervisor
IMPORT_NS = (5 * MS, 50 * MS)
FAILS_FOR_NS = (300 * MS, 1_500 * MS)
FREEZES = (Freeze.STOPPED, Freeze.HANGS, Freeze.LOOPS, Freeze.WAITS)
FOREVER_NS = 1_000 * SECOND_NS
COMMAND_NS, RESUME_NS = SECOND_NS, 100 * MS  # so that orders are sent most of the time
BEAT_NS = 20 * MS
DRAIN_NS = 100 * MS
LOST_NS = SECOND_NS
SLACK_NS = 4 * POLL_NS
BOUND_NS = 1_600 * MS  # a restart is asked for just before `frozen_ms`: then the drain and its settling
TABLES = f"""[watch]
late_ms = 100
frozen_ms = 400
start_limit_ms = 1000
start_still_ms = 200
backoff_first_ms = 10
backoff_cap_ms = 80
death_limit = 4
death_window_ms = 1000
slow_retry_ms = 500
drain_limit_ms = {DRAIN_NS // MS}
supervisor_lost_ms = {LOST_NS // MS}
"""


class SupervisedWorld(CommandedWorld):
    """The world whose roles live by the supervisor's decisions."""

    attendants = (FEED,)  # every role has a heartbeat
    on_death: Mapping[str, str] = MappingProxyType({"maker": "cancel", "taker": "flatten"})
    tables = TABLES
    supervisor_lost_ns = LOST_NS
    command_ns, resume_ns = COMMAND_NS, RESUME_NS

    def __init__(self, seed: int, mishaps: Mishaps | None = None) -> None:
        """No process runs; the supervisor starts them all."""
        self._fates = Random(f"supervisor:{seed}")  # noqa: S311 - a chaos must be repeatable
        self.machine = Machine(lambda: self._fates.randrange(*IMPORT_NS))
        self._beats: dict[str, CellWriter] = {}
        self._beat_ns: dict[str, int] = {}  # when each role beats next
        self._ended_ns: dict[str, int] = {}  # when the last life of each role ended
        self._dead: set[str] = set()  # the roles whose last life died
        self._parked: set[str] = set()
        self._failing, self._failing_until_ns = "", 0  # the role that fails at each start
        self._up_ns = self._stuck_ns = self._pulse_ns = 0
        super().__init__(seed, mishaps or MISHAPS)
        self._policies = self.lanes.reader("commands")
        self._followed: set[tuple[str, CommandKind]] = set()  # by strategy: what was commanded since its last death
        self._exits = ExitsOnly(self.invariants.holdings, self.instruments)
        self._check_scopes, self.halt.check = self.halt.check, self._check_message  # type: ignore[method-assign]

    def make_operator(self) -> OperatorPort:
        """The supervisor's heartbeat and the halt word, as the process of execution polls them."""
        opened = open_lanes(self.lanes.system, EXECUTION_KIND)
        word, beat = opened.cell_reader("operator_halt"), opened.cell_reader("heartbeat", SUPERVISOR)
        return Operator(word, self.config.paths.halt, beat)

    # The supervisor.

    def _open_supervisor(self) -> None:
        create(self.lanes.system, f"heartbeat.{SUPERVISOR}", wake="never")
        super()._open_supervisor()

    def _start_supervisor(self) -> None:
        """Start the supervisor as its guard does: it adopts what runs."""
        self.machine.now_ns = self._up_ns = self.now_ns
        self._parked.clear()  # the next supervisor tries once more
        table = MachineTable(self.machine, self._fuse, self._check_start, self._on_signal)
        self.keeper = Keeper(self.config, table, self.now_ns, (), ME)
        self.office, self.settings = self.keeper.halt, self.keeper.settings
        self.keeper.pulse = Mortal(self.keeper.pulse, self._fuse)  # type: ignore[assignment] # has every method
        self._begin_life()

    def _close_supervisor(self) -> None:
        if not self._back_ns:
            self.keeper.close()
        remove(f"{self.lanes.system}.heartbeat.{SUPERVISOR}")

    def _on_end(self, in_doubt: Any) -> None:
        super()._on_end(in_doubt)
        self.keeper.control.close()
        self.keeper.pulse.close()
        self.keeper.supervision.close()
        self._stuck_ns = 0
        if self._fates.randrange(3) == 0:  # its guard is dead too
            self._back_ns = self.now_ns + self._fates.randrange(LOST_NS // 2, 3 * LOST_NS)

    def _settings_step(self) -> None:
        """Nothing: `Keeper.step` does it."""

    def _step_keeper(self) -> None:
        """One round of the supervisor, if it runs."""
        if self._back_ns or self.now_ns < self._stuck_ns:
            self._up_ns = self.now_ns
            return
        if self.now_ns - self._pulse_ns > LOST_NS + SLACK_NS and self._pulse_ns:
            self.counts["silences"] += 1
        self._pulse_ns, before = self.now_ns, self._all_held()
        try:
            self.keeper.step(self.now_ns)
        except Killed:
            self._on_end(self._all_held() - before)
            return
        self._note_parked()

    def _all_held(self) -> set[Scope]:
        return {*self.office.scopes.held, *((WHOLE,) if self.office.halted else ())}

    def _note_parked(self) -> None:
        for name, watch in self.keeper.watches.items():
            if watch.phase is Phase.PARKED and name not in self._parked:
                self.counts["parked"] += 1
                self._parked.add(name)

    # The processes.

    def _slot(self, name: str) -> RoleSlot:
        return next(slot for slot in self.slots if slot.name == name)

    def _turn_role(self, slot: RoleSlot) -> None:
        life = self.machine.lives.get(slot.name)
        if life is None or life.freeze or self.now_ns < life.ready_ns:
            return
        life.event_ns = self.now_ns
        self._guard(slot, self._start if slot.role is None else self._step)
        if slot.name == self._failing and slot.role is not None:
            self._on_death(slot, "by_failure")

    def _start(self, slot: RoleSlot) -> None:
        beats = open_role(self.config, slot.name).cell_writer("heartbeat")
        slot.cleanup.append(beats.close)
        self._beats[slot.name] = beats
        self._beat(slot.name, RoleState.STARTING)
        super()._start(slot)

    def _step(self, slot: RoleSlot) -> None:
        super()._step(slot)
        life = self.machine.lives[slot.name]
        if life.stop_ns and self._drains(slot, life):
            self._beat(slot.name, RoleState.STOPPED)
            self._on_death(slot, "by_command")
        elif self.now_ns >= self._beat_ns[slot.name]:
            self._beat(slot.name, RoleState.DRAINING if life.stop_ns else RoleState.RUNNING)

    def _drains(self, slot: RoleSlot, life: Life) -> bool:
        """Drain a role; True when it has finished or its time is over."""
        assert slot.role is not None, f"{slot.name} drains before it is built"
        return slot.role.drain(self.now_ns) or self.now_ns - life.stop_ns > DRAIN_NS

    def _beat(self, name: str, state: RoleState) -> None:
        """As the process does after a round."""
        life = self.machine.lives[name]
        self._beat_ns[name] = self.now_ns + BEAT_NS
        self._beats[name].write(0, *HEARTBEAT.row(
            beat_ns=self.now_ns, wall_ns=self.now_ns, start_ns=life.start_ns, steps=0, work=0, pid=life.pid,
            state=state, reads=0, lag=0, error_count=0,
        ))  # fmt: skip

    def _on_death(self, slot: RoleSlot, how: str) -> None:
        super()._on_death(slot, how)
        code = {"by_command": 0, "by_failure": 70}.get(how, -signal.SIGKILL)
        self.machine.end(slot.name, code)
        self._ended_ns[slot.name] = self.now_ns
        self._read_policies()
        self._followed = {one for one in self._followed if one[0] != slot.name}
        (self._dead.add if code else self._dead.discard)(slot.name)

    def _on_signal(self, life: Life, number: int) -> None:
        """Deliver a signal of the supervisor; no role that steps is killed."""
        slot = self._slot(life.name)
        if number == signal.SIGKILL:
            just_thawed = self.now_ns - life.thawed_ns <= BEAT_NS + BEAT_NS // 2
            assert life.freeze or just_thawed or life.stop_ns, f"{life.name} is killed, and it steps: {life}"
            self._on_death(slot, "by_the_supervisor")
        elif number == signal.SIGTERM and slot.role is None:
            self._on_death(slot, "by_command")
        elif number == signal.SIGTERM:
            life.stop_ns = self.now_ns

    # The faults.

    def _draw_mishaps(self) -> None:
        self.machine.now_ns = self.now_ns
        super()._draw_mishaps()
        self._thaw()
        if self.mishaps is not CALM:
            self._draw_fates()
        self._step_keeper()

    def _draw_fates(self) -> None:
        """Freeze a role or the supervisor, have a role fail at each start, restart one by command."""
        if self._strikes(FREEZE_NS) and self.machine.lives:
            self._freeze(self._fates.choice(list(self.machine.lives.values())))
        if self._strikes(FAILING_NS):
            self._failing = self._fates.choice([slot.name for slot in self.slots])
            self._failing_until_ns = self.now_ns + self._fates.randrange(*FAILS_FOR_NS)
        if self.now_ns >= self._failing_until_ns:
            self._failing = ""
        if self._strikes(STUCK_NS) and not self._back_ns:
            self._stuck_ns = self.now_ns + self._fates.randrange(300 * MS)
        if self._strikes(RESTART_NS) and not self._back_ns:
            self._restart(self._fates.choice([slot.name for slot in self.slots]))

    def _strikes(self, mean_ns: int) -> bool:
        """As `_happens`, from the supervised world's own draws."""
        return self._fates.randrange(mean_ns) < MS

    def _freeze(self, life: Life) -> None:
        self.counts["freezes"] += 1
        lasts_ns = self._fates.choice((self._fates.randrange(1, 150 * MS), FOREVER_NS))
        life.begin_freeze(self._fates.choice(FREEZES), self.now_ns, self.now_ns + lasts_ns)

    def _thaw(self) -> None:
        for life in self.machine.lives.values():
            if life.freeze and self.now_ns >= life.thaw_ns:
                life.thaw(self.now_ns)

    def _restart(self, name: str) -> None:
        """`engine-ctl restart`: also the way out of a parking."""
        self.counts["restarts"] += 1
        self._parked.discard(name)
        try:
            self.keeper.watches[name].stop(self.now_ns, again=True)
        except Killed:
            self._on_end(())

    # The invariants.

    def turn(self) -> None:
        """One turn, and the supervisor's promises."""
        super().turn()
        for slot in self.slots:
            self._check_attended(slot.name)

    def _check_attended(self, name: str) -> None:
        """A role steps, or has been killed, started or parked, within the bound of the supervisor's time."""
        if name in self._parked:
            return
        life = self.machine.lives.get(name)
        since_ns = max(life.event_ns if life is not None else self._ended_ns.get(name, 0), self._up_ns)
        assert self.now_ns - since_ns <= BOUND_NS, f"{name} has not run for {self.now_ns - since_ns} ns: {life}"

    def _check_start(self, name: str) -> None:
        """A start of the supervisor: never of a parked role, and never before the policy of the last death."""
        assert name not in self._parked, f"{name} is parked, and the supervisor starts it"
        policy = {"cancel": CommandKind.CANCEL_ALL, "flatten": CommandKind.FLATTEN}.get(self.on_death.get(name, ""))
        if policy is None or name not in self._dead:
            return
        self._read_policies()
        assert (name, policy) in self._followed, f"{name} starts, and no {policy.name} followed its death"
        self.counts[f"policies_{policy.name.lower()}"] += 1

    def _read_policies(self) -> None:
        names = {Scope(strategy=number): name for name, number in self.strategies.items()}
        for row in self._policies.rows():
            if name := names.get(Scope.of(row)):
                self._followed.add((name, CommandKind(row.kind)))

    def _check_message(self, payload: bytes) -> None:
        """What execution sends, by the supervisor's silence too."""
        self._check_scopes(payload)
        life = self.machine.lives[EXECUTION]
        since_ns = max(self._pulse_ns, life.ready_ns, life.thawed_ns)
        if self.now_ns - since_ns > LOST_NS + SLACK_NS:
            self.counts["messages_in_a_silence"] += 1
            self.counts["exits_in_a_silence"] += self._exits.check(payload, "the supervisor is silent")
        elif self.counts["silences"]:
            self.counts["messages_after_a_silence"] += 1

    # The end.

    def settle(self) -> None:
        """End the faults: every role steps, a parked one by the operator's restart."""
        self.mishaps = CALM
        self._fuse.light(0)
        self._failing, self._stuck_ns = "", 0
        for slot in self.slots:
            slot.fuse.light(0)
        for life in self.machine.lives.values():
            life.thaw_ns = self.now_ns
        if self._back_ns:
            self._start_supervisor()
        for name in sorted(self._parked):
            self._restart(name)
        super().settle()

"""Processes: their deaths, those that stay dead, those that are frozen; the supervisor and the guard."""

from collections.abc import Iterator

from engine.alerts.causes.cause import Cause, Since, cause, seconds
from engine.alerts.deaths import Death
from engine.alerts.episodes import Finding
from engine.alerts.message import Severity
from engine.alerts.processes import Process
from engine.alerts.scene import MS, Scene
from engine.lanes import SUPERVISOR
from engine.model.words import RoleState


def died(death: Death) -> str:
    """A death as text."""
    roles = f"roles {', '.join(death.roles)}; " if death.roles not in ((), (death.process,)) else ""
    return f"the process {death.process} ({roles}pid {death.pid}) died. Cause: {death.cause or 'not recorded'}"


@cause
class ProcessDied(Cause):
    """A process of the system died; the supervisor starts it again."""

    name = "process_died"
    severity = Severity.CRITICAL
    is_event = True
    to_do = "engine-ctl deaths shows its last log lines, engine-ctl status whether it runs again"

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each death, but the supervisor's and that of alerts itself."""
        for death in scene.deaths:
            if death.process != SUPERVISOR:
                yield self.finding(death.process, f"{died(death)[:1].upper()}{died(death)[1:]}.")


@cause
class ProcessDown(Cause):
    """A process does not come back by itself."""

    name = "process_down"
    severity = Severity.CRITICAL
    unhealthy = True
    to_do = (
        "engine-ctl status shows why; when the cause is mended: engine-ctl restart PROCESS. Until then execution"
        " cancels the orders of a parked strategy; of a dead execution the supervisor cancels them at the venue"
    )

    def __init__(self) -> None:
        """Begin with every process running."""
        self._since = Since()

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each process that is dead for longer than the limit; one that was stopped by command is not."""
        for process in scene.watched:
            found = not process.runs and not (process.pid and process.ended_in_order)
            age_ns = self._since.age_ns(process.name, scene.now_ns, found=found)
            limit_ms = scene.limits.down_ms if process.pid else scene.config.watch.start_limit_ms
            if age_ns > limit_ms * MS:
                what = f"The process {process.name} has not run for {seconds(age_ns)}: it is parked or cannot start."
                yield self.finding(process.name, what, self.to_do.replace("PROCESS", process.name))


@cause
class ProcessFrozen(Cause):
    """A process runs and does not step."""

    name = "process_frozen"
    severity = Severity.CRITICAL
    unhealthy = True
    to_do = "the supervisor kills and restarts it; if it stays frozen: engine-ctl kill PROCESS, or kill -9 PID"

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each process whose heartbeat is older than the limit; one that starts has more time."""
        for process in scene.watched:
            if process.runs and (age_ns := silence_ns(process, scene)):
                to_do = self.to_do.replace("PROCESS", process.name).replace("PID", str(process.pid))
                what = f"The process {process.name} (pid {process.pid}) runs and has not stepped for {seconds(age_ns)}."
                yield self.finding(process.name, what, to_do)


def silence_ns(process: Process, scene: Scene) -> int:
    """How long a process has been silent, if that is longer than its limit; else 0."""
    starting = process.state == RoleState.STARTING
    limit_ms = scene.config.watch.start_limit_ms if starting else scene.limits.frozen_ms
    if found := next((one for one in scene.config.placement if one.name == process.name), None):
        limit_ms = max(limit_ms, scene.config.late_ms(found))  # a slow strategy has more time
    age_ns = scene.now_ns - process.beat_ns
    return age_ns if process.beat_ns and age_ns > limit_ms * MS else 0


@cause
class SupervisorDied(Cause):
    """The supervisor died; its guard starts another."""

    name = "supervisor_died"
    severity = Severity.CRITICAL
    is_event = True
    to_do = (
        "engine-ctl status shows whether a supervisor answers; if none does: engine-ctl up CONFIG. Roles trade on"
        " meanwhile, entries stop after watch.supervisor_lost_ms, engine-ctl halt works without it"
    )

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each death of the supervisor."""
        for death in scene.deaths:
            if death.process == SUPERVISOR:
                to_do = self.to_do.replace("CONFIG", scene.config.path)
                yield self.finding(SUPERVISOR, f"The supervisor: {died(death)}. No process is restarted.", to_do)


@cause
class SupervisorDown(Cause):
    """No supervisor beats."""

    name = "supervisor_down"
    severity = Severity.CRITICAL
    unhealthy = True
    to_do = SupervisorDied.to_do

    def find(self, scene: Scene) -> Iterator[Finding]:
        """A supervisor that has not beaten for the limit, dead or frozen; one that ended by `down` is neither."""
        supervisor = scene.processes.supervisor
        age_ns = scene.now_ns - supervisor.beat_ns
        in_order = not supervisor.runs and supervisor.ended_in_order
        if not supervisor.beat_ns or in_order or age_ns <= scene.limits.frozen_ms * MS:
            return
        state = "is frozen" if supervisor.runs else "does not run"
        what = f"The supervisor {state}: no beat for {seconds(age_ns)}. No process is restarted."
        yield self.finding(SUPERVISOR, what, self.to_do.replace("CONFIG", scene.config.path))


@cause
class GuardDown(Cause):
    """The guard does not run, or is stopped."""

    name = "guard_down"
    severity = Severity.WARNING
    unhealthy = True
    to_do = "engine-ctl up CONFIG starts a guard beside the running system; trading is not interrupted"

    def __init__(self) -> None:
        """Begin without a guard: a system that is run without one is no trouble."""
        self._known = False

    def find(self, scene: Scene) -> Iterator[Finding]:
        """A guard that was there and is gone, or that is stopped."""
        pid = scene.guard_pid
        self._known = self._known or pid != 0
        stopped = pid != 0 and scene.machine.is_stopped(pid)
        if self._known and (not pid or stopped):
            state = f"(pid {pid}) is stopped" if pid else "does not run"
            what = f"The guard {state}: a supervisor that dies is not started again."
            yield self.finding("guard", what, self.to_do.replace("CONFIG", scene.config.path))

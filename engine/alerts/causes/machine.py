"""The machine: space on its disks and in /dev/shm, and its clock."""

from collections.abc import Iterator
from pathlib import Path

from engine.alerts.causes.cause import Cause, cause, seconds
from engine.alerts.episodes import Finding
from engine.alerts.message import Severity
from engine.alerts.scene import MS, Scene
from engine.model.words import Reason

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - only its free space is read


@cause
class DiskFull(Cause):
    """The disk of the state or of the journal, or shared memory, is nearly full."""

    name = "disk_full"
    severity = Severity.CRITICAL
    unhealthy = True
    to_do = "free space there, or enlarge it: without room for the journal execution sends only exits"

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each place with less than its limit."""
        for subject, path in scene.disks().items():
            yield from self._check(scene, subject, path, scene.limits.disk_free_mib)
        yield from self._check(scene, "shared memory", SHARED_MEMORY, scene.limits.shm_free_mib)

    def _check(self, scene: Scene, subject: str, path: Path, limit_mib: int) -> Iterator[Finding]:
        free_mib = scene.machine.free_mib(path)
        if free_mib is not None and free_mib < limit_mib:
            yield self.finding(subject, f"{path} has {free_mib} MiB of free space, expected {limit_mib} MiB or more.")


@cause
class JournalFull(Cause):
    """Execution has no room for its journal."""

    name = "journal_full"
    severity = Severity.CRITICAL
    unhealthy = True
    to_do = "free space on the disk of the journal (engine-ctl paths); entries begin again by themselves"

    def find(self, scene: Scene) -> Iterator[Finding]:
        """Each gate that is closed for entries by the journal."""
        for execution, gate in scene.lanes.gates.items():
            row = gate.read(0)
            if row is not None and row.exits_only == Reason.JOURNAL_FULL:
                yield self.finding(execution, f"The disk has no room for the journal of {execution}.")


@cause
class ClockStep(Cause):
    """The wall clock was set, or the machine was suspended."""

    name = "clock_step"
    severity = Severity.WARNING
    is_event = True
    to_do = (
        "check the time service (chronyc tracking, timedatectl). The engine's own clock does not step; it differs from"
        " the wall clock until the next engine-ctl down and up"
    )

    def find(self, scene: Scene) -> Iterator[Finding]:
        """A change of the wall clock against our clock from one check to the next."""
        step_ns, offset_ns = scene.clock_step_ns, scene.clock_offset_ns or 0
        if abs(step_ns) > scene.limits.clock_ms * MS:
            what = f"The wall clock was set by {seconds(step_ns)}; it is now {seconds(offset_ns)} ahead of the engine."
            yield self.finding("clock", what)

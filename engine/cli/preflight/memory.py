"""Room for the segments, huge pages, the limits of memory and priority, and logind's removal of shared memory."""

import pwd
import resource
from collections.abc import Iterator
from pathlib import Path

from engine.cli.preflight.machine import Machine
from engine.cli.preflight.registry import Finding, Subject, check, fail, ok, warn
from engine.config import Config
from engine.lanes.create import size_of
from engine.supervisor import segments
from shm.segment import path_of

MIB = 1 << 20
LOCKED_BESIDE = 256 * MIB  # of a role, beside the segments
SHM = "/dev/shm"  # noqa: S108 - the place of POSIX shared memory
TRANSPARENT = "/sys/kernel/mm/transparent_hugepage/enabled"
SYSTEM_UID_MOST = 999  # Debian's SYS_UID_MAX: logind removes nothing of a user up to this
YES = ("yes", "true", "on", "1")


def needed(config: Config) -> int:
    """The bytes of the segments that do not exist yet."""
    lanes = [(config.lane(name), lane) for name, lane, _ in segments.lanes(config)]
    return sum(size_of(lane) for name, lane in lanes if not Path(path_of(name)).exists())


@check("shared memory")
def shared_memory(subject: Subject) -> Iterator[Finding]:
    """The segments fit in /dev/shm."""
    need, free = needed(subject.config), subject.machine.free(SHM)
    text = f"the segments need {need // MIB} MiB more, {SHM} has {free // MIB} MiB free"
    if need > free:
        yield fail(text, f"mount -o remount,size={2 * need // MIB}M {SHM}, and the same in /etc/fstab")
    else:
        yield ok(text)


@check("huge pages")
def huge_pages(subject: Subject) -> Iterator[Finding]:
    """The kernel does not merge pages of processes that did not ask for it: that pauses them."""
    chosen = subject.machine.text(TRANSPARENT).partition("[")[2].partition("]")[0]
    if chosen == "always":
        yield warn("transparent huge pages: always", f"echo madvise > {TRANSPARENT} (docs/machine.md)")
    else:
        yield ok(f"transparent huge pages: {chosen or 'not in this kernel'}")


@check("memlock")
def memlock(subject: Subject) -> Iterator[Finding]:
    """A process that locks its memory may lock the segments too."""
    if not any(process.lock_memory for process in subject.config.placement):
        yield ok("no process locks its memory")
        return
    need = sum(size_of(lane) for _, lane, _ in segments.lanes(subject.config)) + LOCKED_BESIDE
    yield _limit(subject.machine, resource.RLIMIT_MEMLOCK, need, "memlock", MIB, " MiB")


@check("rtprio")
def rtprio(subject: Subject) -> Iterator[Finding]:
    """A process may have the real-time priority that the file gives it."""
    need = max((int(one.schedule.partition(":")[2] or 0) for one in subject.config.placement), default=0)
    if not need:
        yield ok("no process has a real-time class")
        return
    yield _limit(subject.machine, resource.RLIMIT_RTPRIO, need, "rtprio", 1, "")


def _limit(machine: Machine, number: int, need: int, name: str, unit: int, unit_name: str) -> Finding:
    """Whether a hard limit of this process is high enough."""
    _, hard = machine.limit(number)
    if hard in (resource.RLIM_INFINITY, -1):
        return ok("no limit")
    text = f"{hard // unit}{unit_name}, a process needs {-(-need // unit)}{unit_name}"
    if hard < need:
        remedy = f"Limit{name.upper()}= in the unit (systemd/ has it), or {name} in /etc/security/limits.conf"
        return warn(text, remedy)
    return ok(text)


@check("logind")
def logind(subject: Subject) -> Iterator[Finding]:
    """Logind does not remove the segments when the user logs out."""
    machine = subject.machine
    if not machine.path("/run/systemd/system").exists():
        yield ok("this machine has no logind")
    elif machine.uid <= SYSTEM_UID_MOST:
        yield ok(f"user {machine.uid} is a system user, whose shared memory logind keeps")
    elif not _removes(machine):
        yield ok("RemoveIPC=no")
    elif _lingers(machine):
        yield ok("the user lingers, so no logout is its last")
    else:
        remedy = "run as a system user (systemd/ has one), or loginctl enable-linger, or RemoveIPC=no in logind.conf"
        yield Finding(subject.grave, "logind removes the segments when the user logs out", remedy)


def _removes(machine: Machine) -> bool:
    """Whether RemoveIPC= of logind's files is on, as it is by default; a later file replaces an earlier one."""
    directory = machine.path("/etc/systemd/logind.conf.d")
    files = [machine.path("/etc/systemd/logind.conf"), *sorted(directory.glob("*.conf"))]
    lines = [line.strip() for file in files if file.exists() for line in file.read_text().splitlines()]
    values = [line.partition("=")[2].strip().lower() for line in lines if line.startswith("RemoveIPC=")]
    return not values or values[-1] in YES


def _lingers(machine: Machine) -> bool:
    try:
        name = pwd.getpwuid(machine.uid).pw_name
    except KeyError:
        return False
    return machine.path(f"/var/lib/systemd/linger/{name}").exists()

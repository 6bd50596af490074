"""Real processes: started, found again, watched and signalled by pidfd (a pid alone may be reused at any moment).

Each is started with two marks in its environment: the system's name and the process's name. By these marks a new
supervisor finds every process of its system, also one that has not beaten yet. A new supervisor is not the parent of
these processes: the pidfd reports the death, but not the exit code.

A process of roles is forked from the template (`template.py`). It is executed when there is no template that is ready,
and when its `environment` has a variable that is read at exec only. Commands are always executed.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.activity import Activity, activity
from engine.config import Config, Process
from engine.config.private import open_private
from engine.supervisor.entry import open_log
from engine.supervisor.processes import freeze
from engine.supervisor.processes.last_words import last_failure
from engine.supervisor.processes.template import ONE_THREAD, Spare, Template, can_fork, reap_strangers
from shm.identity import start_time

SYSTEM_MARK, PROCESS_MARK = "STEELYARD_SYSTEM", "STEELYARD_PROCESS"
EXIT_UNKNOWN = -256  # the exit code of a process that is not our child


AWAIT_NS = 100_000_000  # between two looks for a process that systemd starts


class AwaitedError(Exception):
    """A process cannot be started yet, because it waits for systemd or the template; this is no death."""

    def __init__(self, name: str, again_ns: int = 0) -> None:
        """Keep when to look again: after this time, or with 0 in the next step."""
        super().__init__(name)
        self.again_ns = again_ns


@dataclass(slots=True)
class Child:
    """A process that runs, or whose death was not handled yet."""

    pid: int
    start_time: int
    pidfd: int
    popen: "subprocess.Popen[bytes] | None" = None  # None: adopted or forked
    log_offset: int = 0  # the length of its log before its start
    forked: bool = False  # by the template, for this supervisor

    @property
    def adopted(self) -> bool:
        """True when an earlier supervisor started it."""
        return self.popen is None and not self.forked


class Processes:
    """The process table of one system."""

    def __init__(
        self,
        config: Config,
        environment: Mapping[str, str],
        *,
        foreground: bool = False,
        template: Template | None = None,
    ) -> None:
        """Start children with this environment; with `foreground` they share this process's stderr.

        Without a template every process is executed.
        """
        self.config = config
        self.environment = environment
        self.foreground = foreground
        self.template = template
        self._template_loads = False
        self._own: set[int] = set()  # the started processes whose exit was not collected yet

    def step(self, now_ns: int) -> None:
        """Keep a template, and collect the exits of descendants that this table did not start."""
        if self.template is not None:
            self.template.step(now_ns)
            self._template_loads = self.template.loads(now_ns)
            reap_strangers({self.template.pid, *self._own})

    def filenos(self) -> list[int]:
        """The descriptors to wait on for starts that are possible."""
        return self.template.filenos() if self.template is not None else []

    def start(self, process: Process) -> Child:
        """Start a process in its own session, pinned, with stdout in the run directory and stderr in its log.

        A process that systemd starts is found. AwaitedError while it does not run, and while the template imports.
        """
        if process.started_by == "systemd":
            return self._awaited(process.name)
        if self._template_loads and not process.command:
            raise AwaitedError(process.name)
        run = self.config.paths.run
        out_file = open_private(run / f"{process.name}.out", os.O_WRONLY | os.O_TRUNC)
        err_file = open_log(self.config.paths.log(process.name))
        with open(out_file, "wb") as out, open(err_file, "ab") as err:
            log_offset = err.tell()
            child = self._launch(process, out.fileno(), sys.stderr.fileno() if self.foreground else err.fileno())
        child.log_offset = log_offset
        self._own.add(child.pid)
        return child

    def _awaited(self, name: str) -> Child:
        """The running process that another program started."""
        pid = self._pids().get(name)
        child = self._open(pid, name) if pid is not None else None
        if child is None:
            raise AwaitedError(name, AWAIT_NS)
        return child

    def _launch(self, process: Process, out: int, err: int) -> Child:
        """Fork the process from the template, or execute it."""
        environment = self._environment(process)
        if self.template is not None and not process.command and can_fork(process.environment):
            arguments = self.config.runtime_arguments(process)
            spare = self.template.fork(process.name, arguments, environment, out, err)
            if spare is not None:
                return _begin(spare, process)
        popen = subprocess.Popen(
            self.config.command(process),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=environment,
            start_new_session=True,
        )
        _pin(popen.pid, process)
        return Child(popen.pid, start_time(popen.pid), os.pidfd_open(popen.pid), popen)

    def _environment(self, process: Process) -> dict[str, str]:
        """The variables of a process; those of the file win."""
        marks = {SYSTEM_MARK: self.config.system.name, PROCESS_MARK: process.name}
        return {**self.environment, **({} if process.command else ONE_THREAD), **process.environment, **marks}

    def find(self) -> dict[str, Child]:
        """The system's running processes by name."""
        opened = {name: self._open(pid, name) for name, pid in self._pids().items()}
        return {name: child for name, child in opened.items() if child is not None}

    def _pids(self) -> dict[str, int]:
        """The pid of each running process of the system; a process that a role forked is none of them."""
        marked = dict(_marked(self.config.system.name))
        return {name: pid for pid, name in marked.items() if marked.get(_parent(pid)) != name}

    def _open(self, pid: int, name: str) -> Child | None:
        """The process with this pid, or None if it has ended: another process can have its pid."""
        try:
            child = Child(pid, start_time(pid), os.pidfd_open(pid))
        except ProcessLookupError:
            return None
        if child.start_time and _mark(pid, self.config.system.name) == name:
            return child
        self.release(child)
        return None

    def exited(self, child: Child) -> int | None:
        """None while it runs; else its exit code, or EXIT_UNKNOWN."""
        if child.popen is not None or child.forked:
            return self._exit_code(child)
        poll = select.poll()
        poll.register(child.pidfd, select.POLLIN)
        return EXIT_UNKNOWN if poll.poll(0) else None

    def _exit_code(self, child: Child) -> int | None:
        """None while our own child runs; else its exit code."""
        code = child.popen.poll() if child.popen is not None else _collect(child.pidfd)
        if code is not None:
            self._own.discard(child.pid)
        return code

    def signal(self, child: Child, number: signal.Signals) -> None:
        """Send a signal, if the process runs."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(child.pidfd, number)

    def release(self, child: Child) -> None:
        """Close the pidfd of a dead process."""
        os.close(child.pidfd)

    def last_words(self, process: Process, child: Child) -> str:
        """The last error in the process's log since its start."""
        return last_failure(self.config.paths.log(process.name), child.log_offset)

    def activity(self, child: Child) -> Activity | None:
        """What a process does now, by /proc; None when it has ended."""
        return activity(child.pid)

    def where(self, child: Child) -> str:
        """Where in the kernel a process is, by /proc."""
        return freeze.where(child.pid)

    def ready(self, process: Process) -> bool:
        """True when a command has written its first line."""
        try:
            return b"\n" in (self.config.paths.run / f"{process.name}.out").read_bytes()
        except FileNotFoundError:
            return False


def _begin(spare: Spare, process: Process) -> Child:
    """Pin a forked process and let it run."""
    _pin(spare.pid, process)
    child = Child(spare.pid, start_time(spare.pid), spare.pidfd, forked=True)
    spare.release()
    return child


def _pin(pid: int, process: Process) -> None:
    """Allow a process its configured cores only."""
    if process.cores:
        with contextlib.suppress(ProcessLookupError):  # it has died already: its watch finds that
            os.sched_setaffinity(pid, process.cores)


def _collect(pidfd: int) -> int | None:
    """None while a forked child runs; else its exit code, negative for a signal as Popen has it."""
    try:
        ended = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG)
    except ChildProcessError:  # collected by other code in this process
        return EXIT_UNKNOWN
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def _marked(system: str) -> Iterator[tuple[int, str]]:
    """Pid and process name of every process with the system's mark."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (name := _mark(int(entry.name), system)):
            yield int(entry.name), name


def _mark(pid: int, system: str) -> str:
    """The process name in a pid's marks; "" without marks, and for another user's process."""
    try:
        pairs = dict(entry.partition(b"=")[::2] for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""
    return pairs.get(PROCESS_MARK.encode(), b"").decode() if pairs.get(SYSTEM_MARK.encode()) == system.encode() else ""


def _parent(pid: int) -> int:
    """The pid of a process's parent; 0 when the process has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(text[text.rindex(")") + 2 :].split()[1])

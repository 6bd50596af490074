"""The template: an already-imported process, whose forks become the processes of roles.

    supervisor ──lease──▶ template ──fork──▶ (between) ──fork──▶ spare          asked for in advance
        ▲                                    exits at once         │
        └── its pid, when the supervisor is its parent ────────────┤
        ─── name, arguments, environment, stdout, stderr ─────────▶│            when a process must start
        ◀── MARKED: a later supervisor would find it ──────────────┤
        ─── GO ───────────────────────────────────────────────────▶ the process of its roles

A start by exec imports for a fifth of a second and more; a spare has imported everything and only builds its roles.
The template's process (`template_process.py`) forks twice, and the process between exits at once: the supervisor is a
subreaper, so the kernel makes it the parent of the spare. It gets the exit code from waitid, as of a process that it
has executed.

A spare does nothing before it has received GO on its lease. The lease ends when the supervisor ends, and when the
supervisor does not wait any longer because the template or the spare does not answer: then the spare exits. So no role
runs twice, whatever ends at whatever moment.

The supervisor starts a template that has ended again, and executes roles until the new template is ready.
"""

import contextlib
import ctypes
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from engine.config import Config

PR_SET_CHILD_SUBREAPER = 36
READY, MARKED, GO = b"ready", b"marked", b"go"
ANSWER_BYTES = 64
ROOM = "STEELYARD_ROOM"  # the variable whose memory a forked process overwrites with its marks
ROOM_BYTES = 512
SPARES = 2  # forked processes that wait for a request
ANSWER_LIMIT_S = 0.5  # a start does not wait longer for a template or a spare: the process is executed
FORK_LIMIT_NS = 5_000_000_000  # a template that has not forked a spare within this time is killed
LOAD_LIMIT_NS = 5_000_000_000  # how long the first starts wait for the template's imports
AGAIN_NS = 5_000_000_000  # between two starts of a template
OURS = "engine"  # modules of this package are imported before the fork, an author's own modules after it

# Libraries start their threads by these variables when they are imported; a process with threads must not be forked.
ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "BLIS_NUM_THREADS"), "1"
)
READ_AT_EXEC = (*ONE_THREAD, "PYTHON", "LD_", "LANG", "LC_", "MALLOC_", "GLIBC_", "OPENBLAS_", "OPENSSL_")  # beginnings

logger = logging.getLogger(__name__)


class Spare:
    """A forked process that waits for its request; it exits when its lease is closed before GO."""

    def __init__(self, lease: socket.socket) -> None:
        """Begin with the lease; the process may not be forked yet."""
        self.pid = 0
        self.pidfd = -1
        self._lease = lease
        self._asked_ns = time.monotonic_ns()

    def poll(self) -> bool:
        """Whether the process is there; False when it is not there yet. TimeoutError when it should be there."""
        if not self.pid:
            with contextlib.suppress(BlockingIOError):
                self._read_pid(socket.MSG_DONTWAIT)
        if not self.pid and time.monotonic_ns() - self._asked_ns > FORK_LIMIT_NS:
            raise TimeoutError("no process was forked in time")
        return bool(self.pid)

    def await_pid(self) -> None:
        """Wait for the process; OSError when the kernel refused the fork, or none comes."""
        if not self.pid:
            self._lease.settimeout(ANSWER_LIMIT_S)
            self._read_pid()

    def request(self, text: bytes, out: int, err: int) -> None:
        """Send the request, and wait until the process has its marks; OSError when it does not answer."""
        socket.send_fds(self._lease, [text], [out, err])
        self._lease.settimeout(ANSWER_LIMIT_S)
        if (answer := self._lease.recv(ANSWER_BYTES)) != MARKED:
            raise ConnectionError(f"expected {MARKED!r}, was {answer!r}")

    def release(self) -> None:
        """Let the process become that of its roles."""
        with self._lease, contextlib.suppress(ConnectionError):  # it has died: its watch finds that
            self._lease.send(GO)

    def drop(self) -> None:
        """End the process."""
        self._lease.close()
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            os.close(self.pidfd)

    def _read_pid(self, flags: int = 0) -> None:
        answer = self._lease.recv(ANSWER_BYTES, flags)
        if not answer:
            raise ConnectionError("the template ended")
        if (number := int(answer)) < 0:
            raise OSError(-number, f"cannot fork: {os.strerror(-number)}")
        self.pid, self.pidfd = number, os.pidfd_open(number)


class Template:
    """The supervisor's end: starts the template's process, keeps spares, and replaces a template that has ended."""

    def __init__(self, config: Config, environment: Mapping[str, str]) -> None:
        """Become the parent of every descendant whose parent exits; start no process yet.

        `environment` is that of a role without its own variables.
        """
        _become_subreaper()
        self.system, self.file = config.system.name, config.path
        self.modules, self.packages = modules_of(config), packages_of(config)
        self.environment = template_environment(config, environment)
        self.popen: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._spares: list[Spare] = []
        self._ready = self._was_ready = False
        self._next_ns = 0  # not started before this time
        self._load_until_ns = 0  # the first starts wait until then for the imports

    @property
    def pid(self) -> int:
        """The pid of the template's process; 0 while it does not run."""
        return self.popen.pid if self.popen is not None else 0

    @property
    def ready(self) -> bool:
        """Whether the template has imported everything."""
        if not self._ready and self._channel is not None:
            with contextlib.suppress(BlockingIOError, ConnectionError):
                self._ready = self._channel.recv(len(READY), socket.MSG_DONTWAIT) == READY
                self._was_ready = self._was_ready or self._ready
        return self._ready

    def loads(self, now_ns: int) -> bool:
        """Whether a start should wait, because the first template imports; executing is no faster than a later one."""
        return self.popen is not None and not self._was_ready and not self.ready and now_ns < self._load_until_ns

    def filenos(self) -> list[int]:
        """The descriptor to wait on while the template imports."""
        return [self._channel.fileno()] if self._channel is not None and not self._ready else []

    def step(self, now_ns: int) -> None:
        """Start the template's process when none runs, at most once in AGAIN_NS; keep SPARES of its forks."""
        if self.popen is not None and self.popen.poll() is not None:
            logger.warning("the template ended", extra={"pid": self.popen.pid, "exit_code": self.popen.returncode})
            self._forget()
        if self.popen is None and now_ns >= self._next_ns:
            self._load_until_ns = self._load_until_ns or now_ns + LOAD_LIMIT_NS
            self._next_ns = now_ns + AGAIN_NS
            self._start()
        if self.ready:
            self._keep_spares()

    def fork(
        self, process: str, arguments: Sequence[str], environment: Mapping[str, str], out: int, err: int
    ) -> Spare | None:
        """A process that runs `engine.runtime` from its `release` on; None when there is no template that is ready.

        OSError when the kernel refuses the fork.
        """
        if not self.ready:
            return None
        text = json.dumps({"process": process, "arguments": list(arguments), "environment": dict(environment)})
        spare = None
        try:
            if not self._spares:
                self._ask()
            spare = self._spares.pop(0)
            spare.await_pid()
            spare.request(text.encode(), out, err)
        except (ConnectionError, TimeoutError, BlockingIOError) as error:
            logger.warning("the template or its spare does not answer", extra={"pid": self.pid, "error": str(error)})
            self.close(spare)
            return None
        except OSError:
            if spare is not None:
                spare.drop()
            raise
        return spare

    def close(self, *taken: Spare | None) -> None:
        """End the template's process and its spares, with one that was taken from them."""
        self._spares += [spare for spare in taken if spare is not None]
        if self.popen is not None:
            self.popen.kill()
            self.popen.wait()
        self._forget()

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [
            sys.executable, "-m", "engine.supervisor.processes.template_process", "--system", self.system,
            "--config", self.file, "--channel", str(theirs.fileno()), "--parent", str(os.getpid()),
            "--modules", *self.modules, "--packages", *self.packages,
        ]  # fmt: skip
        with theirs:
            try:
                self.popen = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, env=self.environment, pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )  # fmt: skip
            except OSError as error:  # roles are executed meanwhile
                logger.error("the template cannot be started", extra={"error": str(error)})  # noqa: TRY400
                ours.close()
                return
        ours.setblocking(False)
        self._channel = ours

    def _keep_spares(self) -> None:
        """Ask for as many spares as are missing; a template that does not fork them in time is killed."""
        try:
            for spare in self._spares:
                spare.poll()
            while len(self._spares) < SPARES:
                self._ask()
        except OSError as error:
            logger.warning("the template has no spare", extra={"pid": self.pid, "error": str(error)})
            self.close()

    def _ask(self) -> None:
        """Ask for a spare, without waiting for it; OSError when the template has ended or does not read."""
        assert self._channel is not None, "a template that is ready has a channel"
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._spares.append(Spare(ours))
        with theirs:
            socket.send_fds(self._channel, [GO], [theirs.fileno()], socket.MSG_DONTWAIT)

    def _forget(self) -> None:
        for spare in self._spares:
            spare.drop()
        self._spares.clear()
        if self._channel is not None:
            self._channel.close()
        self.popen, self._channel, self._ready = None, None, False


def modules_of(config: Config) -> list[str]:
    """The engine's modules that the configured roles need; not those of an author, which are read at each start."""
    targets = [config.factory(role) for role in config.role_names]
    targets += [strategy.class_path for strategy in config.strategies]
    found = {target.partition(":")[0] for target in targets}
    return sorted(name for name in found if name.partition(".")[0] == OURS)


def packages_of(config: Config) -> list[str]:
    """The packages of the configured venues: they import parts of themselves when a session is made."""
    return sorted({f"{OURS}.venues.{venue.kind}" for venue in config.venues})


def template_environment(config: Config, environment: Mapping[str, str]) -> dict[str, str]:
    """The template's environment: no secret of the configuration, one thread in libraries, room for the marks."""
    keys = set(secret_variables(config))
    kept = {name: value for name, value in environment.items() if name not in keys}
    return {ROOM: "-" * ROOM_BYTES, **kept, **ONE_THREAD}


def secret_variables(table: Any) -> Iterator[str]:
    """The variables that secrets of a table or of the tables in it name, also in tables that an upper layer checks."""
    if isinstance(table, msgspec.Struct):
        yield from secret_variables(msgspec.structs.asdict(table))
    elif isinstance(table, Mapping):
        if isinstance(table.get("env"), str):
            yield table["env"]
        for value in table.values():
            yield from secret_variables(value)
    elif isinstance(table, list | tuple):
        for value in table:
            yield from secret_variables(value)


def can_fork(environment: Mapping[str, str]) -> bool:
    """Whether a process with these variables of its own can be forked: none of them is read at exec only."""
    return not any(name.startswith(READ_AT_EXEC) for name in environment)


def reap_strangers(known: "set[int]") -> None:
    """Collect the exit of descendants whose parent has ended, such as a dead role's helper processes."""
    with contextlib.suppress(ChildProcessError):  # no child at all
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid not in known:
            os.waitid(os.P_PID, ended.si_pid, os.WEXITED)


def _become_subreaper() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, f"PR_SET_CHILD_SUBREAPER: {os.strerror(number)}")

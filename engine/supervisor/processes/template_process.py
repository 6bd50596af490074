"""The template's process: it imports what roles need, and forks spares that become the processes of roles.

    python -m engine.supervisor.processes.template_process --system S --config F --channel FD --parent PID
        --modules … --packages …

1. Die with the supervisor. Import the modules, and freeze them out of garbage collection.
2. For each lease that arrives: fork, and fork again in the child, which exits. Only the innermost process, the spare,
   returns from `serve`.
3. The spare reports its pid when the supervisor has become its parent. It writes the memory that every start writes
   (`rehearse_start`), because the kernel copies a page at its first write, and waits for its request.
4. With the request it takes a session, descriptors, an environment and marks of its own, and waits for GO. When the
   lease ends before GO, it exits.
5. From there on it is `python -m engine.runtime`, with the same exit codes.

Before a fork this process has one thread, no lock, no key, no file or mapping of a role: it opens nothing. The engine's
code is of the version at the start of the template. What a role's author writes is imported after GO, from disk.

`/proc/PID/environ` and `/proc/PID/cmdline` show the memory that exec filled. A spare overwrites its copy: the value of
STEELYARD_ROOM with the two marks by which a supervisor finds it, and the command line with its title.
"""

import argparse
import contextlib
import ctypes
import encodings.idna  # noqa: F401 - a name of a venue's host is looked up with it
import gc
import importlib
import json
import logging
import os
import pkgutil
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine import clock, runtime
from engine.config import Config, ConfigError, load_copy
from engine.config.paths import journals_beside
from engine.execution.journal.journal_file import segments
from engine.execution.restore.checkpoint import checkpoints
from engine.lanes import LANES, SUPERVISOR, open_lanes, owners_of
from engine.log import JsonLine
from engine.supervisor.processes.template import ANSWER_BYTES, GO, MARKED, READY, ROOM
from shm.header import SegmentError, describe
from shm.identity import Owner

PR_SET_PDEATHSIG = 1
MESSAGE_BYTES = 1 << 20
ARGUMENTS, ENVIRONMENT = (47, 48), (49, 50)  # of /proc/self/stat, from 0: where the memory begins and ends
MARKS = ("STEELYARD_SYSTEM", "STEELYARD_PROCESS")


class Request(NamedTuple):
    """The process that a spare becomes."""

    process: str
    arguments: list[str]  # of engine.runtime
    environment: dict[str, str]
    out: int
    err: int


def prepare(parent: int, modules: Sequence[str], packages: Sequence[str]) -> None:
    """Die with the parent; import everything; leave nothing to collect."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(0)  # without a line in the log: the supervisor's own error must stay the last one
    for name in (*modules, *packages):
        importlib.import_module(name)
    for name in packages:
        for part in pkgutil.walk_packages(sys.modules[name].__path__, f"{name}."):
            importlib.import_module(part.name)
    rehearse()
    threads = os.listdir("/proc/self/task")
    assert len(threads) == 1, f"a process with {len(threads)} threads cannot be forked"
    gc.collect()
    gc.freeze()


def rehearse() -> None:
    """Do once what every start would do again: the configuration's types, the records' descriptions, the finders."""
    msgspec.convert({"system": {"name": "rehearsal"}}, Config)
    for lane in LANES:
        describe(lane.record)
    nowhere = Path("rehearsal") / "journal"
    (segments(nowhere), checkpoints(nowhere), journals_beside(nowhere))  # they compile their patterns
    importlib.invalidate_caches()  # its first call imports more


def rehearse_start(file: str) -> None:
    """Do in the spare what each start does, without an effect: its pages are copied before the request, not after."""
    if "numpy.random" in sys.modules:  # `random` seeds itself after a fork
        sys.modules["numpy.random"].seed()
    importlib.invalidate_caches()
    bounds(ENVIRONMENT)
    json.loads(json.dumps(dict(os.environ)))
    runtime.parse(["--config", file])
    JsonLine("").format(logging.makeLogRecord({"msg": "a line"}))
    Owner.me()
    with contextlib.suppress(ConfigError, SegmentError, OSError):  # the start itself reports it
        config = load_copy(file, file)
        owners_of(config)
        open_lanes(config.system.name, SUPERVISOR).cell_reader("heartbeat").read(0)


def serve(channel: socket.socket) -> socket.socket | None:
    """Fork a spare for each lease that arrives; the lease in a spare, None when the supervisor has ended."""
    channel.send(READY)
    while True:
        word, descriptors, _, _ = socket.recv_fds(channel, ANSWER_BYTES, 1, socket.MSG_CMSG_CLOEXEC)
        if not word:
            return None
        lease = socket.socket(fileno=descriptors[0])
        if fork(lease):
            channel.close()
            return lease
        lease.close()


def fork(lease: socket.socket) -> bool:
    """Fork twice; True in the spare, False in this process."""
    try:
        if child := os.fork():
            os.waitpid(child, 0)
            return False
    except OSError as error:
        report(lease, -(error.errno or 1))
        return False
    return fork_again(lease)


def fork_again(lease: socket.socket) -> bool:
    """Fork the spare and exit, so that the supervisor becomes its parent; True in the spare."""
    between = os.getpid()
    try:
        if os.fork():
            os._exit(0)
    except OSError as error:
        report(lease, -(error.errno or 1))
        os._exit(1)
    while os.getppid() == between:  # until then the supervisor cannot wait for this process
        os.sched_yield()
    report(lease, os.getpid())
    return True


def report(lease: socket.socket, number: int) -> None:
    """Send the spare's pid, or an error's number below 0; exit when the supervisor has closed the lease."""
    try:
        lease.send(str(number).encode())
    except ConnectionError:
        if number > 0:
            os._exit(0)


def receive(lease: socket.socket) -> Request:
    """Wait for the request; exit when the lease ends."""
    text, descriptors, _, _ = socket.recv_fds(lease, MESSAGE_BYTES, 2, socket.MSG_CMSG_CLOEXEC)
    if not text:
        os._exit(0)
    return Request(**json.loads(text), out=descriptors[0], err=descriptors[1])


def become(request: Request, lease: socket.socket, system: str) -> None:
    """Take the process's session, descriptors, environment and marks; exit here when the lease ends before GO."""
    os.setsid()
    os.dup2(request.out, 1)
    os.dup2(request.err, 2)
    os.close(request.out)
    os.close(request.err)
    set_environment(request.environment)
    set_title(f"steelyard {system} {request.process}")
    lease.send(MARKED)
    if lease.recv(ANSWER_BYTES) != GO:
        os._exit(0)
    lease.close()
    importlib.invalidate_caches()
    sys.argv = ["engine.runtime", *request.arguments]


def set_environment(environment: dict[str, str]) -> None:
    """Replace os.environ, and write the marks where /proc/PID/environ shows them."""
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    marks = b"".join(f"{name}={environment[name]}\0".encode() for name in MARKS)
    begin, end = bounds(ENVIRONMENT)
    found = ctypes.string_at(begin, end - begin)
    place = found.index(f"{ROOM}=".encode())
    size = found.index(b"\0", place) - place
    assert len(marks) <= size, f"{len(marks)} bytes of marks do not fit into {size}"
    ctypes.memmove(begin + place, marks.ljust(size, b"\0"), size)
    assert clock.offset_ns() == int(environment.get(clock.OFFSET_VARIABLE, clock.offset_ns())), "two clocks"


def set_title(title: str) -> None:
    """Replace the command line that `ps` shows, as far as its memory reaches; the last byte stays 0."""
    begin, end = bounds(ARGUMENTS)
    size = end - begin
    ctypes.memmove(begin, title.encode()[: size - 1].ljust(size, b"\0"), size)


def bounds(fields: tuple[int, int]) -> tuple[int, int]:
    """The addresses in two fields of /proc/self/stat."""
    text = Path("/proc/self/stat").read_text()
    words = text[text.rindex(")") + 2 :].split()
    begin, end = (int(words[number - 2]) for number in fields)
    return begin, end


def main() -> None:
    """Serve until the supervisor ends; in a spare, run the roles of its request."""
    parser = argparse.ArgumentParser(prog="python -m engine.supervisor.processes.template_process")
    parser.add_argument("--system", required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--modules", nargs="*", default=[])
    parser.add_argument("--packages", nargs="*", default=[])
    options = parser.parse_args()
    prepare(options.parent, options.modules, options.packages)
    set_title(f"steelyard {options.system} template")
    lease = serve(socket.socket(fileno=options.channel))
    if lease is not None:
        rehearse_start(options.config)
        request = receive(lease)
        become(request, lease, options.system)
        runtime.finish(runtime.main(request.arguments))


if __name__ == "__main__":
    main()

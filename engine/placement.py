"""Where and how a process runs: cores, scheduling class, nice, memory, NUMA node, limits, by its table in the file.

    limits ─▶ numa_node ─▶ lock_memory ─▶ nice ─▶ schedule ─▶ cores       applied by the process itself, at its start

`check` applies the same in a child that ends at once, so what the machine refuses is found before anything is started.
A child process of a role does not inherit a real-time class. Locked memory is locked when it is first used: the whole
of every segment that a role maps would else be made resident. The memory node holds what the process uses first. The
supervisor binds the segments that the process writes to that node too (`node_of`), because it reserves their memory. On
a machine with one node there is nothing to choose.
"""

import ctypes
import logging
import os
import platform
import resource
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

from engine.config import Process
from engine.config.tables import UNLIMITED

MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4
MPOL_BIND = 2
SET_MEMPOLICY = {"x86_64": 238, "aarch64": 237}  # the number of the system call
NODES_MOST = 1024
CLASSES = {"other": os.SCHED_OTHER, "batch": os.SCHED_BATCH, "fifo": os.SCHED_FIFO, "rr": os.SCHED_RR}
LIMITS = {"nofile": resource.RLIMIT_NOFILE, "memlock": resource.RLIMIT_MEMLOCK, "core": resource.RLIMIT_CORE}
NODES = Path("/sys/devices/system/node/online")
ANSWER_BYTES = 4096

logger = logging.getLogger("engine.runtime")


class PlacementError(ValueError):
    """The machine refuses a key; the text names the value, what was expected and the remedy."""


def apply(process: Process) -> None:
    """Place this process; PlacementError names the first key that the machine refuses."""
    for name, value in process.limits.given.items():
        _try(
            process,
            f"limits.{name}",
            value,
            partial(_limit, LIMITS[name], value),
            "more than the hard limit needs CAP_SYS_RESOURCE, or LimitNOFILE=, LimitMEMLOCK=, LimitCORE= of the unit",
        )
    if process.numa_node is not None:
        _try(process, "numa_node", process.numa_node, lambda: _bind_memory(process), f"online: {_nodes_text()}")
    if process.lock_memory:
        _try(process, "lock_memory", True, _lock_memory, 'needs limits.memlock = "unlimited", or CAP_IPC_LOCK')
    if process.nice:
        _try(
            process,
            "nice",
            process.nice,
            lambda: os.setpriority(os.PRIO_PROCESS, 0, process.nice),
            "less than the present value needs CAP_SYS_NICE, or LimitNICE= of the unit",
        )
    if process.schedule:
        _try(
            process,
            "schedule",
            process.schedule,
            lambda: _schedule(process.schedule),
            "fifo and rr need CAP_SYS_NICE, or LimitRTPRIO= of the unit of at least this priority",
        )
    if process.cores:
        _try(process, "cores", list(process.cores), lambda: _pin(process), f"expected some of {allowed_cores()}")


def check(process: Process) -> None:
    """Apply the placement in a child process that ends at once; PlacementError as `apply` raises it."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        _answer(process, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        error = answer.read(ANSWER_BYTES).decode()
    os.waitpid(pid, 0)
    if error:
        raise PlacementError(error)


def node_of(process: Process) -> int | None:
    """The NUMA node for a process's memory and the segments that it writes; None when there is nothing to choose."""
    return process.numa_node if len(_nodes()) > 1 else None


def allowed_cores() -> list[int]:
    """The cores that this process may use."""
    return sorted(os.sched_getaffinity(0))


def _answer(process: Process, descriptor: int) -> NoReturn:
    """In the child of `check`: write the error, of any kind, and end."""
    text = ""
    try:
        apply(process)
    except Exception as error:  # noqa: BLE001 - an error that is not written would pass the check
        text = str(error) or repr(error)
    finally:
        os.write(descriptor, text.encode())
        os._exit(0)


def _try(process: Process, key: str, value: object, step: Callable[[], object], remedy: str) -> None:
    """Apply one key."""
    try:
        step()
    except (OSError, ValueError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        msg = f"process {process.name}: {key} = {value!r}: the machine refuses it ({reason}); {remedy}"
        raise PlacementError(msg) from error


def _limit(number: int, value: int | str) -> None:
    """Set a limit; the hard limit is raised only if it is lower."""
    wanted = resource.RLIM_INFINITY if value == UNLIMITED else int(value)
    _, hard = resource.getrlimit(number)
    raises = hard != resource.RLIM_INFINITY and (wanted == resource.RLIM_INFINITY or wanted > hard)
    resource.setrlimit(number, (wanted, wanted if raises else hard))


def _lock_memory() -> None:
    """Lock the memory that is used now and that will be used."""
    if _libc().mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT):
        _raise()


def _schedule(text: str) -> None:
    """Set the scheduling class; a child process begins with the usual one."""
    name, _, priority = text.partition(":")
    flags = os.SCHED_RESET_ON_FORK if priority else 0
    os.sched_setscheduler(0, CLASSES[name] | flags, os.sched_param(int(priority or 0)))


def _pin(process: Process) -> None:
    """Pin the process to its cores; the kernel would ignore those that it may not use."""
    if not set(process.cores) <= os.sched_getaffinity(0):
        raise ValueError("not all of them may be used")
    os.sched_setaffinity(0, process.cores)


def _bind_memory(process: Process) -> None:
    """Use memory of this node only, from the first touch of a page."""
    if process.numa_node not in _nodes():
        raise ValueError("no such node")
    node = node_of(process)
    if node is None:
        logger.info("numa_node: this machine has one memory node, there is nothing to choose")
        return
    mask = (ctypes.c_ulong * (NODES_MOST // 64))()
    mask[node // 64] = 1 << node % 64
    if _libc().syscall(SET_MEMPOLICY[platform.machine()], MPOL_BIND, mask, NODES_MOST):
        _raise()


def _nodes() -> set[int]:
    """The memory nodes of this machine."""
    parts = (part.partition("-") for part in _nodes_text().split(","))
    return {node for first, _, last in parts for node in range(int(first), int(last or first) + 1)}


def _nodes_text() -> str:
    """The nodes as the kernel lists them: "0" or "0-1"; a kernel without NUMA has node 0."""
    return NODES.read_text().strip() if NODES.exists() else "0"


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _raise() -> NoReturn:
    """Raise the error of the last call of libc."""
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))

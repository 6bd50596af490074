"""The commands for the system and its processes: look, start again, stop."""

import os
import signal
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.control import Refused, Request
from engine.supervisor.commands.registry import Argument, command
from engine.supervisor.rights import Right

if TYPE_CHECKING:
    from engine.supervisor.keeper import Keeper


@command("show every process and book: phase, beat, deaths, state", audited=False)
def status(keeper: "Keeper", _: Request) -> Mapping[str, Any]:
    """The state of the system and of each process."""
    return keeper.status()


@command("compare orders, fills and balances with the venue now, and report; nothing is traded", may=Right.HALT)
def reconcile(keeper: "Keeper", request: Request) -> Mapping[str, Any]:
    """Have every execution compare; its report has the time of the request."""
    keeper.halt.reconcile(keeper.now_ns, request.peer)
    return {"requested_ns": keeper.now_ns}


@command(
    "drain one process and start it again",
    Argument("process", "process", "the process's name, as status shows it", required=True),
)
def restart(keeper: "Keeper", _: Request, process: str) -> Mapping[str, Any]:
    """Drain one process and start it again."""
    keeper.watches[process].stop(keeper.now_ns, again=True)
    return {"process": process}


@command(
    "kill one process at once with SIGKILL; it is started again",
    Argument("process", "process", "the process's name, as status shows it", required=True),
)
def kill(keeper: "Keeper", _: Request, process: str) -> Mapping[str, Any]:
    """Kill a process that runs; its orders stay at the venue until its next life has compared them."""
    watch = keeper.watches[process]
    if watch.child is None:
        raise Refused(f"kill: {process} does not run, it is {watch.phase}")
    keeper.table.signal(watch.child, signal.SIGKILL)
    return {"process": process, "killed_pid": watch.child.pid, "before": str(watch.phase), "after": "killed"}


@command(
    "profile a running process: its processor time by py-spy, its memory by /proc",
    Argument("process", "process", "a process or a role, as status shows it", required=True),
)
def profile(keeper: "Keeper", _: Request, process: str) -> Mapping[str, Any]:
    """Answer what engine-ctl attaches to, and which cores it must leave to the system; the audit has the request."""
    watch = keeper.watches[process]
    if watch.child is None:
        raise Refused(f"profile: {process} does not run, it is {watch.phase}")
    pinned = sorted({core for one in keeper.watches.values() for core in one.process.cores})
    return {"process": process, "pid": watch.child.pid, "pinned": pinned}


@command("drain and stop every process, remove the segments")
def down(keeper: "Keeper", _: Request) -> Mapping[str, Any]:
    """Begin to stop every process; the answer is sent before they have drained."""
    keeper.stop()
    return {"stopping": list(keeper.watches), "pid": os.getpid(), "guard": keeper.guard_pid()}

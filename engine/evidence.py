"""What a process leaves about its own end, in the run directory, for the supervisor's record of its death.

    <process>.failure  the role, its error, the Python stack and the record that the role was working on, as JSON
    <process>.<role>.failure   the same of a role that stops alone
    <process>.stack    Python stacks: of SIGSEGV and the like, and of each STACK_SIGNAL    written by faulthandler

faulthandler writes in C, without the interpreter: it shows the line of a hook that never returns. Files, and no log
lines, because the roles of a supervisor in the foreground share its stderr. The supervisor removes both files when it
has recorded the death.
"""

import contextlib
import faulthandler
import json
import os
import signal
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.config.private import open_private

STACK_SIGNAL = signal.SIGUSR2
STACK_MOST = 1 << 16  # bytes of a stack file that are read, the newest
FATAL = {
    "Segmentation fault": signal.SIGSEGV,
    "Aborted": signal.SIGABRT,
    "Bus error": signal.SIGBUS,
    "Illegal instruction": signal.SIGILL,
    "Floating-point exception": signal.SIGFPE,
    "Floating point exception": signal.SIGFPE,
}  # faulthandler's words


def failure_file(run: Path, process: str) -> Path:
    """Where a process writes why it failed."""
    return run / f"{process}.failure"


def stack_file(run: Path, process: str) -> Path:
    """Where a process writes its stacks."""
    return run / f"{process}.stack"


def begin(run: Path, process: str) -> None:
    """Have this process write its stacks when it crashes, and at each STACK_SIGNAL; a full disk must not stop it."""
    with contextlib.suppress(OSError):
        failure_file(run, process).unlink(missing_ok=True)
        file = open(_private(stack_file(run, process)), "wb", 0)  # noqa: SIM115 - faulthandler keeps it
        faulthandler.enable(file)
        faulthandler.register(STACK_SIGNAL, file)


def role_name(process: str, role: str) -> str:
    """The name under which a role that stops alone leaves its failure; no process has a dot in its name."""
    return f"{process}.{role}"


def failure_of(error: Exception, role: str = "", record: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A failure as it is written: `role` raised this error while it was working on this record."""
    stack = "".join(traceback.format_exception(error))[-STACK_MOST:]
    return {"role": role, "error": f"{type(error).__name__}: {error}", "record": record, "stack": stack}


def write_failure(run: Path, process: str, failure: Mapping[str, Any]) -> None:
    """Write why this process, or a role of it, ends."""
    data = json.dumps(failure, default=str).encode()
    with contextlib.suppress(OSError), open(_private(failure_file(run, process)), "wb") as file:
        file.write(data)


def _private(path: Path) -> int:
    """An empty file of this user, to append to."""
    return open_private(path, os.O_WRONLY | os.O_TRUNC | os.O_APPEND)


def read_failure(run: Path, process: str) -> dict[str, Any]:
    """What a process wrote about its end; empty when it wrote nothing."""
    try:
        found = json.loads(failure_file(run, process).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def read_stack(run: Path, process: str) -> str:
    """The stacks that a process wrote; "" without any."""
    try:
        return stack_file(run, process).read_bytes()[-STACK_MOST:].decode(errors="replace")
    except OSError:
        return ""


def fatal_signal(stack: str) -> signal.Signals | None:
    """The signal of the crash that wrote this stack; None when it was no crash."""
    return next((number for text, number in FATAL.items() if f"Fatal Python error: {text}" in stack), None)


def remove(run: Path, process: str) -> None:
    """Remove what an ended process left, so that a later one does not leave it again."""
    with contextlib.suppress(OSError):
        failure_file(run, process).unlink(missing_ok=True)
        stack_file(run, process).unlink(missing_ok=True)

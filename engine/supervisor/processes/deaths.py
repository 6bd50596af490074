"""The deaths of a system's processes: one JSON line each in `paths.deaths`, which `engine-ctl deaths` and alerts read.

A death is an end that was not asked for: an exit, a signal, a kill by the supervisor (frozen, not started, not
stopped in time), or a start that failed. The supervisor writes it before it starts the process again; the guard writes
the supervisor's. The file is in the state directory, so it survives `down` and a reboot.

    {"now_ns": …, "process": "execution", "roles": ["execution"], "pid": 4711, "cause": "is frozen: …",
     "exit_code": null, "signal": "SIGKILL", "record": {"lane": "intents.maker", "sequence": 7, "strategy": "maker",
     "instrument": 1}, "log": ["…", "…"], "stack": "…", "adopted": false, "raised": ""}

A strategy that raises in a process with other roles stops alone: its line has the process "<process>.<strategy>".

A record that its role named itself also has `id`: of a report of the venue, which has no sequence, the venue's id of
the fill, or our id of the order.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.supervisor import lines

SIZE_MAX = 4 << 20  # bytes of one file
LOG_LINES = 20  # log lines of a death
TEXT_MAX, STACK_MAX = 2048, 1 << 16  # characters of a log line or a cause, and of a stack

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Death:
    """One process's end, as far as it is known."""

    now_ns: int
    process: str
    roles: tuple[str, ...]
    pid: int  # 0: it could not be started
    cause: str
    exit_code: int | None = None  # None: it was killed by a signal, or the code is unknown
    signal: str | None = None  # by name
    record: Mapping[str, Any] | None = None  # the record that a role was working on: lane, sequence, strategy, …
    log: tuple[str, ...] = ()  # the last lines that this life logged, as they are in the log
    stack: str | None = None
    adopted: bool = False  # an earlier supervisor started it, so its exit code is unknown
    raised: str = ""  # the role that raised; "" for any other end


def append(path: Path, death: Death) -> None:
    """Add a death; a disk without room must not stop the supervisor."""
    cut = {
        "cause": death.cause[:TEXT_MAX],
        "log": [line[:TEXT_MAX] for line in death.log[-LOG_LINES:]],
        "stack": death.stack[-STACK_MAX:] if death.stack else None,
    }
    try:
        lines.append(path, {**asdict(death), **cut}, SIZE_MAX)
    except OSError as error:
        text = "this death is in the log only: the file of deaths cannot be written"
        extra = {"name_of": death.process, "cause": death.cause, "file": str(path), "error": str(error)}
        logger.error(text, extra=extra)  # noqa: TRY400


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Every recorded death, the oldest first."""
    return lines.read(path)


def has(path: Path, process: str, pid: int, since_ns: int) -> bool:
    """Whether the death of this process is recorded; `since_ns` is its start, because a pid is used again."""
    return any((one["process"], one["pid"]) == (process, pid) and one["now_ns"] >= since_ns for one in read(path))

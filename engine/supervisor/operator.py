"""The halt that `engine-ctl halt` carries out in its own process, with or without a supervisor.

    1. the file     HALT in the state directory                                      survives `down` and a power cut
    2. the word     OPERATOR_HALT, a cell that the holder of its lock may write      read by execution every 5 ms
    3. the signal   SIGUSR1 to execution, if it does not confirm the first two

Execution confirms in the cell GATE. At a resume the supervisor clears word and file, under the word's lock; it refuses
when the word is newer than the request to resume.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import shm
from engine.config.private import make_once, open_private
from engine.lanes import OPERATOR, open_lanes
from engine.model.records import HALT
from engine.model.words import HaltReason

LOCK_WAIT_S, POLL_S = 0.2, 0.002


def write_file(file: Path, since_ns: int, reason: HaltReason) -> bool:
    """Create the file HALT; False when it cannot be created, as on a full disk.

    A file that exists stays as it is, unless one of the two reasons is that positions are closed.
    """
    try:
        found = reason_of(file)
        if HaltReason.FLATTEN in (found, reason) and found not in (HaltReason.NONE, reason):
            _replace_file(file, since_ns, reason)
        else:
            make_once(file, _line(since_ns, reason))
    except OSError:
        return False
    return True


def _replace_file(file: Path, since_ns: int, reason: HaltReason) -> None:
    """Write the file HALT over another one, in one step: at no moment is there none."""
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    with open(open_private(temporary, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as made:
        made.write(_line(since_ns, reason))
    temporary.replace(file)


def _line(since_ns: int, reason: HaltReason) -> str:
    return json.dumps({"since_ns": since_ns, "reason": reason.name.lower()}) + "\n"


def reason_of(file: Path) -> HaltReason:
    """The reason in the file HALT; FILE when it was created by hand, NONE when it does not exist."""
    try:
        tree = json.loads(file.read_bytes())
        return HaltReason[tree["reason"].upper()]
    except FileNotFoundError:
        return HaltReason.NONE
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return HaltReason.FILE


@contextlib.contextmanager
def held_word(system: str) -> Iterator[shm.CellWriter | None]:
    """The word's writer with its lock held; None when the lock is not free within LOCK_WAIT_S."""
    writer, deadline = None, time.monotonic() + LOCK_WAIT_S
    while writer is None:
        try:
            writer = open_lanes(system, OPERATOR).cell_writer("operator_halt")
        except (shm.SegmentError, OSError):  # another process writes the word, or the segment does not exist
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_S)
    try:
        yield writer
    finally:
        if writer is not None:
            writer.close()


def word(system: str) -> shm.CellReader:
    """A reader of the word."""
    return open_lanes(system, OPERATOR).cell_reader("operator_halt")


def halt(system: str, file: Path, now_ns: int, reason: HaltReason = HaltReason.OPERATOR) -> tuple[int, bool]:
    """Write word and file; returns the word's sequence (0: not written), and whether the file exists."""
    with held_word(system) as writer:
        on_disk = write_file(file, now_ns, reason)
        if writer is None:
            return 0, on_disk
        writer.write(0, *HALT.row(
            halted=1, since_ns=now_ns, command_sequence=0, uid=os.getuid(), reason=reason
        ))  # fmt: skip
        return word(system).sequence(0), on_disk


def confirmed(gate: shm.CellReader, sequence: int) -> bool:
    """Whether execution is halted and has read this write of the word."""
    row = gate.read(0)
    return row is not None and bool(row.halted) and row.operator_sequence >= sequence

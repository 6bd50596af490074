"""Records that a role leaves out, because it failed on each of them twice: `<role>.skipped` in the run directory.

    supervisor ──add, before the start──▶ the file ──read, at the start──▶ the role

A third attempt would fail too, and the role would do nothing else. What the record names is halted meanwhile, because
the role has not applied it. The supervisor removes the files when it creates segments: a sequence has a meaning only
while its lane exists, and the program that is started with new segments may be a corrected one.

    an intent, in execution               refused unread                          engine/execution/intents/skipped.py
    a fill or an order, in execution      not applied, the instrument is halted   engine/execution/venue/broker.py
    a tick or a book, in the aggregation  its life begins after it                engine/aggregation/role.py
"""

import contextlib
import json
import os
from pathlib import Path

from engine.config.private import open_private
from engine.role import WorkingOn

SUFFIX = ".skipped"


def file_of(run: Path, role: str) -> Path:
    """Where the records that a role leaves out are listed."""
    return run / f"{role}{SUFFIX}"


def read(run: Path, role: str) -> tuple[WorkingOn, ...]:
    """The records to leave out; none without a readable file."""
    try:
        return tuple(WorkingOn(**one) for one in json.loads(file_of(run, role).read_bytes()))
    except (OSError, ValueError, TypeError):
        return ()


def add(run: Path, role: str, record: WorkingOn) -> None:
    """Leave out this record from the next start on; raises OSError when the file cannot be written."""
    data = json.dumps([one._asdict() for one in sorted({*read(run, role), record})]).encode()
    path = file_of(run, role)
    temporary = path.with_suffix(".making")
    with open(open_private(temporary, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(data)
    temporary.replace(path)


def clear(run: Path) -> None:
    """Leave out no record of any role: the lanes begin anew."""
    for path in run.glob(f"*{SUFFIX}"):
        with contextlib.suppress(OSError):
            path.unlink()

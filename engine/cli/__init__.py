"""`engine-ctl`: what an operator types.

It looks on through read-only lanes and speaks to the supervisor's socket only to give a command, so looking costs the
engine nothing and works when every process is dead. Nothing heavy is imported before the command that needs it.

Exit codes: 0 done · 1 refused, or something is not as it should be · 2 wrong use or wrong configuration · 3 nobody
there (no such system, lane or supervisor) · 130 interrupted.
"""

import errno
import importlib
import os
import sys
from collections.abc import Sequence

from engine.cli.parser import make_parser

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)  # a full disk behind `> file`
NO, WRONG_USE, NOBODY, INTERRUPTED = 1, 2, 3, 130


class Complaint(Exception):  # noqa: N818 - one clear line for the one who typed, not a failure of ours
    """Ends the command with one line and an exit code."""

    def __init__(self, text: str, code: int = NO) -> None:
        """Say what is wrong."""
        super().__init__(text)
        self.code = code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(words)
    except Complaint as complaint:
        print(f"engine-ctl: {complaint}", file=sys.stderr)  # noqa: T201
        return complaint.code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has seen enough
        _drop_output()
        return 0
    except OSError as error:
        if error.filename is not None or error.errno not in UNWRITABLE:
            raise
        _drop_output()
        print(f"engine-ctl: the output cannot be written: {error.strerror}", file=sys.stderr)  # noqa: T201
        return NO
    return code


def _run(words: list[str]) -> int:
    """The command, with all that it printed sent on its way, also where it ends by itself as --help does."""
    try:
        return _capture(words[1:]) if words[:1] == ["capture"] else _command(words)
    finally:
        if sys.stdout is not None:  # it may have been closed from the beginning
            sys.stdout.flush()


def _drop_output() -> None:
    """Let what could not be written go nowhere: else it would be tried, and fail, once more at the exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _command(words: list[str]) -> int:
    """One of our own."""
    options = make_parser().parse_args(words)
    module, _, name = options.run.partition(":")
    code: int = getattr(importlib.import_module(module), name)(options)
    return code


def _capture(words: list[str]) -> int:
    """Hand over to the feed's own command, with its own options."""
    try:
        capture = importlib.import_module("engine.feed.capture")
    except ModuleNotFoundError as missing:
        print(f"engine-ctl: capture is not part of this installation: {missing}", file=sys.stderr)  # noqa: T201
        return NOBODY
    code: int = capture.main(words)
    return code

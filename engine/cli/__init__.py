"""`engine-ctl`: the operator's command line.

It reads lanes read-only and opens the supervisor's socket only to send a command. So reading costs the engine nothing
and works when every process is dead. A module with a slow import is imported by the command that needs it.

Exit codes: 0 done · 1 refused or unhealthy · 2 wrong use or wrong configuration · 3 not found (no such system, lane or
supervisor) · 130 interrupted.
"""

import errno
import importlib
import os
import sys
from collections.abc import Sequence

from engine.cli.parser import make_parser

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)  # the output goes to a file on a full disk
FAILED, WRONG_USE, NOT_FOUND, INTERRUPTED = 1, 2, 3, 130


class CommandError(Exception):
    """Ends the command with one line on stderr and an exit code."""

    def __init__(self, text: str, code: int = FAILED) -> None:
        """Keep the line and the exit code."""
        super().__init__(text)
        self.code = code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(words)
    except CommandError as error:
        print(f"engine-ctl: {error}", file=sys.stderr)  # noqa: T201
        return error.code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of the output closed it, as `| head` does
        _drop_output()
        return 0
    except OSError as error:
        if error.filename is not None or error.errno not in UNWRITABLE:
            raise
        _drop_output()
        print(f"engine-ctl: the output cannot be written: {error.strerror}", file=sys.stderr)  # noqa: T201
        return FAILED
    return code


def _run(words: list[str]) -> int:
    """Run the command, then flush its output; --help ends with an exception, and its output is flushed too."""
    try:
        return _capture(words[1:]) if words[:1] == ["capture"] else _command(words)
    finally:
        if sys.stdout is not None:  # None when the caller closed it
            sys.stdout.flush()


def _drop_output() -> None:
    """Point stdout at /dev/null: otherwise Python writes the rest again at exit and fails again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _command(words: list[str]) -> int:
    """Run one of the commands of engine/cli."""
    options = make_parser().parse_args(words)
    module, _, name = options.run.partition(":")
    code: int = getattr(importlib.import_module(module), name)(options)
    return code


def _capture(words: list[str]) -> int:
    """Run `capture`, a command of the feed with its own options."""
    try:
        capture = importlib.import_module("engine.feed.capture")
    except ModuleNotFoundError as missing:
        print(f"engine-ctl: capture is not part of this installation: {missing}", file=sys.stderr)  # noqa: T201
        return NOT_FOUND
    code: int = capture.main(words)
    return code

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

from engine.answer import error_line
from engine.cli.errors import FAILED, INTERRUPTED, NOT_FOUND, WRONG_USE, CommandError
from engine.cli.parser import commands_of, make_parser

__all__ = ["FAILED", "INTERRUPTED", "NOT_FOUND", "WRONG_USE", "CommandError", "main"]

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)  # the output goes to a file on a full disk


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(words)
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


def _print_error(words: list[str], error: CommandError) -> None:
    """One line on stderr; with --json the same on stdout, in the shape of the command's data."""
    print(f"engine-ctl: {error}", file=sys.stderr)  # noqa: T201
    if "--json" in words:
        print(error_line(_command_of(words), error.code, str(error)), flush=True)  # noqa: T201


def _command_of(words: list[str]) -> str:
    """The command's words, also of a command line that the parser rejects."""
    found, inner = [], commands_of(make_parser())
    while inner and words and words[0] in inner:
        found.append(words[0])
        inner, words = commands_of(inner[words[0]]), words[1:]
    return " ".join(found)


def _run(words: list[str]) -> int:
    """Run the command, then flush its output; --help ends with an exception, and its output is flushed too."""
    try:
        return _capture(words[1:]) if words[:1] == ["capture"] else _command(words)
    except CommandError as error:
        _print_error(words, error)
        return error.code
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

"""A guard that is executed while its system is still being checked: it imports meanwhile, and begins nothing.

    engine-ctl up ──exec──▶ guard --prepared      imports, then reads its stdin
        │ checks the configuration
        ├── right ── descriptor of the log ──▶    writes its output there, and begins
        └── wrong, or `up` has died ─────────▶    end of stdin: exits, and nothing was made

So the imports of the guard cost a start no time on a machine with more than one core.
"""

import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from engine.supervisor.entry import open_log


class PreparedGuard:
    """A guard's process, which ends when this block ends without `begin`."""

    def __init__(self, words: list[str]) -> None:
        """Execute the guard in a session of its own."""
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.popen = subprocess.Popen([*words, "--prepared"], stdin=theirs.fileno(), start_new_session=True)

    def __enter__(self) -> Self:
        """The guard waits."""
        return self

    def begin(self, log: Path) -> "subprocess.Popen[bytes]":
        """Let the guard begin, with its output in this log."""
        with open(open_log(log), "ab") as output:
            socket.send_fds(self._channel, [b"begin"], [output.fileno()])
        return self.popen

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the channel: a guard that has not begun exits."""
        self._channel.close()
        if error is not None:
            self.popen.wait()


def words_of(config: str) -> list[str]:
    """The command line of a system's guard."""
    return [sys.executable, "-m", "engine.supervisor.guard", "--config", str(Path(config).resolve())]

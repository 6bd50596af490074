"""Keys typed during a live view, read one by one and without an echo."""

import os
import select
import sys
import termios
import time
import tty
from types import TracebackType
from typing import Self

QUIT = "q"


class Keys:
    """The keyboard during a view; without a terminal there are no keys."""

    def __enter__(self) -> Self:
        """Switch the terminal to single keys; Ctrl-C still interrupts."""
        self._descriptor = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else -1
        if self._descriptor >= 0:
            self._before = termios.tcgetattr(self._descriptor)
            tty.setcbreak(self._descriptor)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Restore the terminal's settings."""
        if self._descriptor >= 0:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    def wait(self, seconds: float) -> str:
        """Wait this long for a key; the key, or "" when none was typed."""
        if self._descriptor < 0:
            time.sleep(seconds)
            return ""
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        return os.read(self._descriptor, 1).decode(errors="replace") if ready else ""

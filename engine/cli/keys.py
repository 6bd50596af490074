"""Keys typed while a live view shows: read one by one and without an echo, where a person sits at a terminal."""

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
    """The keyboard for as long as a view lasts; without a terminal nothing is ever typed."""

    def __enter__(self) -> Self:
        """Let keys come at once; Ctrl-C goes on to interrupt."""
        self._descriptor = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else -1
        if self._descriptor >= 0:
            self._before = termios.tcgetattr(self._descriptor)
            tty.setcbreak(self._descriptor)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the terminal back as it was."""
        if self._descriptor >= 0:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    def wait(self, seconds: float) -> str:
        """The key that was typed within this time, "" for none."""
        if self._descriptor < 0:
            time.sleep(seconds)
            return ""
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        return os.read(self._descriptor, 1).decode(errors="replace") if ready else ""

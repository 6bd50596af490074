"""Kills a role in the middle of a step: before or after a write to a lane or a message to the network.

A killed role does not clean up: its written records remain, its private memory is lost. The kernel frees its locks.
`Killed` is a BaseException, so that no `except Exception` in a role catches it.
"""

from typing import Any


class Killed(BaseException):
    """The role is dead."""


class Fuse:
    """Counts a role's writes and sends down to its death."""

    def __init__(self) -> None:
        """Begin unlit."""
        self._left = 0

    def light(self, acts: int) -> None:
        """Kill the role at this many writes or sends from now; 0 cancels that."""
        self._left = acts

    def burn(self) -> None:
        """Count one write or send."""
        if self._left:
            self._left -= 1
            if not self._left:
                raise Killed


class Mortal:
    """Wraps a lane's writer or a port: each write or send burns the fuse before and after."""

    ACTS = frozenset({"publish", "publish_bytes", "write", "write_bytes", "send", "request", "poll"})

    def __init__(self, inner: Any, fuse: Fuse) -> None:
        """Wrap a writer or a port."""
        self._inner, self._fuse = inner, fuse
        for name in self.ACTS:
            if hasattr(inner, name):
                setattr(self, name, self._wrap(getattr(inner, name)))

    def __getattr__(self, name: str) -> Any:
        """Everything else comes from the wrapped object."""
        return getattr(self._inner, name)

    def _wrap(self, act: Any) -> Any:
        def mortal(*values: Any) -> Any:
            self._fuse.burn()
            result = act(*values)
            self._fuse.burn()
            return result

        return mortal

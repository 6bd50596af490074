"""Death in the middle of a step: at a write to a lane or a message to the network, before it or after it.

A role that is killed says nothing and cleans nothing up; what it wrote is there, what it had only in mind is gone. The
kernel frees its locks. `Killed` is a BaseException, so nothing in a role can take it for an error of its own.
"""

from typing import Any


class Killed(BaseException):
    """The role that was running is no more."""


class Fuse:
    """Counts a role's outward acts down to its death."""

    def __init__(self) -> None:
        """Begin unlit."""
        self._left = 0

    def light(self, acts: int) -> None:
        """Let the role die at this act of its step; 0 puts the fuse out."""
        self._left = acts

    def burn(self) -> None:
        """One act."""
        if self._left:
            self._left -= 1
            if not self._left:
                raise Killed


class Mortal:
    """A lane's writer or a port whose every outward act burns the fuse, before and after."""

    ACTS = frozenset({"publish", "publish_bytes", "write", "write_bytes", "send", "request", "poll"})

    def __init__(self, inner: Any, fuse: Fuse) -> None:
        """Stand before the real one."""
        self._inner, self._fuse = inner, fuse
        for name in self.ACTS:
            if hasattr(inner, name):
                setattr(self, name, self._wrap(getattr(inner, name)))

    def __getattr__(self, name: str) -> Any:
        """Everything else is the real one's."""
        return getattr(self._inner, name)

    def _wrap(self, act: Any) -> Any:
        def mortal(*values: Any) -> Any:
            self._fuse.burn()
            result = act(*values)
            self._fuse.burn()
            return result

        return mortal

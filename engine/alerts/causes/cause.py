"""A cause: one class that finds one kind of trouble in the scene. The registry has each by its name.

    @cause
    class DiskFull(Cause):
        name = "disk_full"
        severity = Severity.CRITICAL
        to_do = "free space …"

        def find(self, scene):
            yield self.finding("state", "…")

A cause keeps what it needs from check to check in its own attributes; a further life of the role begins without it.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator
from typing import ClassVar, TypeVar

from engine.alerts.episodes import Finding
from engine.alerts.message import Severity
from engine.alerts.scene import Scene

REGISTRY: dict[str, type["Cause"]] = {}


class Cause(ABC):
    """One kind of trouble."""

    name: ClassVar[str]
    severity: ClassVar[Severity]
    to_do: ClassVar[str]
    is_event: ClassVar[bool] = False  # it occurs; other causes last
    unhealthy: ClassVar[bool] = False  # the outside heartbeat stops while it lasts

    @abstractmethod
    def find(self, scene: Scene) -> Iterator[Finding]:
        """What this check finds."""

    def finding(self, subject: str, what: str, to_do: str = "") -> Finding:
        """One finding of this cause."""
        return Finding(self.name, subject, self.severity, what, to_do or self.to_do, self.is_event, self.unhealthy)


Kind = TypeVar("Kind", bound=type[Cause])


def cause(kind: Kind) -> Kind:
    """Register a cause."""
    assert kind.name not in REGISTRY, f"two causes are called {kind.name}"
    REGISTRY[kind.name] = kind
    return kind


class Since:
    """Since when something has been found, for the causes that have a limit."""

    def __init__(self) -> None:
        """Begin with nothing found."""
        self._since_ns: dict[Hashable, int] = {}

    def age_ns(self, key: Hashable, now_ns: int, *, found: bool) -> int:
        """How long it has been found without a break; 0 when it is not."""
        if not found:
            self._since_ns.pop(key, None)
            return 0
        return now_ns - self._since_ns.setdefault(key, now_ns)


def seconds(duration_ns: int) -> str:
    """A duration as text."""
    return f"{duration_ns / 1e9:.1f} s"

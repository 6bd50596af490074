"""The roles that a replay waits for, so that they read the recording from its first tick.

A role that starts after the feed reads its lanes from that moment: at speed "max" it would miss most of a recording,
and how much would depend on how fast its process starts. So the replay publishes the instruments (a strategy cannot
start without them) and then waits until every other role of the system has a heartbeat RUNNING. A role that does not
run within `LIMIT_NS` is named in the log, and the replay continues without it.
"""

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from engine.instruments import read
from engine.lanes import open_role
from engine.model.words import RoleState

if TYPE_CHECKING:
    from engine.config import Config

LOG = logging.getLogger("steelyard.feed")
LIMIT_NS = 20_000_000_000  # a strategy itself waits 15 s for its instruments


class Beats(Protocol):
    """A role's heartbeat cell."""

    def read(self, index: int = 0, /) -> Any:
        """Return the latest row, or None before the first."""


class Audience:
    """The roles that are not running yet."""

    def __init__(self, beats: Mapping[str, Beats], shown: Callable[[], bool]) -> None:
        """Wait for the roles of these heartbeats, from the moment when every instrument is `shown`."""
        self._beats, self._shown = dict(beats), shown
        self._since_ns = 0

    @property
    def complete(self) -> bool:
        """Whether the replay waits for no role any more."""
        return not self._beats

    def holds_back(self, now_ns: int) -> bool:
        """Whether the recording must wait now."""
        if not self._beats or not self._shown():
            return False
        self._since_ns = self._since_ns or now_ns
        for role in [role for role, cell in self._beats.items() if _runs(cell)]:
            del self._beats[role]
        if self._beats and now_ns - self._since_ns > LIMIT_NS:
            LOG.warning("the replay continues without roles that do not run", extra={"roles": sorted(self._beats)})
            self._beats.clear()
        return bool(self._beats)


def audience_of(config: "Config", name: str) -> Audience:
    """Return every role of a system except the one of this name."""
    roles = [role for role in config.role_names if role != name]
    lanes = open_role(config, name)
    beats = {role: lanes.cell_reader("heartbeat", role) for role in roles}
    return Audience(beats, lambda: len(read(lanes)) == len(config.instruments))


def _runs(cell: Beats) -> bool:
    """Whether a role's heartbeat shows RUNNING."""
    row = cell.read(0)
    return row is not None and row.state == RoleState.RUNNING

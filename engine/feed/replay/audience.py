"""The roles for which a replay holds its recording back, so that they read it from its first tick.

A role that starts after the feed reads its lanes from then on: at speed "max" it would miss most of a recording, and
how much would depend on how fast its process came up. So the replay waits, once every instrument is shown (a strategy
cannot start before), until every other role of the system beats RUNNING. A role that does not run within `LIMIT_NS` is
named in the log and no longer waited for.
"""

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from engine.instruments import read
from engine.lanes import FEED, open_lanes
from engine.model.words import RoleState

if TYPE_CHECKING:
    from engine.config import Config

LOG = logging.getLogger("steelyard.feed")
LIMIT_NS = 20_000_000_000  # a strategy itself waits 15 s for its instruments


class Beats(Protocol):
    """A role's heartbeat cell."""

    def read(self, index: int = 0, /) -> Any:
        """Give the latest row, or None when it was never written."""


class Audience:
    """The roles that do not run yet."""

    def __init__(self, beats: Mapping[str, Beats], shown: Callable[[], bool]) -> None:
        """Wait for the roles whose heartbeats are given, from when every instrument is `shown`."""
        self._beats, self._shown = dict(beats), shown
        self._since_ns = 0

    @property
    def complete(self) -> bool:
        """Whether no role is waited for any more."""
        return not self._beats

    def holds_back(self, now_ns: int) -> bool:
        """Whether the recording is to be held back now."""
        if not self._beats or not self._shown():
            return False
        self._since_ns = self._since_ns or now_ns
        for role in [role for role, cell in self._beats.items() if _runs(cell)]:
            del self._beats[role]
        if self._beats and now_ns - self._since_ns > LIMIT_NS:
            LOG.warning("the replay goes on without roles that do not run", extra={"roles": sorted(self._beats)})
            self._beats.clear()
        return bool(self._beats)


def audience_of(config: "Config", name: str) -> Audience:
    """Every role of a system but the one of this name."""
    roles = [role for role in config.role_names if role != name]
    lanes = open_lanes(config.system.name, FEED)
    beats = {role: lanes.cell_reader("heartbeat", role) for role in roles}
    return Audience(beats, lambda: len(read(lanes)) == len(config.instruments))


def _runs(cell: Beats) -> bool:
    """Whether a role says of itself that it runs."""
    row = cell.read(0)
    return row is not None and row.state == RoleState.RUNNING

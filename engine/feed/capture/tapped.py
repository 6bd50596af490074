"""A venue's ports that copy every frame for a recorder."""

from typing import TYPE_CHECKING

from engine import clock
from engine.feed.capture.tap import Tap, TappedRequests, TappedStream
from engine.feed.connection.connections import FeedPorts
from engine.lanes import RoleLanes, lane_of

if TYPE_CHECKING:
    from engine.config import Config


class TappedPorts:
    """One venue's recorded ports, around the ports that own the sockets."""

    def __init__(self, ports: FeedPorts, tap: Tap, venue: str, dialect: str) -> None:
        """Copy under the venue's name in the configuration and the name of its dialect."""
        self._ports, self._tap, self._venue, self._dialect = ports, tap, venue, dialect

    def stream(self, target: str) -> TappedStream:
        """Begin a stream."""
        port = self._ports.stream(target)
        return TappedStream(port, self._tap, self._venue, self._dialect, target, clock.now_ns())

    def requests(self) -> TappedRequests:
        """Return the requests to the REST side."""
        return TappedRequests(self._ports.requests(), self._tap, self._venue, self._dialect, clock.now_ns())


def tap_of(config: "Config", lanes: RoleLanes) -> Tap | None:
    """Return the writer of a system's FRAMES, None where [feed] frames = false."""
    if not config.feed.get("frames", True):
        return None
    return Tap(
        lanes.ring_writer("frames", populate=True),
        lanes.cell_writer("connections"),
        lane_of("connections").count,
    )

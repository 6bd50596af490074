"""A venue's ports that copy every frame for a recorder."""

from engine import clock
from engine.feed.capture.tap import Tap, TappedRequests, TappedStream
from engine.feed.connection.connections import FeedPorts
from engine.lanes import RoleLanes, lane_of
from shm import RingWriter


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


def tap_of(lanes: RoleLanes, frames: RingWriter | None) -> Tap | None:
    """Return the writer of a system's FRAMES, None without that ring: [feed] frames = false."""
    if frames is None:
        return None
    return Tap(frames, lanes.cell_writer("connections"), lane_of("connections").count)

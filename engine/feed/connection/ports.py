"""A venue's network over real sockets: what the feed makes its connections by."""

from collections.abc import Callable, Mapping
from typing import Any

from engine.venues.port import FramePort, PortState, RequestPort
from engine.venues.sealed import Seal, SealedStream
from engine.venues.wire import HttpPort, WebSocketPort

MakeSeal = Callable[[Callable[[], RequestPort]], Seal]


class SocketPorts:
    """A venue's ports over real sockets."""

    def __init__(
        self,
        stream_url: str,
        request_url: str,
        headers: Mapping[str, str] | None = None,
        make_seal: MakeSeal | None = None,
    ) -> None:
        """The bases that targets are put behind, what a stream's upgrade says, and what seals its messages."""
        self._headers, self._make_seal = headers or {}, make_seal
        self._stream_url, self._request_url = stream_url.rstrip("/"), request_url.rstrip("/")
        self._streams: list[Any] = []
        self._requests = HttpPort(self._request_url)

    def stream(self, target: str) -> FramePort:
        """Begin a stream."""
        port: Any = WebSocketPort(self._stream_url + target, headers=self._headers)
        if self._make_seal is not None:
            port = SealedStream(port, self._make_seal(lambda: HttpPort(self._request_url)))
        self._streams = [*(one for one in self._streams if one.state is not PortState.CLOSED), port]
        return port  # type: ignore[no-any-return]

    def requests(self) -> HttpPort:
        """Requests to the REST side."""
        return self._requests

    def filenos(self) -> list[int]:
        """What a sleeping process is woken by."""
        interests = [port.interests() for port in self._streams] + [self._requests.interests()]
        return [one.descriptor for several in interests for one in several]

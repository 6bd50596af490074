"""A venue's network over real sockets: the feed makes its connections with it."""

from collections.abc import Mapping

from engine.venues.port import PortState, StreamPort
from engine.venues.signed_stream import MakeSigner, SignedStream
from engine.venues.wire import HttpPort, WebSocketPort


class SocketPorts:
    """A venue's ports over real sockets."""

    def __init__(
        self,
        stream_url: str,
        request_url: str,
        headers: Mapping[str, str] | None = None,
        make_signer: MakeSigner | None = None,
    ) -> None:
        """The URLs that targets are appended to, the headers of a stream's upgrade, and the signer of its messages."""
        self._headers, self._make_signer = headers or {}, make_signer
        self._stream_url, self._request_url = stream_url.rstrip("/"), request_url.rstrip("/")
        self._streams: list[StreamPort] = []
        self._requests = HttpPort(self._request_url)

    def stream(self, target: str) -> StreamPort:
        """Begin a stream."""
        port: StreamPort = WebSocketPort(self._stream_url + target, headers=self._headers)
        if self._make_signer is not None:
            port = SignedStream(port, self._make_signer(lambda: HttpPort(self._request_url)))
        self._streams = [*(one for one in self._streams if one.state is not PortState.CLOSED), port]
        return port

    def requests(self) -> HttpPort:
        """Return the requests to the REST side."""
        return self._requests

    def filenos(self) -> list[int]:
        """Return the descriptors that wake a sleeping process."""
        interests = [port.interests() for port in self._streams] + [self._requests.interests()]
        return [one.descriptor for several in interests for one in several]

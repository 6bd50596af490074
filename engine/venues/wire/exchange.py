"""One HTTP connection and the request on it: h11 implements the protocol, this class moves the bytes."""

from dataclasses import dataclass

import h11

from engine.venues.port import Response
from engine.venues.wire.dial import Dial, Place
from engine.venues.wire.options import HttpOptions, Interest
from engine.venues.wire.transport import NOTHING, Transport

BLOCK = 64 << 10


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it was asked for."""

    request_id: int
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    deadline_ns: int

    def failed(self, reason: str) -> Response:
        """The answer to a request that got none."""
        return Response(self.request_id, 0, {}, b"", reason)


class Exchange:
    """A connection with at most one request under way; kept for the next one as long as both sides like."""

    def __init__(self, place: Place, options: HttpOptions) -> None:
        """Begin to connect."""
        self._place = place
        self._options = options
        self._dial = Dial(place, options)
        self._transport: Transport | None = None
        self._protocol = h11.Connection(h11.CLIENT)
        self._request: Request | None = None
        self._sent = False
        self._head: h11.Response | None = None
        self._body = bytearray()
        self._block = bytearray(BLOCK)
        self.closed = False

    @property
    def idle(self) -> bool:
        """Whether a request can begin here."""
        return self._request is None and not self.closed

    def interests(self) -> list[Interest]:
        """What to wait for."""
        return self._dial.interests()

    def begin(self, request: Request, now_ns: int) -> None:
        """Accept a request and send it when the connection is up."""
        assert self.idle, "one request at a time"
        self._request = request
        self._sent = False
        self._head = None
        self._body.clear()
        self._connect(now_ns)

    def advance(self, now_ns: int) -> Response | None:
        """Go on: the answer or the failure of the request, when there is one."""
        if self._request is None:
            self.still_open()
            return None
        failure = self._connect(now_ns) if not self._sent else ""
        answer = self._receive() if self._sent and not failure else None
        if answer is None and not failure and now_ns >= self._request.deadline_ns:
            failure = "no answer in time"
        if failure:
            return self._fail(failure)
        return answer

    def still_open(self) -> bool:
        """Check whether the other side has closed a kept connection; unexpected bytes end it as well."""
        if self._transport is not None and self._transport.read(self._block) != NOTHING:
            self.close()
        return not self.closed

    def close(self) -> None:
        """Close the connection."""
        self._dial.close()
        self.closed = True

    def _connect(self, now_ns: int) -> str:
        """Bring the connection up and send the request on it; why not, when not."""
        if self._transport is None:
            if not self._dial.advance():
                return f"cannot connect: {self._dial.error}" if self._dial.error else ""
            self._transport = self._dial.transport
        assert self._request is not None
        if now_ns >= self._request.deadline_ns:
            return "no connection in time"
        return self._send(self._request)

    def _send(self, request: Request) -> str:
        """Send the request once."""
        assert self._transport is not None
        headers = [("Host", self._place.authority), *request.headers.items()]
        if request.body or request.method in {"POST", "PUT"}:
            headers.append(("Content-Length", str(len(request.body))))
        try:
            blocks = [self._protocol.send(h11.Request(method=request.method, target=request.target, headers=headers))]
            blocks.append(self._protocol.send(h11.Data(data=request.body)) if request.body else b"")
            blocks.append(self._protocol.send(h11.EndOfMessage()))
        except h11.LocalProtocolError as error:
            return f"the request is not valid HTTP: {error}"
        self._sent = True
        return "" if self._transport.write(b"".join(block for block in blocks if block)) else self._transport.error

    def _receive(self) -> Response | None:
        """Read what came; the answer when it is complete."""
        assert self._transport is not None
        if self._transport.unsent and not self._transport.flush():
            return self._fail(self._transport.error)
        while True:
            count = self._transport.read(self._block)
            if count == NOTHING:
                return None
            if count < 0:
                return self._fail(self._transport.error)
            try:
                self._protocol.receive_data(bytes(self._block[:count]))
                answer = self._listen()
            except h11.RemoteProtocolError as error:
                return self._fail(f"connection lost before the answer was whole: {error}" if not count else str(error))
            if answer is not None or not count:
                return answer or self._fail("connection lost before an answer came")

    def _listen(self) -> Response | None:
        """Process h11's events, until one is the end of the answer."""
        while True:
            event = self._protocol.next_event()
            if isinstance(event, h11.Response):
                self._head = event
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > self._options.message_limit:
                    return self._fail(f"answer of more than {self._options.message_limit} bytes")
            elif isinstance(event, h11.EndOfMessage):
                return self._finish()
            elif not isinstance(event, h11.InformationalResponse):
                return None

    def _finish(self) -> Response:
        """Return the answer, and keep the connection if both sides allow it."""
        assert self._request is not None
        assert self._head is not None
        headers = {name.decode("ascii").lower(): value.decode("latin-1") for name, value in self._head.headers}
        answer = Response(self._request.request_id, self._head.status_code, headers, bytes(self._body))
        self._request = None
        if self._protocol.our_state is h11.DONE and self._protocol.their_state is h11.DONE:
            self._protocol.start_next_cycle()
        else:
            self.close()
        return answer

    def _fail(self, reason: str) -> Response:
        """Give the failure, and the connection up with it."""
        assert self._request is not None
        answer = self._request.failed(f"{'sent' if self._sent else 'not sent'}: {reason}")
        self._request = None
        self.close()
        return answer

"""A WebSocket as a `StreamPort`: never waits, and raises nothing for a fault of the network.

    CONNECTING --upgrade accepted--> OPEN --close, error, end of stream, close()--> CLOSED

`poll` advances it. In OPEN it reads one large block, answers pings with their own payload, and returns the complete
messages; after the last message a lost connection is CLOSED, and `error` has the reason. It reads one block, not all
the bytes that arrived: so `receive_ns` is right for each message in the block, the messages are still in the cache when
they are decoded, and a peer that never stops sending does not keep a role from its other ports.

A port does not judge silence: the feed's `link.py` does, by the durations of the venue's dialect.
"""

from collections.abc import Mapping

from engine.venues.port import PortState
from engine.venues.wire.dial import Dial, Place
from engine.venues.wire.frames import (
    CLOSE,
    PING,
    PONG,
    FrameReader,
    FrameWriter,
    close_payload,
    describe_close,
)
from engine.venues.wire.inlet import Inlet
from engine.venues.wire.options import Interest, WireOptions
from engine.venues.wire.transport import NOTHING, PlainTransport, Transport
from engine.venues.wire.upgrade import Conversation, upgrade

NORMAL_CLOSURE = 1000
CONNECTING, OPEN, CLOSED = PortState.CONNECTING, PortState.OPEN, PortState.CLOSED


class WebSocketPort(Inlet):
    """One connection to a WebSocket server; for another try, make another port."""

    recorded, reports_quiet = False, True

    def __init__(self, url: str, options: WireOptions | None = None, headers: Mapping[str, str] | None = None) -> None:
        """Begin to connect; ValueError for a text that is no URL."""
        self._options = options or WireOptions()
        self._reader = FrameReader(self._options.message_limit)
        self._writer = FrameWriter()
        super().__init__(self._reader, self._writer)
        self._dial = Dial(Place.of(url), self._options)
        self._upgrade = upgrade(url, headers or {})
        self._conversation: Conversation | None = None
        self._transport: Transport | None = None
        self._state = CONNECTING
        self._error = ""
        self._deadline_ns = 0
        self._pong = b""

    @property
    def state(self) -> PortState:
        """The state of the connection after the last poll."""
        return self._state

    @property
    def error(self) -> str:
        """Why it closed, or empty."""
        return self._error

    @property
    def unfinished(self) -> bool:
        """Whether a message has begun and not ended: such bytes are no sign of life."""
        return self._reader.unfinished

    @property
    def last_pong(self) -> bytes:
        """The payload of the last answer to a `send_ping`."""
        return self._pong

    def fileno(self) -> int:
        """The socket's descriptor, or -1 without a socket."""
        interests = self._dial.interests()
        return interests[0].descriptor if interests else -1

    def interests(self) -> list[Interest]:
        """What a `Waiter` waits for."""
        return self._dial.interests()

    def move(self, now_ns: int) -> list[bytes]:
        """Do the work other than reading: bring a connection up; nothing for one that has ended."""
        if self._state is CONNECTING and self._connect(now_ns):
            return self.finish_read(self._reader.messages()) + self.poll(now_ns)
        return []

    def finish_read(self, messages: list[bytes]) -> list[bytes]:
        """The messages just read; what came between them is answered, a fault ends the connection."""
        if self._reader.controls:
            self._answer()
        if self._reader.error is not None and self._state is OPEN:
            code, reason = self._reader.error
            self.send(close_payload(code, reason), CLOSE)
            self._end(f"protocol error {code}: {reason}")
        return messages

    def stop(self, count: int) -> list[bytes]:
        """Nothing was read: send the bytes that are kept, or note that the connection is lost."""
        assert self._transport is not None, "read without a connection"
        if count != NOTHING:
            self._end(f"connection lost: {self._transport.error or 'end of stream without a close'}")
        elif not self._transport.flush():
            self._lose()
        return []

    def write(self, frame: bytes) -> bool:
        """Send a frame after those that wait, or through TLS; False when the connection is lost with this."""
        assert self._transport is not None, "a frame without a connection"
        return self._transport.write(frame) or self._lose()

    def finish_write(self, frame: bytes, count: int) -> bool:
        """Keep what the socket did not accept of a frame; False when the connection is lost with this."""
        assert isinstance(self._transport, PlainTransport), "only a plain socket accepts a part"
        return self._transport.finish_write(frame, count) or self._lose()

    def _lose(self) -> bool:
        """End, because the transport can send no more."""
        assert self._transport is not None
        self._end(f"connection lost: {self._transport.error}")
        return False

    def send_ping(self, payload: bytes = b"") -> bool:
        """Ask whether the venue is there; its answer moves `receive_ns`, and `last_pong` returns it."""
        return self.send(payload, PING)

    def close(self) -> None:
        """Send a close frame if the connection is open, and close it."""
        if self._state is OPEN and self._transport is not None:
            self._transport.write(self._writer.encode(CLOSE, close_payload(NORMAL_CLOSURE)))
        self._end("closed by us")

    def _connect(self, now_ns: int) -> bool:
        """Move the connection along; True when it has become open."""
        self._deadline_ns = self._deadline_ns or now_ns + self._options.connect_timeout_ns
        opened = self._read_upgrade() if self._conversation is not None else self._request_upgrade()
        if not opened and self._state is CONNECTING and now_ns >= self._deadline_ns:
            self._end(f"not connected within {self._options.connect_timeout_ns / 1e9:g} s")
        return opened

    def _request_upgrade(self) -> bool:
        """Wait for the transport, then ask for the upgrade."""
        if self._dial.advance() and self._dial.transport is not None:
            self._transport = self._dial.transport
            self.draw_from(self._transport)
            self._conversation = self._upgrade
            self._transport.write(self._upgrade.request)
            return self._read_upgrade()
        if self._dial.error:
            self._end(f"cannot connect: {self._dial.error}")
        return False

    def _read_upgrade(self) -> bool:
        """Wait for the answer to the upgrade; what follows it is frames already."""
        assert self._transport is not None
        block = bytearray(16 << 10)
        while (count := self._transport.read(block)) > 0:
            rest = self._upgrade.read_answer(bytes(block[:count]))
            if rest is not None:
                self._reader.feed(rest)
                self._state = OPEN
                self.flow(True)
                return True
            if self._upgrade.error:
                self._end(f"upgrade refused: {self._upgrade.error}")
                return False
        if count != NOTHING:
            self._end(f"lost during the upgrade: {self._transport.error or 'end of stream'}")
        return False

    def _answer(self) -> None:
        """Pong for ping, close for close."""
        for kind, payload in self._reader.controls:
            if kind == PING:
                self.send(payload, PONG)
            elif kind == PONG:
                self._pong = payload
            else:
                self.send(payload[:2], CLOSE)
                self._end(f"closed by the peer: {describe_close(payload)}")
        self._reader.controls.clear()

    def _end(self, reason: str) -> None:
        """Closed for good, with the first reason kept."""
        if self._state is not CLOSED:
            self._state = CLOSED
            self._error = reason
            self.flow(False)
            self._dial.close()

"""One connection's life: connecting, subscribing, heard, gone."""

from collections.abc import Callable, Iterable

from engine.venues.dialect import Answer, AnswerKind, Dialect
from engine.venues.port import FramePort, PortState

OPEN, CLOSED = PortState.OPEN, PortState.CLOSED


class Link:
    """A stream of frames with its subscription. It decides nothing about books."""

    def __init__(
        self, port: FramePort, dialect: Dialect, symbols: Iterable[str], now_ns: int, subscribe_ns: int
    ) -> None:
        """A connection that was begun at `now_ns`."""
        self._port, self._dialect, self._symbols = port, dialect, tuple(symbols)
        self._deadline_ns = now_ns + subscribe_ns
        self.begun_ns = self.heard_ns = now_ns
        self.accepted_ns = 0
        self.subscribed = self.accepted = self.leaving = False
        self.failure = ""

    @property
    def receive_ns(self) -> int:
        """When the last poll's bytes were read."""
        return self._port.receive_ns

    def poll(self, now_ns: int) -> list[bytes]:
        """Frames that came; sees to the subscription and to silence."""
        frames = self._port.poll(now_ns)
        if frames:
            self.heard_ns = now_ns
        state = self._port.state
        if state == CLOSED:
            self._fail(f"closed: {self._port.error or 'by the venue'}")
        elif state == OPEN and not self.subscribed:
            self.subscribed = self.send(self._dialect.subscribe(self._symbols))
            self.accepted = self.accepted or getattr(self._port, "recorded", False)
        self._watch(now_ns)
        return frames

    def send(self, messages: Iterable[bytes]) -> bool:
        """Send messages; False, and the link has failed, when one does not go out."""
        if all([self._port.send(message) for message in messages]):  # noqa: C419 - each is sent
            return True
        self._fail("a message could not be sent")
        return False

    def hear(self, answer: Answer) -> None:
        """Take what the venue said beside its data."""
        if answer.kind == AnswerKind.ACCEPTED:
            self.accepted_ns = self.accepted_ns or self.heard_ns
            self.accepted = True
        elif answer.kind == AnswerKind.REFUSED:
            self._fail(f"refused: {answer.text}")
        elif answer.kind == AnswerKind.LEAVING:
            self.leaving = True

    def close(self) -> None:
        """Let the connection go."""
        self._port.close()

    def _watch(self, now_ns: int) -> None:
        if not self.accepted and now_ns > self._deadline_ns:
            self._fail("the subscription was not acknowledged in time" if self.subscribed else "no connection in time")
        if now_ns - self.heard_ns > self._dialect.mute_ns:
            self._fail("connected, but mute")
        if now_ns - self.begun_ns > self._dialect.lifetime_ns:
            self.leaving = True

    def _fail(self, reason: str) -> None:
        self.failure = self.failure or reason


def connect(
    stream: Callable[[str], FramePort], dialect: Dialect, symbols: Iterable[str], now_ns: int, subscribe_ns: int
) -> Link:
    """Begin a connection."""
    return Link(stream(dialect.stream_target()), dialect, symbols, now_ns, subscribe_ns)

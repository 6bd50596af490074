"""One connection's life: connecting, subscribing, heard, gone."""

from collections.abc import Iterable

from engine.feed.books.pipeline import Pipeline
from engine.feed.config import FeedConfig
from engine.feed.connection.line import Line
from engine.feed.connection.message_counts import message_counter
from engine.feed.connection.resubscriptions import Resubscriptions
from engine.feed.connection.subscriptions import UNANSWERED, Outcome, Subscriptions
from engine.venues.dialect import Answer, AnswerKind, Dialect
from engine.venues.port import PortState, StreamPort

OPEN, CLOSED = PortState.OPEN, PortState.CLOSED
TEND_NS = 1_000_000  # a connection is tended as often, whether it brings frames at every look or none for long


class Link(Line):
    """A stream of frames with its subscriptions. It decides nothing about books."""

    def __init__(self, port: StreamPort, dialect: Dialect, config: FeedConfig, pipeline: Pipeline, now_ns: int) -> None:
        """A connection that was begun at `now_ns` and feeds a pipeline."""
        super().__init__(port, now_ns)
        self._dialect = dialect
        self._deadline_ns = now_ns + config.subscribe_ns
        self.subscriptions = Subscriptions(config, dialect, message_counter(self.sequence, pipeline))
        self.resubscriptions = Resubscriptions(config)
        self.missing: dict[str, int] = {}  # channels that do not come, by symbol
        self.begun_ns = self._alive_ns = now_ns
        self._tended_ns = 0
        self._read_ns = port.receive_ns
        self.accepted_ns = self.ready_ns = 0
        self.open = self.leaving = False
        self.failure = ""

    @property
    def receive_ns(self) -> int:
        """When the last poll's bytes were read."""
        return self.port.receive_ns

    @property
    def accepted(self) -> bool:
        """Whether a subscription stood."""
        return bool(self.accepted_ns)

    @property
    def needs_nothing(self) -> bool:
        """Whether reading is all there is to do for a while: it is open, and its port reports each change."""
        return self.open and self.tells

    def due(self, now_ns: int) -> bool:
        """Whether it must be tended though frames came."""
        return now_ns - self._tended_ns >= TEND_NS

    def tend(self, now_ns: int) -> None:
        """See to what is to be said, to silence and to the end: nobody who waits for a frame should wait for this."""
        self._tended_ns = now_ns
        if self.port.receive_ns != self._read_ns and not self.port.unfinished:
            self._alive_ns, self._read_ns = now_ns, self.port.receive_ns
        state = self.port.state
        if state == CLOSED:
            self.fail(f"closed: {self.port.error or 'by the venue'}")
        elif state == OPEN:
            self._open(now_ns)
            self._speak(now_ns)
        self._watch(now_ns)

    def want(self, symbols: Iterable[str]) -> None:
        """Subscribe symbols as soon as the venue may be spoken to."""
        self.subscriptions.want(symbols)

    def hear(self, answer: Answer) -> None:
        """Take what the venue said beside its data."""
        self.subscriptions.hear(answer, self.heard_ns)
        if answer.kind == AnswerKind.LEAVING:
            self.leaving = True
        elif answer.kind == AnswerKind.FOREIGN:
            self.fail(answer.text)
        elif self.subscriptions.standing:
            self.accepted_ns = self.accepted_ns or self.heard_ns
            self.ready_ns = self.ready_ns or (self.heard_ns if self.subscriptions.complete else 0)
        elif self.subscriptions.hopeless:
            self.fail(self.subscriptions.hopeless)

    def outcomes(self, now_ns: int) -> list[Outcome]:
        """What became of subscriptions since the last call."""
        return self.subscriptions.watch(now_ns) if self.open else []

    def fail(self, reason: str) -> None:
        """It cannot go on; the first reason stays."""
        self.failure = self.failure or reason

    def close(self) -> None:
        """Let the connection go."""
        self.port.close()

    def _open(self, now_ns: int) -> None:
        """Silence counts from here: nothing can be heard while a connection is made."""
        if not self.open:
            self.open = True
            self.heard_ns = self._alive_ns = now_ns

    def _speak(self, now_ns: int) -> None:
        """Say the next thing that may be said at this time."""
        message = self.subscriptions.next_message(now_ns)
        if message is not None and not self.port.send(message):
            self.fail("a message could not be sent")
        elif message is not None and self.port.recorded:
            self.hear(Answer(AnswerKind.ACCEPTED))

    def _watch(self, now_ns: int) -> None:
        if not self.accepted and now_ns > self._deadline_ns:
            self.fail(UNANSWERED if self.open else "no connection in time")
        if self.open and self._is_mute(now_ns):
            self.fail("connected, but mute")
        if now_ns - self.begun_ns > self._dialect.lifetime_ns:
            self.leaving = True

    def _is_mute(self, now_ns: int) -> bool:
        """No ping and no message for a while, or no message for longer: who only answers pings sends no market."""
        silent, wordless = now_ns - max(self._alive_ns, self.heard_ns), now_ns - self.heard_ns
        return silent > self._dialect.mute_ns or wordless > self._dialect.wordless_ns

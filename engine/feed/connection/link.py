"""One connection to the venue: connecting, subscribing, receiving, closed.

It fails when the venue refuses or does not answer in time, and when it is silent: without a byte for the dialect's
`mute_ns`, or without a message for its `wordless_ns`. After the dialect's `lifetime_ns` it must close, and a standby
replaces it.
"""

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
MAINTAIN_NS = 1_000_000  # how often a connection is maintained, whether it brings frames at every read or none for long


class Link(Line):
    """A stream of frames with its subscriptions. It decides nothing about books."""

    def __init__(self, port: StreamPort, dialect: Dialect, config: FeedConfig, pipeline: Pipeline, now_ns: int) -> None:
        """Use a port that began to connect at `now_ns`, and feed this pipeline."""
        super().__init__(port, now_ns)
        self._dialect = dialect
        self._deadline_ns = now_ns + config.subscribe_ns
        self.subscriptions = Subscriptions(config, dialect, message_counter(self.sequence, pipeline))
        self.resubscriptions = Resubscriptions(config)
        self.missing: dict[str, int] = {}  # channels that bring nothing, by symbol
        self.begun_ns = self._alive_ns = now_ns
        self._maintained_ns = 0
        self._read_ns = port.receive_ns
        self.accepted_ns = self.ready_ns = 0
        self.open = self.must_close = False
        self.failure = ""

    @property
    def receive_ns(self) -> int:
        """When the last poll's bytes were read."""
        return self.port.receive_ns

    @property
    def accepted(self) -> bool:
        """Whether the venue has accepted a subscription."""
        return bool(self.accepted_ns)

    @property
    def needs_reading_only(self) -> bool:
        """Whether it is open, and its port shows by itself when more than reading is due."""
        return self.open and self.reports_quiet

    def is_due(self, now_ns: int) -> bool:
        """Whether it must be maintained although frames arrive."""
        return now_ns - self._maintained_ns >= MAINTAIN_NS

    def maintain(self, now_ns: int) -> None:
        """Send what is due and check for silence and the end; call it after the frames were processed."""
        self._maintained_ns = now_ns
        if self.port.receive_ns != self._read_ns and not self.port.unfinished:
            self._alive_ns, self._read_ns = now_ns, self.port.receive_ns
        state = self.port.state
        if state == CLOSED:
            self.fail(f"closed: {self.port.error or 'by the venue'}")
        elif state == OPEN:
            self._note_open(now_ns)
            self._send_next(now_ns)
        self._check_limits(now_ns)

    def subscribe(self, symbols: Iterable[str]) -> None:
        """Subscribe symbols as soon as the venue's limits allow."""
        self.subscriptions.add(symbols)

    def apply(self, answer: Answer) -> None:
        """Apply an answer of the venue."""
        self.subscriptions.apply(answer, self.received_ns)
        if answer.kind == AnswerKind.LEAVING:
            self.must_close = True
        elif answer.kind == AnswerKind.FOREIGN:
            self.fail(answer.text)
        elif self.subscriptions.any_accepted:
            self.accepted_ns = self.accepted_ns or self.received_ns
            self.ready_ns = self.ready_ns or (self.received_ns if self.subscriptions.complete else 0)
        elif self.subscriptions.failure:
            self.fail(self.subscriptions.failure)

    def outcomes(self, now_ns: int) -> list[Outcome]:
        """Return the outcomes of subscriptions since the last call."""
        return self.subscriptions.check(now_ns) if self.open else []

    def fail(self, reason: str) -> None:
        """Mark the connection as failed; the first reason stays."""
        self.failure = self.failure or reason

    def close(self) -> None:
        """Close the connection."""
        self.port.close()

    def _note_open(self, now_ns: int) -> None:
        """Measure silence from the moment the connection is open."""
        if not self.open:
            self.open = True
            self.received_ns = self._alive_ns = now_ns

    def _send_next(self, now_ns: int) -> None:
        """Send the next message that the venue's limits allow now."""
        message = self.subscriptions.next_message(now_ns)
        if message is not None and not self.port.send(message):
            self.fail("a message could not be sent")
        elif message is not None and self.port.recorded:
            self.apply(Answer(AnswerKind.ACCEPTED))

    def _check_limits(self, now_ns: int) -> None:
        if not self.accepted and now_ns > self._deadline_ns:
            self.fail(UNANSWERED if self.open else "no connection in time")
        if self.open and self._is_silent(now_ns):
            self.fail("connected, but silent")
        if now_ns - self.begun_ns > self._dialect.lifetime_ns:
            self.must_close = True

    def _is_silent(self, now_ns: int) -> bool:
        """Whether no byte came for too long, or no message: a venue that only answers pings is dead too."""
        byte_ns, message_ns = now_ns - max(self._alive_ns, self.received_ns), now_ns - self.received_ns
        return byte_ns > self._dialect.mute_ns or message_ns > self._dialect.wordless_ns

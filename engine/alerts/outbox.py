"""The outbox: what waits for each target, the oldest first, and when each is tried next.

    add ──▶ [ oldest │ … │ newest ]  ──▶ next_due: in flight ──▶ sent: removed
                         ▲ a message of the same key is merged └──▶ failed: it stays, the next attempt after a pause

A message that was tried stays as it is, because the target may have accepted it: an id never has two contents. Besides
it a queue holds one message of each key, so an endpoint that is dead for a week costs no more than that for each cause
and subject. Beyond `QUEUE_MOST` the messages are merged into one that counts them.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from engine.alerts.message import Message, Severity, reaches

SECOND_NS = 1_000_000_000
QUEUE_MOST = 500
RETRY_FIRST_NS, RETRY_CAP_NS = SECOND_NS, 60 * SECOND_NS
RETRY_AFTER_MOST_NS = 3_600 * SECOND_NS  # an endpoint that asks for a longer pause is tried again after this
OVERFLOW = "too_many"  # the cause of the message that counts the others


class Sent(msgspec.Struct, frozen=True):
    """The target has accepted the message."""


class Failed(msgspec.Struct, frozen=True):
    """The target has not accepted the message, or its answer is not known."""

    error: str
    retry_after_s: float = 0.0  # the pause that the endpoint has asked for; 0: none


Outcome = Sent | Failed


class Queue:
    """The messages of one target."""

    def __init__(self, least: Severity, stored: Iterable[Message] = ()) -> None:
        """Continue with the stored messages; an attempt that was in flight when the role ended is made again."""
        self.least = least
        self.waiting = list(stored)
        self.in_flight = False  # the oldest message was handed to the target
        self._is_tried = bool(self.waiting)  # the oldest message was in flight at least once; after a restart: perhaps
        self.retry_ns = 0  # not tried before
        self.failures = 0  # attempts in turn
        self.failing_since_ns = 0
        self.error = ""

    def add(self, message: Message) -> None:
        """Add a message, or merge it into a waiting one of its key."""
        if not reaches(message.severity, self.least):
            return
        for place in range(int(self._is_tried), len(self.waiting)):
            if self.waiting[place].key == message.key:
                self.waiting[place] = message.merged_into(self.waiting[place])
                return
        if len(self.waiting) >= QUEUE_MOST and message.cause != OVERFLOW:
            self.add(overflow(message))
            return
        self.waiting.append(message)

    def next_due(self, now_ns: int) -> Message | None:
        """Put the oldest message in flight; None while one is in flight or a pause lasts."""
        if self.in_flight or not self.waiting or now_ns < self.retry_ns:
            return None
        self.in_flight = self._is_tried = True
        return self.waiting[0]

    def apply(self, outcome: Outcome, now_ns: int) -> None:
        """Remove the message that was in flight, or choose when to try it again."""
        assert self.in_flight, f"an outcome without a message in flight: {outcome}"
        self.in_flight = False
        if isinstance(outcome, Sent):
            del self.waiting[0]
            self._is_tried = False
            self.retry_ns = self.failures = self.failing_since_ns = 0
            self.error = ""
            return
        self.failing_since_ns = self.failing_since_ns or now_ns
        self.failures, self.error = self.failures + 1, outcome.error
        self.retry_ns = now_ns + pause_ns(self.failures, outcome.retry_after_s)


def pause_ns(failures: int, retry_after_s: float) -> int:
    """The pause after so many failures in turn; as long as the endpoint asks for, within a bound."""
    own = min(RETRY_FIRST_NS << min(failures - 1, 16), RETRY_CAP_NS)
    return max(own, min(int(retry_after_s * SECOND_NS), RETRY_AFTER_MOST_NS))


def overflow(message: Message) -> Message:
    """The message that counts one for which the queue had no room."""
    return msgspec.structs.replace(
        message,
        cause=OVERFLOW,
        subject="queue",
        severity=Severity.CRITICAL,
        what=f"More than {QUEUE_MOST} causes waited for this target; the newest that is not listed: {message.title}",
        to_do="engine-ctl status shows the present state",
    )


class Outbox:
    """The queues of all targets."""

    def __init__(self, least: Mapping[str, Severity], stored: Mapping[str, Sequence[Message]]) -> None:
        """Continue the stored queues of the targets that the configuration names."""
        self.queues = {name: Queue(one, stored.get(name, ())) for name, one in least.items()}

    def add(self, message: Message) -> None:
        """Add a message to each queue whose target gets its severity."""
        for queue in self.queues.values():
            queue.add(message)

    @property
    def empty(self) -> bool:
        """Whether every message was sent."""
        return not any(queue.waiting for queue in self.queues.values())

    def contents(self) -> dict[str, list[Message]]:
        """What waits, for the store."""
        return {name: list(queue.waiting) for name, queue in self.queues.items()}

"""Each channel of each symbol on one connection, from the request to its first message, and what failed.

    queued ─▶ requested ─▶ accepted         a rejection of several is requested again in halves, until one is left
                 └───────▶ failed ─▶ queued alone, with growing pauses: rejected, not answered, or accepted and silent

A rejection of one symbol must not stop the others, and a subscription without messages must not look like a quiet
market.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engine.feed.config import FeedConfig
from engine.venues.dialect import Answer, AnswerKind, Channel, Dialect, Subscription
from engine.venues.pace.backoff import Backoff

UNANSWERED, SILENT = "the subscription was not acknowledged in time", "acknowledged, but nothing came"
Group = tuple[Subscription, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a subscription: the reason of its failure, or no text when it works again."""

    channel: Channel
    symbol: str
    text: str = ""


@dataclass(slots=True)
class Pending:
    """A request: its subscriptions without an answer so far, and when it was sent."""

    group: Group
    sent_ns: int


class Subscriptions:
    """A connection's subscriptions."""

    def __init__(self, config: FeedConfig, dialect: Dialect, messages: Callable[[Channel, str], int]) -> None:
        """`messages` counts what a channel has brought of a symbol on this connection."""
        self._config, self._dialect, self._messages_of = config, dialect, messages
        self._channels = {channel.name: channel for channel in dialect.channels}
        self._messages: deque[bytes] = deque(dialect.greeting())
        self._queue: deque[Group] = deque()
        self._pending: dict[int, Pending] = {}
        self._accepted: dict[Subscription, int] = {}
        self._silent: dict[Subscription, int] = {}  # accepted, without a message so far
        self._before: dict[Subscription, int] = {}  # how many messages a channel had brought when it was requested
        self._retry_ns: dict[Subscription, int] = {}
        self._backoffs: dict[Subscription, Backoff] = {}
        self._failed: dict[Subscription, str] = {}
        self._outcomes: list[Outcome] = []
        self._number = 0
        self._next_ns = 0

    @property
    def any_accepted(self) -> bool:
        """Whether the venue has accepted any subscription."""
        return bool(self._accepted)

    @property
    def failure(self) -> str:
        """Why no subscription is accepted, when every one has failed; else empty."""
        if self._accepted or self._queue or self._pending or not self._failed:
            return ""
        return next(iter(self._failed.values()))

    @property
    def complete(self) -> bool:
        """Whether every subscription was requested and answered."""
        return not (self._queue or self._pending)

    def accepted_ns(self, channel: Channel, symbol: str) -> int:
        """Return when the venue accepted a symbol's channel; 0: it has not."""
        return self._accepted.get((channel.name, symbol), 0)

    def add(self, symbols: Iterable[str]) -> None:
        """Subscribe these symbols, with all their channels."""
        self._add([(channel.name, symbol) for symbol in symbols for channel in self._dialect.channels])

    def next_message(self, now_ns: int) -> bytes | None:
        """Return the message to send now; None when no message waits, or the venue's limit of messages forbids it."""
        if now_ns < self._next_ns:
            return None
        if not self._messages and self._queue:
            self._request(self._queue.popleft(), now_ns)
        if not self._messages:
            return None
        self._next_ns = now_ns + self._dialect.pace_ns
        return self._messages.popleft()

    def renew(self, channel: Channel, symbol: str, now_ns: int) -> None:
        """Unsubscribe and subscribe again, for the snapshot that a subscription begins with."""
        group = ((channel.name, symbol),)
        self._messages.append(self._dialect.unsubscribe(group, self._number))
        self._request(group, now_ns)

    def mark_silent(self, channel: Channel, symbol: str, now_ns: int) -> None:
        """Request a channel again that is silent while messages of other channels show that it should not be."""
        self._fail((channel.name, symbol), SILENT, now_ns)

    def apply(self, answer: Answer, now_ns: int) -> None:
        """Apply the venue's acceptance or rejection."""
        if answer.kind == AnswerKind.ACCEPTED:
            for subscription in self._subjects(answer):
                self._accept(subscription, now_ns)
        elif answer.kind == AnswerKind.REFUSED:
            self._reject(answer, now_ns)

    def check(self, now_ns: int) -> list[Outcome]:
        """Fail every subscription without an answer or a message in time; return the changes since the last call."""
        for number, pending in list(self._pending.items()):
            if now_ns - pending.sent_ns > self._config.subscribe_ns:
                del self._pending[number]
                for subscription in pending.group:
                    self._fail(subscription, UNANSWERED, now_ns)
        for subscription, since_ns in list(self._silent.items()):
            self._check_silent(subscription, since_ns, now_ns)
        for subscription in [one for one, retry_ns in self._retry_ns.items() if now_ns >= retry_ns]:
            del self._retry_ns[subscription]
            self._messages.append(self._dialect.unsubscribe((subscription,), self._number))
            self._queue.append((subscription,))
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def _add(self, subscriptions: list[Subscription]) -> None:
        """Queue as few requests as the venue allows."""
        rows = [subscriptions] if self._dialect.batch_mixes else [
            [one for one in subscriptions if one[0] == name] for name in self._channels
        ]  # fmt: skip
        for row in rows:
            for first in range(0, len(row), self._dialect.batch):
                self._queue.append(tuple(row[first : first + self._dialect.batch]))

    def _request(self, group: Group, now_ns: int) -> None:
        self._number += 1
        self._pending[self._number] = Pending(group, now_ns)
        self._before.update({one: self._messages_of(self._channels[one[0]], one[1]) for one in group})
        self._messages.append(self._dialect.subscribe(group, self._number))

    def _subjects(self, answer: Answer) -> list[Subscription]:
        """Return the subscriptions that an answer names, else those of the request with its number or of the oldest."""
        if answer.named:
            named = [[one for one in sent.group if _is_named(one, answer.named)] for sent in self._pending.values()]
            hit = [group for group in named if group]
            one_request = answer.kind == AnswerKind.REFUSED and self._dialect.all_or_nothing
            return [one for group in (hit[:1] if one_request else hit) for one in group]
        if answer.number:
            return list(self._pending[answer.number].group) if answer.number in self._pending else []
        return list(next(iter(self._pending.values())).group) if self._pending else []

    def _accept(self, subscription: Subscription, now_ns: int) -> None:
        self._remove_pending(subscription)
        self._accepted[subscription] = now_ns
        self._silent[subscription] = now_ns
        if not self._channels[subscription[0]].greets and self._failed.get(subscription) != SILENT:
            self._recover(subscription)

    def _recover(self, subscription: Subscription) -> None:
        if self._failed.pop(subscription, None) is not None:
            self._backoffs.pop(subscription, None)
            self._outcomes.append(Outcome(self._channels[subscription[0]], subscription[1]))

    def _check_silent(self, subscription: Subscription, since_ns: int, now_ns: int) -> None:
        """Fail an accepted channel without a first message in time; one that begins with a snapshot gets less time."""
        channel = self._channels[subscription[0]]
        if self._messages_of(channel, subscription[1]) > self._before[subscription]:
            del self._silent[subscription]
            self._recover(subscription)
        elif now_ns - since_ns > (self._config.subscribe_ns if channel.greets else self._config.quiet_ns):
            self._fail(subscription, SILENT, now_ns)

    def _reject(self, answer: Answer, now_ns: int) -> None:
        """Fail one rejected subscription; request several again in halves if the rejection does not name any."""
        subjects = self._subjects(answer)
        if not subjects:
            return
        whole = self._request_of(subjects[0])
        if len(subjects) > 1 and not answer.named:
            del self._pending[whole]
            half = (len(subjects) + 1) // 2
            self._queue.extend((tuple(subjects[:half]), tuple(subjects[half:])))
            return
        for subscription in subjects:
            self._fail(subscription, f"refused: {answer.text}", now_ns)
        if self._dialect.all_or_nothing and whole in self._pending:
            self._queue.append(self._pending.pop(whole).group)

    def _request_of(self, subscription: Subscription) -> int:
        return next(number for number, pending in self._pending.items() if subscription in pending.group)

    def _remove_pending(self, subscription: Subscription) -> None:
        """Stop waiting for an answer to this subscription."""
        for number, pending in list(self._pending.items()):
            if subscription in pending.group:
                pending.group = tuple(other for other in pending.group if other != subscription)
                if not pending.group:
                    del self._pending[number]

    def _fail(self, subscription: Subscription, text: str, now_ns: int) -> None:
        self._remove_pending(subscription)
        self._accepted.pop(subscription, None)
        self._silent.pop(subscription, None)
        config = self._config
        backoff = Backoff(config.retry_min_ns, config.retry_max_ns, config.seed)
        self._retry_ns[subscription] = now_ns + self._backoffs.setdefault(subscription, backoff).next_ns()
        if self._failed.get(subscription) != text:
            self._failed[subscription] = text
            self._outcomes.append(Outcome(self._channels[subscription[0]], subscription[1], text))


def _is_named(subscription: Subscription, names: Iterable[Subscription]) -> bool:
    """Whether a name covers this subscription; a name without a channel or a symbol covers every channel or symbol."""
    return any(all(not part or part == whole for part, whole in zip(name, subscription, strict=True)) for name in names)

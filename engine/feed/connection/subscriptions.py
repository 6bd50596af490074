"""Each channel of each symbol on one connection, from the request to its first message, and what failed.

    queued ─▶ requested ─▶ accepted         a rejection of several is requested again in halves, until one is left
                 └───────▶ failed ─▶ queued alone, with growing pauses: rejected, not answered, or accepted and silent

A rejection of one symbol must not stop the others, and a subscription that brings nothing must not look like a quiet
market.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engine.feed.config import FeedConfig
from engine.feed.pace.backoff import Backoff
from engine.venues.dialect import Answer, AnswerKind, Channel, Dialect, Want

UNANSWERED, SILENT = "the subscription was not acknowledged in time", "acknowledged, but nothing came"
Group = tuple[Want, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a subscription: the reason of its failure, or no text when it works again."""

    channel: Channel
    symbol: str
    text: str = ""


@dataclass(slots=True)
class Pending:
    """A request, and the part of it that is not answered yet."""

    wants: Group
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
        self._accepted: dict[Want, int] = {}
        self._silent: dict[Want, int] = {}  # accepted, without a message so far
        self._before: dict[Want, int] = {}  # how many messages a channel had brought when it was requested
        self._retry_ns: dict[Want, int] = {}
        self._backoffs: dict[Want, Backoff] = {}
        self._failed: dict[Want, str] = {}
        self._outcomes: list[Outcome] = []
        self._number = 0
        self._next_ns = 0

    @property
    def any_accepted(self) -> bool:
        """Whether the venue has accepted any of them."""
        return bool(self._accepted)

    @property
    def failure(self) -> str:
        """Why none is accepted, when every one has failed; else empty."""
        if self._accepted or self._queue or self._pending or not self._failed:
            return ""
        return next(iter(self._failed.values()))

    @property
    def complete(self) -> bool:
        """Whether everything was requested and answered."""
        return not (self._queue or self._pending)

    def accepted_ns(self, channel: Channel, symbol: str) -> int:
        """Return when the venue accepted a symbol's channel; 0: it has not."""
        return self._accepted.get((channel.name, symbol), 0)

    def add(self, symbols: Iterable[str]) -> None:
        """Subscribe these symbols, with all their channels."""
        self._add([(channel.name, symbol) for symbol in symbols for channel in self._dialect.channels])

    def next_message(self, now_ns: int) -> bytes | None:
        """Return the message to send now; None when there is none, or the venue's limit of messages forbids it."""
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
        want = ((channel.name, symbol),)
        self._messages.append(self._dialect.unsubscribe(want, self._number))
        self._request(want, now_ns)

    def mark_silent(self, channel: Channel, symbol: str, now_ns: int) -> None:
        """Request a channel again that has stopped although other channels show that it should bring messages."""
        self._fail((channel.name, symbol), SILENT, now_ns)

    def apply(self, answer: Answer, now_ns: int) -> None:
        """Apply the venue's acceptance or rejection."""
        if answer.kind == AnswerKind.ACCEPTED:
            for want in self._subjects(answer):
                self._accept(want, now_ns)
        elif answer.kind == AnswerKind.REFUSED:
            self._reject(answer, now_ns)

    def check(self, now_ns: int) -> list[Outcome]:
        """Fail what was not answered or brings nothing; return what failed, or works again, since the last call."""
        for number, pending in list(self._pending.items()):
            if now_ns - pending.sent_ns > self._config.subscribe_ns:
                del self._pending[number]
                for want in pending.wants:
                    self._fail(want, UNANSWERED, now_ns)
        for want, since_ns in list(self._silent.items()):
            self._check_silent(want, since_ns, now_ns)
        for want in [want for want, retry_ns in self._retry_ns.items() if now_ns >= retry_ns]:
            del self._retry_ns[want]
            self._messages.append(self._dialect.unsubscribe((want,), self._number))
            self._queue.append((want,))
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def _add(self, wants: list[Want]) -> None:
        """Queue as few requests as the venue allows."""
        rows = [wants] if self._dialect.batch_mixes else [
            [want for want in wants if want[0] == name] for name in self._channels
        ]  # fmt: skip
        for row in rows:
            for first in range(0, len(row), self._dialect.batch):
                self._queue.append(tuple(row[first : first + self._dialect.batch]))

    def _request(self, group: Group, now_ns: int) -> None:
        self._number += 1
        self._pending[self._number] = Pending(group, now_ns)
        self._before.update({want: self._messages_of(self._channels[want[0]], want[1]) for want in group})
        self._messages.append(self._dialect.subscribe(group, self._number))

    def _subjects(self, answer: Answer) -> list[Want]:
        """Return what an answer is about: what it names, the request of its number, or else the oldest request."""
        if answer.wants:
            named = [[want for want in one.wants if _is_named(want, answer.wants)] for one in self._pending.values()]
            hit = [wants for wants in named if wants]
            one_request = answer.kind == AnswerKind.REFUSED and self._dialect.all_or_nothing
            return [want for wants in (hit[:1] if one_request else hit) for want in wants]
        if answer.number:
            return list(self._pending[answer.number].wants) if answer.number in self._pending else []
        return list(next(iter(self._pending.values())).wants) if self._pending else []

    def _accept(self, want: Want, now_ns: int) -> None:
        self._remove_pending(want)
        self._accepted[want] = now_ns
        self._silent[want] = now_ns
        if not self._channels[want[0]].greets and self._failed.get(want) != SILENT:
            self._recover(want)

    def _recover(self, want: Want) -> None:
        if self._failed.pop(want, None) is not None:
            self._backoffs.pop(want, None)
            self._outcomes.append(Outcome(self._channels[want[0]], want[1]))

    def _check_silent(self, want: Want, since_ns: int, now_ns: int) -> None:
        """Fail an accepted channel that brings no first message in time; one that begins with a snapshot has less."""
        channel = self._channels[want[0]]
        if self._messages_of(channel, want[1]) > self._before[want]:
            del self._silent[want]
            self._recover(want)
        elif now_ns - since_ns > (self._config.subscribe_ns if channel.greets else self._config.quiet_ns):
            self._fail(want, SILENT, now_ns)

    def _reject(self, answer: Answer, now_ns: int) -> None:
        """Fail one rejected subscription; request several again in halves if the rejection names none of them."""
        subjects = self._subjects(answer)
        if not subjects:
            return
        whole = self._request_of(subjects[0])
        if len(subjects) > 1 and not answer.wants:
            del self._pending[whole]
            half = (len(subjects) + 1) // 2
            self._queue.extend((tuple(subjects[:half]), tuple(subjects[half:])))
            return
        for want in subjects:
            self._fail(want, f"refused: {answer.text}", now_ns)
        if self._dialect.all_or_nothing and whole in self._pending:
            self._queue.append(self._pending.pop(whole).wants)

    def _request_of(self, want: Want) -> int:
        return next(number for number, pending in self._pending.items() if want in pending.wants)

    def _remove_pending(self, want: Want) -> None:
        """Wait for no answer to this subscription any more."""
        for number, pending in list(self._pending.items()):
            if want in pending.wants:
                pending.wants = tuple(other for other in pending.wants if other != want)
                if not pending.wants:
                    del self._pending[number]

    def _fail(self, want: Want, text: str, now_ns: int) -> None:
        self._remove_pending(want)
        self._accepted.pop(want, None)
        self._silent.pop(want, None)
        config = self._config
        backoff = self._backoffs.setdefault(want, Backoff(config.retry_min_ns, config.retry_max_ns, config.seed))
        self._retry_ns[want] = now_ns + backoff.next_ns()
        if self._failed.get(want) != text:
            self._failed[want] = text
            self._outcomes.append(Outcome(self._channels[want[0]], want[1], text))


def _is_named(want: Want, names: Iterable[Want]) -> bool:
    """Whether one of the names is this want's; a name without a channel or a symbol means all of them."""
    return any(all(not part or part == whole for part, whole in zip(name, want, strict=True)) for name in names)

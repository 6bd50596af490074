"""What one connection has subscribed: each channel of each symbol, from asked to standing, and what went wrong.

    wanted ─▶ asked ─▶ standing             a refusal of many is asked again in halves, until it has a name
                └────▶ failed ─▶ wanted     again alone, ever later: refused, not answered, or answered and silent

A venue's no to one symbol must not silence the others, and a venue's silence must not look like a quiet market.
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
    """What became of a subscription: an empty text says that it stands again."""

    channel: Channel
    symbol: str
    text: str = ""


@dataclass(slots=True)
class Asked:
    """A request without its last answer."""

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
        self._asked: dict[int, Asked] = {}
        self._standing: dict[Want, int] = {}
        self._unheard: dict[Want, int] = {}
        self._before: dict[Want, int] = {}  # how many messages a channel had brought when it was requested
        self._retry_ns: dict[Want, int] = {}
        self._backoffs: dict[Want, Backoff] = {}
        self._failed: dict[Want, str] = {}
        self._outcomes: list[Outcome] = []
        self._number = 0
        self._pace_ns = 0

    @property
    def standing(self) -> bool:
        """Whether any stands."""
        return bool(self._standing)

    @property
    def hopeless(self) -> str:
        """Why not one of them stands, when each has failed; else empty."""
        if self._standing or self._queue or self._asked or not self._failed:
            return ""
        return next(iter(self._failed.values()))

    @property
    def complete(self) -> bool:
        """Whether everything was asked and answered."""
        return not (self._queue or self._asked)

    def since_ns(self, channel: Channel, symbol: str) -> int:
        """Since when a symbol's channel stands; 0: it does not."""
        return self._standing.get((channel.name, symbol), 0)

    def want(self, symbols: Iterable[str]) -> None:
        """Subscribe these, with all their channels."""
        self._want([(channel.name, symbol) for symbol in symbols for channel in self._dialect.channels])

    def next_message(self, now_ns: int) -> bytes | None:
        """What may be sent at this time; the venue bounds how often it may be spoken to."""
        if now_ns < self._pace_ns:
            return None
        if not self._messages and self._queue:
            self._ask(self._queue.popleft(), now_ns)
        if not self._messages:
            return None
        self._pace_ns = now_ns + self._dialect.pace_ns
        return self._messages.popleft()

    def renew(self, channel: Channel, symbol: str, now_ns: int) -> None:
        """Close and open one anew, for the snapshot that it begins with."""
        want = ((channel.name, symbol),)
        self._messages.append(self._dialect.unsubscribe(want, self._number))
        self._ask(want, now_ns)

    def fall_silent(self, channel: Channel, symbol: str, now_ns: int) -> None:
        """A channel that stands has stopped while others show that it should speak: it is asked for again."""
        self._fail((channel.name, symbol), SILENT, now_ns)

    def hear(self, answer: Answer, now_ns: int) -> None:
        """Take the venue's yes or no."""
        if answer.kind == AnswerKind.ACCEPTED:
            for want in self._meant(answer):
                self._stand(want, now_ns)
        elif answer.kind == AnswerKind.REFUSED:
            self._refuse(answer, now_ns)

    def watch(self, now_ns: int) -> list[Outcome]:
        """Look at what was not answered or says nothing; what went wrong, or right again, since the last call."""
        for number, asked in list(self._asked.items()):
            if now_ns - asked.sent_ns > self._config.subscribe_ns:
                del self._asked[number]
                for want in asked.wants:
                    self._fail(want, UNANSWERED, now_ns)
        for want, since_ns in list(self._unheard.items()):
            self._listen(want, since_ns, now_ns)
        for want in [want for want, retry_ns in self._retry_ns.items() if now_ns >= retry_ns]:
            del self._retry_ns[want]
            self._messages.append(self._dialect.unsubscribe((want,), self._number))
            self._queue.append((want,))
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def _want(self, wants: list[Want]) -> None:
        """Into as few requests as the venue allows."""
        rows = [wants] if self._dialect.batch_mixes else [
            [want for want in wants if want[0] == name] for name in self._channels
        ]  # fmt: skip
        for row in rows:
            for first in range(0, len(row), self._dialect.batch):
                self._queue.append(tuple(row[first : first + self._dialect.batch]))

    def _ask(self, group: Group, now_ns: int) -> None:
        self._number += 1
        self._asked[self._number] = Asked(group, now_ns)
        self._before.update({want: self._messages_of(self._channels[want[0]], want[1]) for want in group})
        self._messages.append(self._dialect.subscribe(group, self._number))

    def _meant(self, answer: Answer) -> list[Want]:
        """The wants an answer is about: of its names, of its number, of the oldest request when it says nothing."""
        if answer.wants:
            named = [[want for want in asked.wants if _is_named(want, answer.wants)] for asked in self._asked.values()]
            hit = [wants for wants in named if wants]
            one_request = answer.kind == AnswerKind.REFUSED and self._dialect.all_or_nothing
            return [want for wants in (hit[:1] if one_request else hit) for want in wants]
        if answer.number:
            return list(self._asked[answer.number].wants) if answer.number in self._asked else []
        return list(next(iter(self._asked.values())).wants) if self._asked else []

    def _stand(self, want: Want, now_ns: int) -> None:
        self._settle(want)
        self._standing[want] = now_ns
        self._unheard[want] = now_ns
        if not self._channels[want[0]].greets and self._failed.get(want) != SILENT:
            self._recover(want)

    def _recover(self, want: Want) -> None:
        if self._failed.pop(want, None) is not None:
            self._backoffs.pop(want, None)
            self._outcomes.append(Outcome(self._channels[want[0]], want[1]))

    def _listen(self, want: Want, since_ns: int, now_ns: int) -> None:
        """An acknowledged channel that begins with what there is must begin; any other, speak sooner or later."""
        channel = self._channels[want[0]]
        if self._messages_of(channel, want[1]) > self._before[want]:
            del self._unheard[want]
            self._recover(want)
        elif now_ns - since_ns > (self._config.subscribe_ns if channel.greets else self._config.quiet_ns):
            self._fail(want, SILENT, now_ns)

    def _refuse(self, answer: Answer, now_ns: int) -> None:
        """A no to one is its failure; a no to many that names none of them is asked again in halves."""
        meant = self._meant(answer)
        if not meant:
            return
        whole = self._request_of(meant[0])
        if len(meant) > 1 and not answer.wants:
            del self._asked[whole]
            half = (len(meant) + 1) // 2
            self._queue.extend((tuple(meant[:half]), tuple(meant[half:])))
            return
        for want in meant:
            self._fail(want, f"refused: {answer.text}", now_ns)
        if self._dialect.all_or_nothing and whole in self._asked:
            self._queue.append(self._asked.pop(whole).wants)

    def _request_of(self, want: Want) -> int:
        return next(number for number, asked in self._asked.items() if want in asked.wants)

    def _settle(self, want: Want) -> None:
        """It waits for no answer any more."""
        for number, asked in list(self._asked.items()):
            if want in asked.wants:
                asked.wants = tuple(other for other in asked.wants if other != want)
                if not asked.wants:
                    del self._asked[number]

    def _fail(self, want: Want, text: str, now_ns: int) -> None:
        self._settle(want)
        self._standing.pop(want, None)
        self._unheard.pop(want, None)
        config = self._config
        backoff = self._backoffs.setdefault(want, Backoff(config.retry_min_ns, config.retry_max_ns, config.seed))
        self._retry_ns[want] = now_ns + backoff.next_ns()
        if self._failed.get(want) != text:
            self._failed[want] = text
            self._outcomes.append(Outcome(self._channels[want[0]], want[1], text))


def _is_named(want: Want, names: Iterable[Want]) -> bool:
    """Whether one of the names, either half of which may be left out, is this want's."""
    return any(all(not part or part == whole for part, whole in zip(name, want, strict=True)) for name in names)

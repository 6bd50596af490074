"""Breakers on the venue's answers: they come in time."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import ClassVar

import msgspec

from engine.model.words import BreakerPolicy, Reason
from engine.risk.breakers.registry import Seen, breaker
from engine.risk.gate import Account, Refusal

MS = 1_000_000
SAMPLES = 100
HOUR_MS = 3_600_000


class Since(msgspec.Struct, frozen=True):
    """Requests that were sent before this time do not count; None: before the next judgement."""

    sent_ns: int | None = 0


class Latency(ABC):
    """The p99 of the time from a request to its answer, over the last 100 requests, is at most this.

    A request without an answer counts with its age, as soon as that exceeds the limit.
    """

    per_strategy = False
    fast = False
    first: ClassVar[Since] = Since()
    anew: ClassVar[Since] = Since(None)
    reason: ClassVar[Reason]
    least: ClassVar[int]  # requests, before it is judged

    def __init__(self, most_ms: int) -> None:
        """Refuse a time that bounds nothing."""
        if not 1 <= most_ms <= HOUR_MS:
            raise ValueError(f"must be 1 to {HOUR_MS}")
        self._most_ns = most_ms * MS

    def judge(self, state: Since, seen: Seen) -> tuple[Since, Refusal | None]:
        """Compare the p99 of the latest requests."""
        since = Since(seen.now_ns) if state.sent_ns is None else state
        took = sorted(islice(self._took(seen.account, seen.now_ns, since.sent_ns or 0), SAMPLES))
        if len(took) < self.least:
            return since, None
        p99_ns = took[-(-99 * len(took) // 100) - 1]
        return since, Refusal(self.reason, p99_ns, self._most_ns) if p99_ns > self._most_ns else None

    def _took(self, account: Account, now_ns: int, since_ns: int) -> Iterator[int]:
        """The times of the requests that count, the newest first."""
        for sent_ns, answer_ns in self.requests(account):
            if not sent_ns or sent_ns < since_ns:
                continue
            if answer_ns:
                yield answer_ns - sent_ns
            elif now_ns - sent_ns > self._most_ns:
                yield now_ns - sent_ns

    @abstractmethod
    def requests(self, account: Account) -> Iterable[tuple[int, int]]:
        """When each request was sent and answered, 0: not; the newest first."""


@breaker("max_ack_p99_ms", int, BreakerPolicy.REFUSE)
class AckLatency(Latency):
    """Of orders: the venue's first answer. It is judged from 20 orders on."""

    reason = Reason.ACK_LATENCY
    least = 20

    def requests(self, account: Account) -> Iterator[tuple[int, int]]:
        """The account's orders."""
        return ((order.sent_ns, order.answer_ns) for order in account.sight.newest_orders())


@breaker("max_heartbeat_p99_ms", int, BreakerPolicy.REFUSE)
class HeartbeatLatency(Latency):
    """Of the session's questions for the venue's time, which prove that it lives also while no order is sent.

    It is judged from 5 questions on. A new life of execution begins without them, and the latch is kept.
    """

    reason = Reason.HEARTBEAT_LATENCY
    least = 5

    def requests(self, account: Account) -> Iterable[tuple[int, int]]:
        """The questions."""
        return account.sight.heartbeats()

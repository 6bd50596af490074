"""A breaker on the venue's answers: they come in time."""

from collections.abc import Iterator
from itertools import islice
from typing import ClassVar

import msgspec

from engine.model.words import BreakerPolicy, Reason
from engine.risk.breakers.registry import Seen, breaker
from engine.risk.gate import Account, Refusal

MS = 1_000_000
SAMPLES, SAMPLES_LEAST = 100, 20
HOUR_MS = 3_600_000


class Since(msgspec.Struct, frozen=True):
    """Orders that were sent before this time do not count; None: before the next judgement."""

    sent_ns: int | None = 0


@breaker("max_ack_p99_ms", int, BreakerPolicy.REFUSE)
class AckLatency:
    """The p99 of the time from the request to the venue's first answer, over the last 100 orders, is at most this.

    An order without an answer counts with its age, as soon as that exceeds the limit. It is judged from 20 orders on.
    """

    per_strategy = False
    fast = False
    first: ClassVar[Since] = Since()
    anew: ClassVar[Since] = Since(None)

    def __init__(self, most_ms: int) -> None:
        """Refuse a time that bounds nothing."""
        if not 1 <= most_ms <= HOUR_MS:
            raise ValueError(f"must be 1 to {HOUR_MS}")
        self._most_ns = most_ms * MS

    def judge(self, state: Since, seen: Seen) -> tuple[Since, Refusal | None]:
        """Compare the p99 of the latest orders."""
        since = Since(seen.now_ns) if state.sent_ns is None else state
        took = sorted(islice(self._took(seen.account, seen.now_ns, since.sent_ns or 0), SAMPLES))
        if len(took) < SAMPLES_LEAST:
            return since, None
        p99_ns = took[-(-99 * len(took) // 100) - 1]
        return since, Refusal(Reason.ACK_LATENCY, p99_ns, self._most_ns) if p99_ns > self._most_ns else None

    def _took(self, account: Account, now_ns: int, since_ns: int) -> Iterator[int]:
        """The times of the orders that count, the newest first."""
        for order in account.sight.newest_orders():
            if not order.sent_ns or order.sent_ns < since_ns:
                continue
            if order.answer_ns:
                yield order.answer_ns - order.sent_ns
            elif now_ns - order.sent_ns > self._most_ns:
                yield now_ns - order.sent_ns

"""Requests of a backfill: one at a time, at the venue's pace, below a share of its weight, and repeated when they fail.

    fetch ──▶ wait for pace and budget ──▶ HttpPort ──▶ 200: the body
                     ▲                           ├──▶ 429, 418: wait as long as the venue demands, then again
                     └───────────────────────────┴──▶ no answer, 5xx: wait, each time longer, then again

The share leaves the rest to the feed and to execution, which have the same address.
"""

import logging
import time
from collections.abc import Callable
from typing import NamedTuple

from engine.venues.history import HistoryError, VenueHistory
from engine.venues.pace.backoff import Backoff
from engine.venues.pace.budget import SILENCE_NS, Budget
from engine.venues.port import Response
from engine.venues.wire import HttpOptions, HttpPort, Waiter

SHARE_PERCENT = 25  # of the venue's weight in a minute
TRIES = 8  # of one request
RETRY_MIN_NS, RETRY_MAX_NS = 500_000_000, 60_000_000_000
STEP_NS = 1_000_000_000
OK, SERVER_ERROR = 200, 500
LOG = logging.getLogger("engine.recorder")


class FetchError(HistoryError):
    """A request that the venue refused, or that failed `TRIES` times."""


class Share(NamedTuple):
    """How much of the venue's limit a backfill may use."""

    name: str
    weight_percent: int = SHARE_PERCENT


class Fetcher:
    """Requests to one venue. `sleep` waits for some nanoseconds, `clock` is the time since 1970."""

    def __init__(
        self, history: VenueHistory, url: str, api_key: str = "", options: HttpOptions | None = None,
        sleep: Callable[[int], None] = lambda ns: time.sleep(ns / 1e9), clock: Callable[[], int] = time.time_ns,
    ) -> None:  # fmt: skip
        """Connect with the first request."""
        self._port, self._url = HttpPort(url, options), url
        self._headers = dict(history.headers(api_key))
        self._budget, self._pace_ns = Budget(Share(history.dialect.name), history.dialect), history.pace_ns
        self._waiter = Waiter([self._port])
        self._sleep, self._clock = sleep, clock
        self._due_ns = self.requests = 0

    def __call__(self, target: str, weight: int) -> bytes:
        """The body of the answer; FetchError names the target and what the venue answered."""
        backoff, answer = Backoff(RETRY_MIN_NS, RETRY_MAX_NS, seed=1), None
        for _ in range(TRIES):
            answer = self._once(target, weight)
            if answer.status == OK:
                return answer.body
            if 0 < answer.status < SERVER_ERROR and answer.status not in SILENCE_NS:
                break
            LOG.warning("%s%s: %s: it is requested again", self._url, target, _outcome(answer))
            if answer.status not in SILENCE_NS:
                self._sleep(backoff.next_ns())
        assert answer is not None, "no request was sent"
        raise FetchError(f"{self._url}{target}: {_outcome(answer)}: a later run of the same command continues here")

    def close(self) -> None:
        """Close the connection."""
        self._port.close()
        self._waiter.close()

    def _once(self, target: str, weight: int) -> Response:
        """Send a request when it may be sent, and wait for its answer."""
        while wait_ns := max(self._due_ns - self._clock(), self._budget.wait_ns(weight, self._clock())):
            if wait_ns < 0:
                break
            self._sleep(wait_ns)
        now_ns = self._clock()
        self._due_ns = now_ns + self._pace_ns
        self._budget.spend(weight, now_ns)
        self.requests += 1
        self._port.request("GET", target, self._headers, b"", now_ns)
        while not (answers := self._port.poll(self._clock())):
            self._waiter.wait(STEP_NS)
        self._budget.apply(answers[0], self._clock())
        return answers[0]


def _outcome(answer: Response) -> str:
    """What came back, in one line."""
    if not answer.status:
        return answer.error
    return f"status {answer.status}: {answer.body[:200].decode(errors='replace')}"

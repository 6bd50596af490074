"""Pushes the readings to a collector by OTLP/HTTP, from a thread of its own: no endpoint can hold up the role.

    Exposition ─▶ offer ─▶ one place, which holds the newest ─▶ thread: request_of ─▶ POST /v1/metrics

A reading that is replaced before it was sent is not sent. After a failure the next one waits: as long as the endpoint's
Retry-After says, else from `PAUSE_S` to `PAUSE_MOST_S`, doubled each time. Nothing is queued, so memory is flat
whatever the endpoint does, and the newest values arrive when it is back: counters are cumulative.
"""

import logging
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.caller import Caller, place_of, retry_after_s, split_url
from engine.metrics.otlp import PATH, Starts, rejected_by, request_of
from engine.monitor.otlp import PROTOBUF, target_of

if TYPE_CHECKING:
    from engine.metrics.exposition import Exposition

LIMIT_S = 10.0
PAUSE_S, PAUSE_MOST_S = 1.0, 60.0
logger = logging.getLogger("engine.metrics")


class Pusher:
    """The thread of one collector."""

    def __init__(self, system: str, url: str, headers: Mapping[str, str], every_s: float) -> None:
        """Start the thread; it sends the first reading at once."""
        self.sent = self.failed = 0
        self.error = ""  # of the last attempt; "": it was accepted
        self._system, self._url, self._every_s = system, target_of(url, PATH), every_s
        self._headers = {**headers, **PROTOBUF}
        self._caller, self._starts = Caller(LIMIT_S, LIMIT_S, split_url), Starts()
        self._newest: Exposition | None = None
        self._offered, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="metrics-push", daemon=True)
        self._thread.start()

    def offer(self, exposition: "Exposition") -> None:
        """Send this reading next, in place of one that still waits."""
        self._newest = exposition
        self._offered.set()

    def close(self) -> None:
        """End; a request that runs is cut off."""
        self._closing.set()
        self._offered.set()
        self._caller.abort()
        self._thread.join(LIMIT_S)

    def _work(self) -> None:
        failures = 0
        while not self._closing.is_set():
            self._offered.wait()
            self._offered.clear()
            reading, self._newest = self._newest, None
            if reading is None or reading.fault:  # an old or empty reading is not sent as the present
                continue
            asked_s = self._push(reading)
            failures = failures + 1 if self.error else 0
            pause_s = min(PAUSE_S * 2 ** min(failures - 1, 16), PAUSE_MOST_S) if failures else self._every_s
            self._closing.wait(max(asked_s, pause_s))

    def _push(self, reading: "Exposition") -> float:
        """Send one reading; the pause that the endpoint asks for."""
        age_ns = time.monotonic_ns() - reading.at_ns
        request = request_of(self._system, reading.metrics, time.time_ns() - age_ns, self._starts)
        try:
            answer = self._caller.request("POST", self._url, request.SerializeToString(), self._headers)
        except OSError as error:
            self._failed(str(error))
            return 0.0
        place = place_of(split_url(self._url))
        if not answer.good:
            self._failed(f"{place} answered {answer.status}: {answer.text}")
            return min(retry_after_s(answer.retry_after), 3600.0)
        refused = rejected_by(answer.body)
        if refused:
            self._failed(f"{place} rejected {refused}")
            return 0.0
        if self.error:
            logger.info("pushes again", extra={"endpoint": place})
        self.sent, self.error = self.sent + 1, ""
        return 0.0

    def _failed(self, error: str) -> None:
        """Count a failure, and log it when it is another one than before."""
        if error != self.error and not self._closing.is_set():
            logger.warning("metrics were not pushed: %s", error)
        self.failed, self.error = self.failed + 1, error

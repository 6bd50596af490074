"""How much a process may request of a venue's REST side: a limit a minute for the address, which execution uses too.

Each answer contains how much of the minute the address has used; pending requests are added to that. A feed, and a
backfill, stay below a share of the limit, so that a day with many resyncs leaves execution its requests. After a status
429 or 418 nothing is sent until the venue's waiting time is over: further requests lead to a ban of the address.
"""

import logging
from typing import Protocol

from engine.venues.dialect import Dialect
from engine.venues.port import Response

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
TOO_MANY, BANNED = 429, 418
SILENCE_NS = {TOO_MANY: 60 * SECOND_NS, BANNED: 180 * SECOND_NS}  # where the venue gives no time
SILENCE_MAX_NS = 3 * 86_400 * SECOND_NS  # the longest ban that a venue is known to give
DIGITS_MAX = 9
LOG = logging.getLogger("steelyard.feed")


class Share(Protocol):
    """How much of the venue's limit a process may use, and the process's name for the log."""

    @property
    def name(self) -> str:
        """Of the venue, in the log."""

    @property
    def weight_percent(self) -> int:
        """The share of the limit."""


class Budget:
    """The weight used in this minute, and the time until which the venue allows no request."""

    def __init__(self, config: Share, dialect: Dialect) -> None:
        """Begin with nothing used."""
        self._config, self._dialect = config, dialect
        self._minute = self._used = 0
        self._silent_until_ns = 0
        self.refusals = 0

    def levels(self, now_ns: int, wanting: int) -> int:
        """Return how many levels a book may have: the most if all wanted books fit, 0 if none may be requested."""
        choices = self._dialect.snapshot_choices
        deepest = choices[0]
        if self.allows(deepest[1] * wanting, now_ns, plenty=True):
            return deepest[0]
        return next((levels for levels, weight in choices[1:] or choices if self.allows(weight, now_ns)), 0)

    def weight(self, levels: int) -> int:
        """Return the weight of a book of so many levels."""
        return dict(self._dialect.snapshot_choices)[levels]

    def allows(self, weight: int, now_ns: int, *, plenty: bool = False) -> bool:
        """Whether a request of this weight may be sent now; `plenty`: and leave half of the share."""
        if now_ns < self._silent_until_ns:
            return False
        if not self._dialect.weight_limit:
            return True
        self._begin_minute(now_ns)
        share = self._dialect.weight_limit * self._config.weight_percent // (200 if plenty else 100)
        return self._used + weight <= share

    def wait_ns(self, weight: int, now_ns: int) -> int:
        """How long to wait until a request of this weight may be sent; 0 if it may be sent now."""
        if self.allows(weight, now_ns):
            return 0
        return max(self._silent_until_ns - now_ns, 0) or MINUTE_NS - now_ns % MINUTE_NS

    def spend(self, weight: int, now_ns: int) -> None:
        """Count a request that was sent."""
        self._begin_minute(now_ns)
        self._used += weight

    def apply(self, response: Response, now_ns: int) -> None:
        """Apply the used weight of an answer, and its demand to wait."""
        self._begin_minute(now_ns)
        used = response.headers.get(self._dialect.weight_header, "") if self._dialect.weight_header else ""
        if is_number(used):
            self._used = max(self._used, int(used))
        if response.status in SILENCE_NS:
            self.refusals += 1
            wait = response.headers.get("retry-after", "")
            silence_ns = int(wait) * SECOND_NS if is_number(wait) else SILENCE_NS[response.status]
            silence_ns = min(silence_ns, SILENCE_MAX_NS)
            LOG.warning(
                "%s: status %d, no requests for %d s", self._config.name, response.status, silence_ns // SECOND_NS
            )
            self._silent_until_ns = max(self._silent_until_ns, now_ns + silence_ns)

    def _begin_minute(self, now_ns: int) -> None:
        """Begin with nothing used in each minute of the clock, as the venue does."""
        if now_ns // MINUTE_NS != self._minute:
            self._minute, self._used = now_ns // MINUTE_NS, 0


def is_number(text: str) -> bool:
    """Whether a header is a plausible number: ASCII digits only, and not too many of them."""
    return text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX

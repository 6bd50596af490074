"""What a feed may ask of the venue's REST side: an address has so much a minute, and execution lives of the same.

The venue tells with each answer how much of the minute is used, by whomever; what is under way is added until then. The
feed stays below a share of the limit, so that a day full of resyncs never takes the order path's requests away. A 429
or 418 silences every request until the venue's own time is over: going on is answered with a ban of the address.
"""

import logging

from engine.feed.config import SECOND_NS, FeedConfig
from engine.venues.dialect import Dialect
from engine.venues.port import Response

MINUTE_NS = 60 * SECOND_NS
TOO_MANY, BANNED = 429, 418
SILENCE_NS = {TOO_MANY: 60 * SECOND_NS, BANNED: 180 * SECOND_NS}  # where the venue does not say how long
SILENCE_MAX_NS = 3 * 86_400 * SECOND_NS  # the longest ban that a venue is known to give
DIGITS_MAX = 9
LOG = logging.getLogger("steelyard.feed")


class Budget:
    """The weight of this minute and the venue's patience."""

    def __init__(self, config: FeedConfig, dialect: Dialect) -> None:
        """Nothing used."""
        self._config, self._dialect = config, dialect
        self._minute = self._used = 0
        self._silent_until_ns = 0
        self.refusals = 0

    def levels(self, now_ns: int, wanting: int) -> int:
        """How deep a book may be asked for: the deepest while all that want one could have it, 0 when none may be."""
        choices = self._dialect.snapshot_choices
        deepest = choices[0]
        if self.allows(deepest[1] * wanting, now_ns, plenty=True):
            return deepest[0]
        return next((levels for levels, weight in choices[1:] or choices if self.allows(weight, now_ns)), 0)

    def weight(self, levels: int) -> int:
        """What a book of so many levels weighs."""
        return dict(self._dialect.snapshot_choices)[levels]

    def allows(self, weight: int, now_ns: int, *, plenty: bool = False) -> bool:
        """Whether this much may be asked for at this time; `plenty`: and leave half of the share."""
        if now_ns < self._silent_until_ns:
            return False
        if not self._dialect.weight_limit:
            return True
        self._turn(now_ns)
        share = self._dialect.weight_limit * self._config.weight_percent // (200 if plenty else 100)
        return self._used + weight <= share

    def spend(self, weight: int, now_ns: int) -> None:
        """It was asked."""
        self._turn(now_ns)
        self._used += weight

    def apply(self, response: Response, now_ns: int) -> None:
        """Take what an answer says about requests."""
        self._turn(now_ns)
        told = response.headers.get(self._dialect.weight_header, "") if self._dialect.weight_header else ""
        if is_number(told):
            self._used = max(self._used, int(told))
        if response.status in SILENCE_NS:
            self.refusals += 1
            wait = response.headers.get("retry-after", "")
            silence_ns = int(wait) * SECOND_NS if is_number(wait) else SILENCE_NS[response.status]
            silence_ns = min(silence_ns, SILENCE_MAX_NS)
            LOG.warning(
                "%s: status %d, no requests for %d s", self._config.name, response.status, silence_ns // SECOND_NS
            )
            self._silent_until_ns = max(self._silent_until_ns, now_ns + silence_ns)

    def _turn(self, now_ns: int) -> None:
        """The venue counts by the minutes of the clock."""
        if now_ns // MINUTE_NS != self._minute:
            self._minute, self._used = now_ns // MINUTE_NS, 0


def is_number(text: str) -> bool:
    """Whether a header's text is a number that can be meant: a superscript is a digit, and a thousand of them too."""
    return text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX

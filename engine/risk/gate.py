"""The gate: an order request is approved, or refused with what was found and what was allowed.

The checks run in a fixed order, from what makes all trading wrong to what makes this order wrong; the first that
fails decides. All arithmetic is on Python integers, so no product can overflow, and every bound is tested by
multiplying out, so nothing is rounded in an order's favour; the spread alone is a float, the one that BOOK_TOP shows.
Nothing here writes, logs or asks the time. The switches, and a quick yes for the order whose numbers are narrow, are
compiled (`Approval`).

    halt · draining · reconciled · connected · instrument · malformed · book · spread · intent's age · steps · notional
    · collar · order size · worst-case position · rate

The worst case counts every open and in-flight order as filled. An order that can only shrink the position passes
the position's cap even when the position is already over it: the way out stays open.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from engine.model.fixed import INT64_MAX
from engine.model.instrument import Instrument
from engine.model.words import BUY, BookState, Reason
from engine.risk.approval import Approval
from engine.risk.limits import MICRO, RiskLimits
from engine.risk.market import Top

BPS = 10_000
GOOD = int(BookState.GOOD)


@dataclass(frozen=True, slots=True)
class Approved:
    """Risk's yes."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Risk's no: why, what was found, what was allowed (clamped to 64 bits for the record)."""

    reason: Reason
    value: int = 0
    limit: int = 0


APPROVED = Approved()
Verdict = Approved | Refusal


class Exposure(Protocol):
    """What the account holds of an instrument and what its open and in-flight orders may add."""

    size: int
    open_buy: int
    open_sell: int


class RiskGate(Approval):
    """Holds the caps and the switches; reads books and exposures that others keep."""

    def __init__(
        self,
        limits: RiskLimits,
        instruments: Mapping[int, Instrument],
        tops: Mapping[int, Top],
        exposures: Mapping[int, Exposure],
    ) -> None:
        """Begin closed: not reconciled, not connected."""
        super().__init__(limits, instruments, tops, exposures)
        self.limits = limits
        self._instruments = instruments
        self._tops = tops
        self._exposures = exposures
        self._max_position = limits.max_position_micro
        self._max_order = limits.max_order_micro

    def check(
        self,
        now_ns: int,
        instrument_id: int,
        side: int,
        price: int,
        size: int,
        decided_ns: int,
        ttl_ns: int,
        relief: int = 0,
    ) -> Verdict:
        """Judge one order; `relief` is the exposure on its side of the order that it replaces."""
        return (
            self._check_switches()
            or self._check_instrument(instrument_id, side, price, size)
            or self._check_book(now_ns, instrument_id)
            or self._check_age(now_ns, decided_ns, ttl_ns)
            or self._check_steps(instrument_id, price, size)
            or self._check_collar(instrument_id, price)
            or self._check_caps(now_ns, instrument_id, side, price, size, relief)
            or (self._check_exit(instrument_id, side, size, relief) if self.exits_only else None)
            or self._check_rate(now_ns)
            or APPROVED
        )

    def protective_price(self, instrument_id: int, side: int, cap: int) -> int:
        """The worst price a market order or chase may reach: its own cap, never past the collar; 0 without a book."""
        top, instrument = self._tops.get(instrument_id), self._instruments.get(instrument_id)
        if top is None or instrument is None or not top.middle2:
            return cap
        step, collar = instrument.price_step, self.limits.price_collar_bps
        if side == BUY:
            edge = top.middle2 * (BPS + collar) // (2 * BPS * step) * step
            return min(cap, edge) if cap else edge
        edge = -(-top.middle2 * (BPS - collar) // (2 * BPS * step)) * step
        return max(cap, edge)

    def _check_switches(self) -> Refusal | None:
        if self.halted:
            return Refusal(Reason.HALTED, 1, 0)
        if self.draining:
            return Refusal(Reason.DRAINING, 1, 0)
        if not self.reconciled:
            return Refusal(Reason.NOT_RECONCILED, 0, 1)
        if not self.connected:
            return Refusal(Reason.VENUE_NOT_CONNECTED, 0, 1)
        return None

    def _check_instrument(self, instrument_id: int, side: int, price: int, size: int) -> Refusal | None:
        instrument = self._instruments.get(instrument_id)
        if instrument is None:
            return Refusal(Reason.UNKNOWN_INSTRUMENT, instrument_id)
        if not instrument.trading:
            return Refusal(Reason.INSTRUMENT_NOT_TRADING, instrument_id)
        if side not in (1, -1):
            return Refusal(Reason.MALFORMED, side, 1)
        if size <= 0 or price < 0:
            return Refusal(Reason.MALFORMED, min(size, price), 1)
        return None

    def _check_book(self, now_ns: int, instrument_id: int) -> Refusal | None:
        top = self._tops.get(instrument_id)
        if top is None or top.state != GOOD:
            return Refusal(Reason.BOOK_NOT_GOOD, 0 if top is None else top.state, GOOD)
        age_ns = now_ns - top.receive_ns
        if age_ns > self.limits.max_book_age_ns:
            return Refusal(Reason.BOOK_TOO_OLD, age_ns, self.limits.max_book_age_ns)
        if top.spread_bps > self.limits.max_spread_bps:
            return Refusal(Reason.SPREAD_TOO_WIDE, math.ceil(top.spread_bps), self.limits.max_spread_bps)
        return None

    def _check_age(self, now_ns: int, decided_ns: int, ttl_ns: int) -> Refusal | None:
        most = self.limits.max_intent_age_ns
        allowed_ns = min(ttl_ns, most) if ttl_ns > 0 else most
        age_ns = now_ns - decided_ns
        return Refusal(Reason.INTENT_TOO_OLD, age_ns, allowed_ns) if age_ns > allowed_ns else None

    def _check_steps(self, instrument_id: int, price: int, size: int) -> Refusal | None:
        instrument = self._instruments[instrument_id]
        if price <= 0 or price % instrument.price_step:
            return Refusal(Reason.PRICE_STEP, price, instrument.price_step)
        if size % instrument.size_step:
            return Refusal(Reason.SIZE_STEP, size, instrument.size_step)
        if size < instrument.size_min:
            return Refusal(Reason.SIZE_STEP, size, instrument.size_min)
        if price * size < instrument.notional_min:
            return Refusal(Reason.NOTIONAL_TOO_SMALL, _clamp(price * size), _clamp(instrument.notional_min))
        return None

    def _check_collar(self, instrument_id: int, price: int) -> Refusal | None:
        middle2 = self._tops[instrument_id].middle2
        distance = abs(2 * price - middle2) * BPS
        if distance > middle2 * self.limits.price_collar_bps:
            return Refusal(Reason.PRICE_COLLAR, -(-distance // middle2), self.limits.price_collar_bps)
        return None

    def _check_caps(
        self, now_ns: int, instrument_id: int, side: int, price: int, size: int, relief: int
    ) -> Refusal | None:
        instrument = self._instruments[instrument_id]
        if size > instrument.size_max > 0:
            return Refusal(Reason.ORDER_TOO_LARGE, size, instrument.size_max)
        rate = self._usd_rate(now_ns, instrument.quote)
        if rate is None:
            return Refusal(Reason.RATE_MISSING)
        scale = 10 ** (instrument.price_decimals + instrument.size_decimals)
        over = _over(price * size, rate, scale, self._max_order)
        if over:
            return Refusal(Reason.ORDER_TOO_LARGE, over, _clamp(self._max_order))
        worst = self._worst_case(instrument_id, side, size - relief)
        if worst is None:
            return None
        value2 = worst * max(2 * price, self._tops[instrument_id].middle2)
        over = _over(value2, rate, 2 * scale, self._max_position)
        return Refusal(Reason.POSITION_TOO_LARGE, over, _clamp(self._max_position)) if over else None

    def _worst_case(self, instrument_id: int, side: int, added: int) -> int | None:
        """The largest position this order may lead to, or None when it can only shrink it."""
        exposure = self._exposures.get(instrument_id)
        held, pending = (0, 0) if exposure is None else (
            exposure.size * side,
            exposure.open_buy if side == BUY else exposure.open_sell,
        )  # fmt: skip
        worst = held + pending + added
        return worst if worst > 0 else None

    def _check_exit(self, instrument_id: int, side: int, size: int, relief: int) -> Refusal | None:
        exposure = self._exposures.get(instrument_id)
        held = 0 if exposure is None else exposure.size * side
        pending = 0 if exposure is None else exposure.open_buy if side == BUY else exposure.open_sell
        exits = held + pending + size - relief <= 0
        return None if exits else Refusal(Reason(self.exits_only), 1, 0)

    def _check_rate(self, now_ns: int) -> Refusal | None:
        if now_ns < self.backoff_until_ns:
            return Refusal(Reason.ORDER_RATE, self.backoff_until_ns - now_ns, 0)
        count = self.rate.count(now_ns) + 1
        return Refusal(Reason.ORDER_RATE, count, self.rate.limit) if count > self.rate.limit else None

    def _usd_rate(self, now_ns: int, quote: str) -> tuple[int, int] | None:
        """Dollars for one of the quote asset, as numerator and denominator; None when no fresh good price gives it."""
        if quote in self.limits.usd_quotes:
            return 1, 1
        instrument = self._instruments.get(self.limits.usd_instruments.get(quote, 0))
        if instrument is None or instrument.quote not in self.limits.usd_quotes or instrument.base != quote:
            return None
        top = self._tops.get(instrument.id)
        if top is None or top.state != GOOD or now_ns - top.receive_ns > self.limits.max_book_age_ns:
            return None
        return top.middle2, int(2 * 10**instrument.price_decimals)


def _over(amount: int, rate: tuple[int, int], scale: int, cap_micro: int) -> int:
    """The amount in millionths of a dollar, rounded up, when it is over the cap; 0 when it is within."""
    value, unit = amount * rate[0] * MICRO, rate[1] * scale
    return _clamp(-(-value // unit)) if value > cap_micro * unit else 0


def _clamp(number: int) -> int:
    """Fit the record's 64 bits."""
    return max(-INT64_MAX, min(INT64_MAX, number))

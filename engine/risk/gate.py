"""The gate: approves an order request, or refuses it with the found value and the limit.

An order that can only reduce its strategy's own position, counting the strategy's open and in-flight orders of that
side as filled, is an exit; every other order is an entry. Each kind has its own list of checks, `ENTRY` and `EXIT` at
the end of this file, in the order in which they run: from conditions of the whole system to those of this order. The
first check that fails decides. docs/risk.md has both lists as a table, which a test compares with these.

All arithmetic is on Python integers, so no product can overflow, and every bound is checked by multiplication, so
nothing is rounded in an order's favour. Only the spread is a float, the one in BOOK_TOP. The gate does not write, log
or read a clock. The switches, the rate and the approval of orders whose numbers fit in 64 bits are compiled
(`Approval`). Further caps are classes of their own (`caps/`), which enter their numbers into the table of the compiled
approval (`CapTable`); while a breaker refuses entries, the gate checks every order and the approval approves none.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from engine.model.fixed import INT64_MAX
from engine.model.instrument import Instrument
from engine.model.words import BUY, AlarmReason, BookState, OrderFlag, Reason
from engine.risk.approval import Approval
from engine.risk.cap_table import CapTable
from engine.risk.history.returns import Returns
from engine.risk.limits import BPS, MICRO, RiskLimits
from engine.risk.market import Top
from engine.risk.volume import TradedVolume
from engine.venues.margin import MarginTerms
from engine.venues.trading.budget import AMEND, ORDER, PAIR, Cost, Priority, VenueBudget
from engine.venues.trading.clearance import Clearance
from engine.venues.trading.clock import VenueClock

GOOD = int(BookState.GOOD)


@dataclass(frozen=True, slots=True)
class Approved:
    """Risk's approval, with the flags of the order."""

    flags: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Risk's refusal: reason, found value and limit. They are exact; the record clamps them to its fields."""

    reason: Reason
    value: int = 0
    limit: int = 0


APPROVED = Approved()
APPROVED_RESERVED = Approved(OrderFlag.RESERVED)  # an exit that uses the part of the rate reserved for exits
Verdict = Approved | Refusal


class Exposure(Protocol):
    """The position in an instrument, and the sizes of open and in-flight orders."""

    size: int
    open_buy: int
    open_sell: int
    held: int  # the position with the dust that cannot be sold
    day_ns: int  # the day to which `day_net2` belongs
    day_net2: int  # twice the net at that day's first valuation
    losses: int  # round trips that lost in a row
    fill_count: int  # grows with each change of what is held and earned

    @property
    def money_decimals(self) -> int:
        """The decimals of its money."""

    def net2(self, mark2: int) -> int | None:
        """Twice its net at this price (twice a price; 0: no price); None without a price."""


class Proposed(NamedTuple):
    """The order to check."""

    now_ns: int
    strategy: int
    instrument_id: int
    side: int
    price: int
    size: int
    decided_ns: int
    ttl_ns: int
    relief: int
    follows_book: bool
    pair: bool = False  # the venue counts two orders


class PlacedOrder(Protocol):
    """An order that was sent."""

    strategy: int
    instrument: int
    side: int
    price: int
    size: int
    child: int  # which child of its intent it is
    intent_ns: int  # when the strategy decided it; 0: it was found at the venue
    sent_ns: int  # 0: not known
    answer_ns: int  # when the venue first answered; 0: not yet
    amend_to: int  # the size that was asked for in place; 0: none was
    exposure: int  # the size that it may still add to the position

    @property
    def waiting(self) -> bool:
        """Whether it waits at the venue for its trigger."""

    @property
    def is_second(self) -> bool:
        """Whether it is the limit order of a pair, whose size the stop has too."""


class Sight(Protocol):
    """What execution knows beyond exposures."""

    def open_orders(self) -> Collection[PlacedOrder]:
        """The account's orders that may still be filled."""

    def newest_orders(self) -> Iterable[PlacedOrder]:
        """The account's latest orders, done ones too, the newest first."""

    def heartbeats(self) -> Iterable[tuple[int, int]]:
        """When the venue was asked for its time and when it answered, 0: not yet; the newest first."""


class NoSight:
    """The sight of a gate without an execution: no order."""

    def open_orders(self) -> Collection[PlacedOrder]:
        """No order is open."""
        return ()

    def newest_orders(self) -> Iterable[PlacedOrder]:
        """No order was sent."""
        return ()

    def heartbeats(self) -> Iterable[tuple[int, int]]:
        """There is no venue."""
        return ()


@dataclass(frozen=True, slots=True)
class Account:
    """What a cap may read: limits, instruments, prices, orders, and exposures by instrument and by strategy."""

    limits: RiskLimits
    instruments: Mapping[int, Instrument]
    exposures: Mapping[int, Exposure]  # the account's, by instrument
    owned: Mapping[tuple[int, int], Exposure]  # by strategy and instrument
    price2: Callable[[int, int], int]  # now_ns, instrument: twice the middle of its book; 0 without a fresh good book
    usd_rate: Callable[[int, str], tuple[int, int] | None]  # now_ns, quote asset: dollars for one, as a fraction
    sight: Sight
    returns: Returns  # of instruments, for the value at risk
    volume: TradedVolume  # of instruments; it counts only while a cap reads it
    margin: Mapping[int, MarginTerms]  # of derivatives; any other instrument binds its whole value


class FurtherCap(Protocol):
    """A further cap (`caps/`)."""

    exits: bool  # whether it is checked for exits too

    def check(self, order: Proposed, account: Account) -> Refusal | None:
        """Refuse an order that exceeds the cap."""


class RiskGate(Approval):
    """Holds the caps and the switches; reads the books and exposures of execution."""

    def __init__(
        self,
        limits: RiskLimits,
        instruments: Mapping[int, Instrument],
        tops: Mapping[int, Top],
        exposures: Mapping[int, Exposure],
        owned: Mapping[tuple[int, int], Exposure],
        permits: Mapping[int, Collection[int]],
        caps: Collection[FurtherCap] = (),
        stopped: dict[int, Any] | None = None,
        sight: Sight | None = None,
        returns: Returns | None = None,
        margin: Mapping[int, MarginTerms] | None = None,
    ) -> None:
        """Begin closed: not reconciled, not connected.

        `exposures` are the account's by instrument, `owned` those by strategy and instrument, `permits` the instruments
        that each strategy may trade, `caps` what is checked beyond `limits`, `stopped` the instruments that execution
        has halted, each with its `reason`, `sight` what caps may read of orders, `returns` those of past days, `margin`
        the formulas of derivatives; execution changes them while the gate reads them.
        """
        super().__init__(limits, instruments, tops, exposures, permits, stopped)
        self._sight: Sight = NoSight() if sight is None else sight
        self._returns = Returns() if returns is None else returns
        self._margin = {} if margin is None else margin
        self.volume = TradedVolume()
        self.budget = VenueBudget(VenueClock())  # without a session: no limit
        self._closed: Mapping[int, Refusal] = {}  # by strategy, 0: all: breakers refuse their entries
        self._instruments = instruments
        self._orders_least = min((one.orders_max for one in instruments.values() if one.orders_max), default=INT64_MAX)
        self._tops = tops
        self._exposures = exposures
        self._owned = owned
        self._permits = permits
        self._allotted: tuple[FurtherCap, ...] = ()
        self._bound(limits, caps)
        self._set_approval()

    def set_limits(self, limits: RiskLimits, caps: Collection[FurtherCap]) -> None:
        """Check every further order against these limits and caps; nothing else of the gate's state changes."""
        self._bound(limits, caps)
        self._set_approval()

    def allot(self, allotted: FurtherCap) -> None:
        """Check every further order against the account's budget of a cap that spans accounts too."""
        self._allotted = (allotted,)
        self.set_limits(self.limits, self._own_caps)

    def follow(self, budget: VenueBudget, clearance: Clearance) -> None:
        """Check every order against the venue's limits as this session counts them, and clear what it sends."""
        self.budget, self.clearance = budget, clearance
        budget.reserve = self.limits.venue_rate_reserve

    def apply_budget(self, now_ns: int) -> None:
        """Let the compiled approval approve no entry while the venue's limits have no room: requests were sent."""
        self.entries_from_ns = self.budget.closed_until_ns(Priority.ENTRY, ORDER, now_ns)
        self.crowded = len(self._sight.open_orders()) >= self._orders_least

    def close_entries(self, closed: Mapping[int, Refusal]) -> None:
        """Refuse the entries of these strategies, 0: of all; meanwhile the compiled approval approves nothing."""
        self._closed = closed
        self._set_approval()

    def _set_approval(self) -> None:
        self._table = CapTable(self.account, self._tops, self._caps) if self._caps else None
        self.set_approval(self.limits, not self._closed, self._table, len(ENTRY) - 1 + len(self._caps))

    def _bound(self, limits: RiskLimits, caps: Collection[FurtherCap]) -> None:
        self.limits = limits
        self.budget.reserve = limits.venue_rate_reserve
        self.account = Account(
            limits, self._instruments, self._exposures, self._owned, self.price2, self._usd_rate, self._sight,
            self._returns, self.volume, self._margin,
        )  # fmt: skip
        self._own_caps, self._caps = caps, (*caps, *self._allotted)
        self.reads_prints = any(getattr(cap, "reads_prints", False) for cap in caps)
        self._exit_caps = tuple(cap for cap in caps if cap.exits)
        self._max_position = limits.max_position_micro
        self._max_order = limits.max_order_micro

    def check(
        self,
        now_ns: int,
        strategy: int,
        instrument_id: int,
        side: int,
        price: int,
        size: int,
        decided_ns: int,
        ttl_ns: int,
        relief: int = 0,
        *,
        follows_book: bool = False,
        waits: bool = False,
        stop: int = 0,
    ) -> Verdict:
        """Check one order, or a pair: `stop` is then the price of its stop, which waits at the venue.

        `relief` is the exposure on its side of the order that it replaces. `follows_book` marks a chase: its price
        comes from the book, so the book is checked for an exit too. `waits` marks an order that waits at the venue for
        its trigger, far from the market.
        """
        if stop:
            verdict = self.check(
                now_ns, strategy, instrument_id, side, stop, size, decided_ns, ttl_ns, relief,
                follows_book=follows_book, waits=True,
            )  # fmt: skip
            if isinstance(verdict, Refusal):
                return verdict
        order = Proposed(
            now_ns, strategy, instrument_id, side, price, size, decided_ns, ttl_ns, relief, follows_book, stop > 0
        )  # fmt: skip
        exits = self.is_exit(strategy, instrument_id, side, size, relief)
        entry_list, exit_list = (NATIVE_ENTRY, NATIVE_EXIT) if waits else (ENTRY, EXIT)
        for check in exit_list if exits else entry_list:
            refusal = check(self, order)
            if refusal is not None:
                self.revoke()
                return refusal
        self.grant(instrument_id, side, price, size, now_ns)
        reserved = exits and self.rate.full(now_ns, strategy) is not None
        return APPROVED_RESERVED if reserved else APPROVED

    def check_waiting(
        self, now_ns: int, strategy: int, instrument_id: int, decided_ns: int, ttl_ns: int
    ) -> Refusal | None:  # fmt: skip
        """Check an intent whose algorithm has no order yet; each of its orders is checked when it is to leave."""
        order = Proposed(now_ns, strategy, instrument_id, 0, 0, 0, decided_ns, ttl_ns, 0, False)
        return next(filter(None, (check(self, order) for check in WAITING)), None)

    def check_amend(
        self, now_ns: int, strategy: int, instrument_id: int, side: int, price: int, size: int, decided_ns: int,
        ttl_ns: int,
    ) -> Refusal | None:  # fmt: skip
        """Check the smaller size of an open order: it lowers every exposure, so no cap is asked."""
        order = Proposed(now_ns, strategy, instrument_id, side, price, size, decided_ns, ttl_ns, 0, False)
        if self._table is not None:
            self._table.note_amend(now_ns)
        refusal = next(filter(None, (check(self, order) for check in AMENDING)), None)
        if refusal is None:
            self.grant(instrument_id, 0, 0, size, now_ns)
        return refusal

    def check_closing(
        self, now_ns: int, strategy: int, instrument_id: int, side: int, price: int, size: int
    ) -> Verdict:
        """Check an order of a flattening, which may leave during the halt that the flattening is."""
        assert self.is_exit(strategy, instrument_id, side, size), (strategy, instrument_id, side, size)
        order = Proposed(now_ns, strategy, instrument_id, side, price, size, now_ns, 0, 0, True)
        refusal = next(filter(None, (check(self, order) for check in CLOSING)), None)
        if refusal is not None:
            return refusal
        self.grant(instrument_id, side, price, size, now_ns)
        return APPROVED if self.rate.full(now_ns, strategy) is None else APPROVED_RESERVED

    def check_kept(
        self, now_ns: int, strategy: int, instrument_id: int, side: int, price: int, size: int, decided_ns: int,
        ttl_ns: int,
    ) -> Refusal | None:  # fmt: skip
        """Check an order that execution keeps until its trigger; what it then sends is checked as any other order."""
        order = Proposed(now_ns, strategy, instrument_id, side, price, size, decided_ns, ttl_ns, 0, True)
        checks = KEPT_EXIT if self.is_exit(strategy, instrument_id, side, size) else KEPT_ENTRY
        return next(filter(None, (check(self, order) for check in checks)), None)

    def check_internal(
        self, now_ns: int, strategy: int, instrument_id: int, side: int, price: int, size: int
    ) -> Refusal | None:  # fmt: skip
        """Check one side of an internal fill as an order of its size; nothing leaves, so nothing is cleared."""
        order = Proposed(now_ns, strategy, instrument_id, side, price, size, now_ns, 0, 0, True)
        checks = EXIT if self.is_exit(strategy, instrument_id, side, size) else ENTRY
        return next(filter(None, (check(self, order) for check in checks)), None)

    def is_open(self, now_ns: int, strategy: int, instrument_id: int) -> bool:
        """Whether no switch stops every order of this strategy and instrument."""
        order = Proposed(now_ns, strategy, instrument_id, BUY, 0, 0, now_ns, 0, 0, True)
        return not any(check(self, order) for check in SWITCHES)

    def reducible(self, strategy: int, instrument_id: int, side: int, relief: int = 0) -> int:
        """The largest order that, with all the strategy's orders of its side filled, only reduces its position."""
        own = self._owned.get((strategy, instrument_id))
        if own is None:
            return 0
        pending = own.open_buy if side == BUY else own.open_sell
        step = self._instruments[instrument_id].size_step
        most = max(0, -own.size * side - max(0, pending - relief))
        return most - most % step

    def is_exit(self, strategy: int, instrument_id: int, side: int, size: int, relief: int = 0) -> bool:
        """Whether the order, with all the strategy's orders of its side filled, can only reduce its position."""
        own = self._owned.get((strategy, instrument_id))
        if own is None:
            return False
        pending = own.open_buy if side == BUY else own.open_sell
        return own.size * side + max(0, pending - relief) + size <= 0 < size

    def protective_price(self, instrument_id: int, side: int, cap: int, *, exits: bool = False) -> int:
        """The worst price of a market order or chase: its own cap, at most the collar's edge; 0 without a book."""
        top, instrument = self._tops.get(instrument_id), self._instruments.get(instrument_id)
        middle2 = 0 if top is None else top.good_middle2 if exits else top.middle2
        if instrument is None or not middle2:
            return cap
        step, collar = instrument.price_step, self.limits.exit_collar_bps if exits else self.limits.price_collar_bps
        if side == BUY:
            edge = middle2 * (BPS + collar) // (2 * BPS * step) * step
            return min(cap, edge) if cap else edge
        edge = -(-middle2 * (BPS - collar) // (2 * BPS * step)) * step
        return max(cap, edge)

    def check_halt(self, _: Proposed) -> Refusal | None:
        """No new order while the system is halted."""
        return Refusal(Reason.HALTED, 1, 0) if self.halted else None

    def halts(self, strategy: int, instrument: int) -> bool:
        """Whether no order of this strategy and instrument may be open at the venue, because of an operator's halt."""
        scoped = strategy in self.halted_strategies or instrument in self.halted_instruments
        return bool(self.halted or self.account_halted or scoped)

    def check_scope(self, order: Proposed) -> Refusal | None:
        """No new order of an account, a strategy or an instrument that is halted, as under a halt of the system."""
        if self.account_halted:
            return Refusal(Reason.ACCOUNT_HALTED, self.account_halted)
        if order.strategy in self.halted_strategies:
            return Refusal(Reason.STRATEGY_HALTED, order.strategy)
        if order.instrument_id in self.halted_instruments:
            return Refusal(Reason.INSTRUMENT_HALTED, AlarmReason.OPERATOR)
        return None

    def check_drain(self, _: Proposed) -> Refusal | None:
        """No new order while execution drains."""
        return Refusal(Reason.DRAINING, 1, 0) if self.draining else None

    def check_reconciled(self, _: Proposed) -> Refusal | None:
        """No order until the venue has answered for every unknown order."""
        return None if self.reconciled else Refusal(Reason.NOT_RECONCILED, 0, 1)

    def check_connected(self, _: Proposed) -> Refusal | None:
        """No order without a session at the venue."""
        return None if self.connected else Refusal(Reason.VENUE_NOT_CONNECTED, 0, 1)

    def check_stopped(self, order: Proposed) -> Refusal | None:
        """No order in an instrument that execution halted: its position, and so an exit's size, is in doubt."""
        stop = self.stopped.get(order.instrument_id)
        return None if stop is None else Refusal(Reason.INSTRUMENT_HALTED, int(stop.reason), 0)

    def check_disabled(self, order: Proposed) -> Refusal | None:
        """No order of a strategy that an operator has disabled."""
        return Refusal(Reason.STRATEGY_DISABLED, order.strategy) if order.strategy in self.disabled else None

    def check_instrument(self, order: Proposed) -> Refusal | None:
        """The instrument is configured, and the venue trades it."""
        instrument = self._instruments.get(order.instrument_id)
        if instrument is None:
            return Refusal(Reason.UNKNOWN_INSTRUMENT, order.instrument_id)
        return None if instrument.trading else Refusal(Reason.INSTRUMENT_NOT_TRADING, order.instrument_id)

    def check_permit(self, order: Proposed) -> Refusal | None:
        """The instrument is one of the strategy's."""
        if order.instrument_id in self._permits.get(order.strategy, ()):
            return None
        return Refusal(Reason.INSTRUMENT_NOT_PERMITTED, order.instrument_id, order.strategy)

    def check_form(self, order: Proposed) -> Refusal | None:
        """Side, size and price are valid."""
        if order.side not in (1, -1):
            return Refusal(Reason.MALFORMED, order.side, 1)
        if order.size <= 0 or order.price < 0:
            return Refusal(Reason.MALFORMED, min(order.size, order.price), 1)
        return None

    def check_book(self, order: Proposed) -> Refusal | None:
        """The book is GOOD and not too old."""
        top = self._tops.get(order.instrument_id)
        if top is None or top.state != GOOD:
            return Refusal(Reason.BOOK_NOT_GOOD, 0 if top is None else top.state, GOOD)
        age_ns = order.now_ns - top.receive_ns
        most_ns = self.limits.max_book_age_ns
        return Refusal(Reason.BOOK_TOO_OLD, age_ns, most_ns) if age_ns > most_ns else None

    def check_chased_book(self, order: Proposed) -> Refusal | None:
        """For a chase: its price comes from the book, so the book must be good."""
        return self.check_book(order) if order.follows_book else None

    def check_last_book(self, order: Proposed) -> Refusal | None:
        """There was a good book: an exit's price is compared with the last good one, in every state of the book now."""
        top = self._tops.get(order.instrument_id)
        if top is None or not top.good_middle2:
            return Refusal(Reason.BOOK_NOT_GOOD, 0 if top is None else top.state, GOOD)
        return None

    def check_spread(self, order: Proposed) -> Refusal | None:
        """The spread is not too wide; a NaN counts as too wide."""
        spread_bps, most_bps = self._tops[order.instrument_id].spread_bps, self.limits.max_spread_bps
        if spread_bps <= most_bps:
            return None
        return Refusal(
            Reason.SPREAD_TOO_WIDE, math.ceil(spread_bps) if math.isfinite(spread_bps) else INT64_MAX, most_bps
        )

    def check_age(self, order: Proposed) -> Refusal | None:
        """The intent is neither too old nor from the future."""
        most_ns, ahead_ns = self.limits.max_intent_age_ns, self.limits.max_intent_ahead_ns
        allowed_ns = min(order.ttl_ns, most_ns) if order.ttl_ns else most_ns
        age_ns = order.now_ns - order.decided_ns
        if -age_ns > ahead_ns:
            return Refusal(Reason.INTENT_FROM_FUTURE, -age_ns, ahead_ns)
        return Refusal(Reason.INTENT_TOO_OLD, age_ns, allowed_ns) if max(0, age_ns) > allowed_ns else None

    def check_steps(self, order: Proposed) -> Refusal | None:
        """The venue's filters: steps, minimum size and minimum notional."""
        instrument, price, size = self._instruments[order.instrument_id], order.price, order.size
        if price <= 0 or price % instrument.price_step:
            return Refusal(Reason.PRICE_STEP, price, instrument.price_step)
        if size % instrument.size_step:
            return Refusal(Reason.SIZE_STEP, size, instrument.size_step)
        if size < instrument.size_min:
            return Refusal(Reason.SIZE_STEP, size, instrument.size_min)
        if price * size < instrument.notional_min:
            return Refusal(Reason.NOTIONAL_TOO_SMALL, price * size, instrument.notional_min)
        return None

    def check_price_bounds(self, order: Proposed) -> Refusal | None:
        """The venue's lowest and highest price, and its share of the market's, here of the last good middle."""
        one, price = self._instruments[order.instrument_id], order.price
        up, down = (one.bid_up, one.bid_down) if order.side == BUY else (one.ask_up, one.ask_down)
        middle2 = self._tops[order.instrument_id].good_middle2 if up or down else 0
        lowest = max(one.price_min, -(-middle2 * down // (2 * MICRO)))
        if price < lowest:
            return Refusal(Reason.PRICE_BOUND, price, lowest)
        highest = min(one.price_max or price, middle2 * up // (2 * MICRO) or price)
        return Refusal(Reason.PRICE_BOUND, price, highest) if price > highest else None

    def check_notional_max(self, order: Proposed) -> Refusal | None:
        """The venue's largest notional."""
        value, most = order.price * order.size, self._instruments[order.instrument_id].notional_max
        return Refusal(Reason.NOTIONAL_TOO_LARGE, value, most) if value > most > 0 else None

    def check_orders_max(self, order: Proposed) -> Refusal | None:
        """The venue's largest number of the account's open orders in the instrument."""
        most, orders = self._instruments[order.instrument_id].orders_max, self._sight.open_orders()
        if not most or len(orders) < most:
            return None
        count = sum(one.instrument == order.instrument_id for one in orders) + (not order.relief)
        return Refusal(Reason.TOO_MANY_ORDERS, count, most) if count > most else None

    def check_position_max(self, order: Proposed) -> Refusal | None:
        """What the venue lets the account hold, with every open purchase filled."""
        most = self._instruments[order.instrument_id].position_max
        if not most or order.side != BUY:
            return None
        worst = self._worst_case(order)
        return Refusal(Reason.VENUE_POSITION, worst, most) if worst > most else None

    def check_collar(self, order: Proposed) -> Refusal | None:
        """The price is near the middle, on either side of it."""
        middle2 = self._tops[order.instrument_id].middle2
        distance = abs(2 * order.price - middle2) * BPS
        if distance > middle2 * self.limits.price_collar_bps:
            return Refusal(Reason.PRICE_COLLAR, -(-distance // middle2), self.limits.price_collar_bps)
        return None

    def check_exit_collar(self, order: Proposed) -> Refusal | None:
        """The price is not much worse than the last good middle; a better price only rests."""
        middle2 = self._tops[order.instrument_id].good_middle2
        worse = order.side * (2 * order.price - middle2) * BPS
        if worse > middle2 * self.limits.exit_collar_bps:
            return Refusal(Reason.PRICE_COLLAR, -(-worse // middle2), self.limits.exit_collar_bps)
        return None

    def check_size_max(self, order: Proposed) -> Refusal | None:
        """The venue's maximum size."""
        most = self._instruments[order.instrument_id].size_max
        return Refusal(Reason.ORDER_TOO_LARGE, order.size, most) if order.size > most > 0 else None

    def check_order_cap(self, order: Proposed) -> Refusal | None:
        """The value of the order in dollars."""
        instrument = self._instruments[order.instrument_id]
        rate = self._usd_rate(order.now_ns, instrument.quote)
        if rate is None:
            return Refusal(Reason.RATE_MISSING)
        over = _over(order.price * order.size, rate, instrument, self._max_order)
        return Refusal(Reason.ORDER_TOO_LARGE, over, self._max_order) if over else None

    def check_position_cap(self, order: Proposed) -> Refusal | None:
        """The account's worst case in dollars; a worst case of 0 or less passes."""
        worst = self._worst_case(order)
        instrument = self._instruments[order.instrument_id]
        rate = self._usd_rate(order.now_ns, instrument.quote)
        assert rate is not None, "the cap of an order's size was checked without a rate"
        value2 = worst * max(2 * order.price, self._tops[order.instrument_id].middle2)
        over = _over(value2, (rate[0], 2 * rate[1]), instrument, self._max_position)
        return Refusal(Reason.POSITION_TOO_LARGE, over, self._max_position) if over else None

    def _worst_case(self, order: Proposed) -> int:
        """The account's largest possible position on the order's side; 0 or less if it can only shrink."""
        exposure = self._exposures.get(order.instrument_id)
        if exposure is None:
            return order.size - order.relief
        pending = exposure.open_buy if order.side == BUY else exposure.open_sell
        return exposure.size * order.side + pending + order.size - order.relief

    def check_caps(self, order: Proposed) -> Refusal | None:
        """The configured caps of `caps/`."""
        return next(filter(None, (cap.check(order, self.account) for cap in self._caps)), None)

    def check_exit_caps(self, order: Proposed) -> Refusal | None:
        """The configured caps of `caps/` that apply to exits too."""
        return next(filter(None, (cap.check(order, self.account) for cap in self._exit_caps)), None)

    def check_exits_only(self, _: Proposed) -> Refusal | None:
        """Entries are not stopped, as they are by a full disk or a lost supervisor."""
        return Refusal(Reason(self.exits_only), 1, 0) if self.exits_only else None

    def check_breakers(self, order: Proposed) -> Refusal | None:
        """No breaker that has tripped refuses entries, of the account or of the strategy."""
        return self._closed.get(0) or self._closed.get(order.strategy)

    def check_silence(self, order: Proposed) -> Refusal | None:
        """The venue did not forbid requests until a later time."""
        wait_ns = self.backoff_until_ns - order.now_ns
        return Refusal(Reason.ORDER_RATE, wait_ns, 0) if wait_ns > 0 else None

    def check_venue_rate(self, order: Proposed) -> Refusal | None:
        """The venue's limits have room for an entry; for one in place of another order, which is less urgent."""
        priority = Priority.REPRICE if order.relief else Priority.ENTRY
        return self._venue_room(priority, order.now_ns, PAIR if order.pair else ORDER)

    def check_exit_venue_rate(self, order: Proposed) -> Refusal | None:
        """The venue's limits have room for an exit."""
        return self._venue_room(Priority.EXIT, order.now_ns, PAIR if order.pair else ORDER)

    def check_amend_rate(self, order: Proposed) -> Refusal | None:
        """The venue's limits have room for an amend."""
        return self._venue_room(Priority.REPRICE, order.now_ns, AMEND)

    def _venue_room(self, priority: Priority, now_ns: int, cost: Cost) -> Refusal | None:
        full = self.budget.full(priority, cost, now_ns)
        return None if full is None else Refusal(Reason.VENUE_RATE, full.used + 1, full.bounds[priority])

    def check_rate(self, order: Proposed) -> Refusal | None:
        """The common part of the rate has room, for the account and for the strategy."""
        full = self.rate.full(order.now_ns, order.strategy)
        if full is None:
            return None
        reason = Reason.ORDER_RATE if full is self.rate.account else Reason.STRATEGY_RATE
        return Refusal(reason, full.count(order.now_ns) + 1, full.limit)

    def check_exit_rate(self, order: Proposed) -> Refusal | None:
        """The common part of the rate has room, or the part reserved for exits; an exit that rests may use half of it.

        A quote on the side that reduces, and a chase, are exits too, and may be sent as often as the book moves: the
        other half is reserved for exits that trade at once.
        """
        if self.rate.full(order.now_ns, order.strategy) is None:
            return None
        takes = self._tops[order.instrument_id].takes(order.side, order.price)
        judge = self.reserve.full if takes else self.reserve.half_full
        full = judge(order.now_ns, order.strategy)
        if full is None:
            return None
        reason = Reason.ORDER_RATE if full is self.reserve.account else Reason.STRATEGY_RATE
        return Refusal(reason, full.count(order.now_ns) + 1, full.limit if takes else full.limit // 2)

    def _usd_rate(self, now_ns: int, quote: str) -> tuple[int, int] | None:
        """Dollars for one of the quote asset, as numerator and denominator; None without a fresh good price."""
        if quote in self.limits.usd_quotes:
            return 1, 1
        instrument = self._instruments.get(self.limits.usd_instruments.get(quote, 0))
        if instrument is None or instrument.quote not in self.limits.usd_quotes or instrument.base != quote:
            return None
        middle2 = self.price2(now_ns, instrument.id)
        return (middle2, int(2 * 10**instrument.price_decimals)) if middle2 else None


Check = Callable[[RiskGate, Proposed], Refusal | None]
SWITCHES: tuple[Check, ...] = (
    RiskGate.check_halt, RiskGate.check_scope, RiskGate.check_drain, RiskGate.check_reconciled,
    RiskGate.check_connected, RiskGate.check_stopped, RiskGate.check_disabled,
)  # fmt: skip
VENUE: tuple[Check, ...] = (  # the venue's own filters, beside its steps
    RiskGate.check_size_max, RiskGate.check_price_bounds, RiskGate.check_notional_max, RiskGate.check_orders_max,
)  # fmt: skip
ENTRY: tuple[Check, ...] = (
    *SWITCHES, RiskGate.check_instrument, RiskGate.check_permit, RiskGate.check_form, RiskGate.check_book,
    RiskGate.check_spread, RiskGate.check_age, RiskGate.check_steps, RiskGate.check_collar,
    *VENUE, RiskGate.check_position_max, RiskGate.check_order_cap, RiskGate.check_position_cap, RiskGate.check_caps,
    RiskGate.check_exits_only, RiskGate.check_breakers, RiskGate.check_silence, RiskGate.check_venue_rate,
    RiskGate.check_rate,
)  # fmt: skip
EXIT: tuple[Check, ...] = (
    *SWITCHES, RiskGate.check_instrument, RiskGate.check_form, RiskGate.check_chased_book,
    RiskGate.check_last_book, RiskGate.check_age, RiskGate.check_steps, RiskGate.check_exit_collar,
    *VENUE, RiskGate.check_exit_caps, RiskGate.check_silence, RiskGate.check_exit_venue_rate,
    RiskGate.check_exit_rate,
)  # fmt: skip
WAITING: tuple[Check, ...] = (*SWITCHES, RiskGate.check_instrument, RiskGate.check_age)
AMENDING: tuple[Check, ...] = (
    *WAITING, RiskGate.check_steps, RiskGate.check_silence, RiskGate.check_amend_rate,
)  # fmt: skip
KEPT_EXIT: tuple[Check, ...] = (  # of an order that execution keeps until its trigger
    *SWITCHES, RiskGate.check_instrument, RiskGate.check_form, RiskGate.check_age, RiskGate.check_steps,
    RiskGate.check_size_max,
)  # fmt: skip
KEPT_ENTRY: tuple[Check, ...] = (
    *KEPT_EXIT, RiskGate.check_permit, RiskGate.check_exits_only, RiskGate.check_breakers,
)  # fmt: skip
NATIVE_EXIT: tuple[Check, ...] = (  # of an order that waits at the venue for its trigger
    *SWITCHES, RiskGate.check_instrument, RiskGate.check_form, RiskGate.check_age, RiskGate.check_steps,
    *VENUE, RiskGate.check_exit_caps, RiskGate.check_silence, RiskGate.check_exit_venue_rate,
    RiskGate.check_exit_rate,
)  # fmt: skip
NATIVE_ENTRY: tuple[Check, ...] = (
    *SWITCHES, RiskGate.check_instrument, RiskGate.check_permit, RiskGate.check_form, RiskGate.check_book,
    RiskGate.check_age, RiskGate.check_steps, *VENUE, RiskGate.check_position_max, RiskGate.check_order_cap,
    RiskGate.check_position_cap, RiskGate.check_caps, RiskGate.check_exits_only, RiskGate.check_breakers,
    RiskGate.check_silence, RiskGate.check_venue_rate, RiskGate.check_rate,
)  # fmt: skip
CLOSING: tuple[Check, ...] = (  # of a flattening
    RiskGate.check_drain, RiskGate.check_reconciled, RiskGate.check_connected, RiskGate.check_stopped,
    RiskGate.check_instrument, RiskGate.check_form, RiskGate.check_book, RiskGate.check_steps,
    RiskGate.check_exit_collar, RiskGate.check_size_max, RiskGate.check_exit_caps, RiskGate.check_silence,
    RiskGate.check_exit_venue_rate, RiskGate.check_exit_rate,
)  # fmt: skip


def _over(amount: int, rate: tuple[int, int], instrument: Instrument, cap_micro: int) -> int:
    """The amount in millionths of a dollar, rounded up, if it exceeds the cap; else 0."""
    scale = 10 ** (instrument.price_decimals + instrument.size_decimals)
    value, unit = amount * rate[0] * MICRO, rate[1] * scale
    return -(-value // unit) if value > cap_micro * unit else 0

"""What an algorithm sees of its instrument: the newest best prices, the venue's steps, the smallest order."""

from typing import NamedTuple

from engine.execution.algorithms.profile import Profile
from engine.model.fixed import INT64_MAX
from engine.model.instrument import Instrument
from engine.model.words import BUY, Reason
from engine.risk.gate import Refusal
from engine.risk.limits import BPS
from engine.risk.market import GOOD, Top


class Market(NamedTuple):
    """One instrument's."""

    instrument: Instrument
    top: Top  # always the newest
    profile: Profile | None = None  # of its volume over the day
    age_most_ns: int = 0  # of a book that decisions follow from

    @property
    def good(self) -> bool:
        """Whether prices may be made from the book."""
        return self.top.state == GOOD

    def sure(self, now_ns: int) -> bool:
        """Whether the book is good, and not too old to decide by."""
        return self.good and bool(now_ns - self.top.receive_ns <= self.age_most_ns)

    def own(self, side: int) -> int:
        """The best price of the orders of this side; 0 without one."""
        return self.top.bid if side == BUY else self.top.ask

    def opposite(self, side: int) -> int:
        """The best price that an order of this side can trade at; 0 without one."""
        return self.top.ask if side == BUY else self.top.bid

    def passive(self, side: int, price: int) -> int:
        """A price of either sign of rounding as a multiple of the price step: the one further from the other side."""
        step = self.instrument.price_step
        return price // step * step if side == BUY else -(-price // step) * step

    def beyond(self, side: int, bps: int) -> int:
        """The worst whole price within this distance of the best opposite price, in hundredths of a percent."""
        return self.past(self.opposite(side), side, bps)

    def past(self, price: int, side: int, bps: int) -> int:
        """The worst whole price for an order of this side within a distance of a price."""
        numerator = price * (BPS + side * bps)
        return self.passive(side, numerator // BPS if side == BUY else -(-numerator // BPS))

    @property
    def largest(self) -> int:
        """The venue's largest order, in whole size steps; INT64_MAX where it has none."""
        most = self.instrument.size_max
        return most - most % self.instrument.size_step if most > 0 else INT64_MAX

    def lowest(self, limit: int) -> int:
        """The lowest price that a child of a parent with this limit may need; 0 without a book and a limit."""
        return min((price for price in (self.top.bid, limit) if price > 0), default=0)

    def least(self, price: int) -> int:
        """The smallest order at a price that the venue's filters accept."""
        one = self.instrument
        by_notional = -(-one.notional_min // price) if price > 0 else 0
        return -(-max(one.size_min, by_notional, 1) // one.size_step) * one.size_step

    def check_price(self, price: int) -> Refusal | None:
        """Refuse a price that is no multiple of the price step, and a missing one."""
        step = self.instrument.price_step
        return Refusal(Reason.PRICE_STEP, price, step) if price <= 0 or price % step else None

    def check_whole(self, size: int) -> Refusal | None:
        """Refuse a size that is no whole number of size steps: children cannot equal it."""
        step = self.instrument.size_step
        return Refusal(Reason.SIZE_STEP, size, step) if size % step else None

    def check_least(self, size: int, price: int) -> Refusal | None:
        """Refuse a child's size that is too small for the venue at this price."""
        one = self.instrument
        if size < one.size_min:
            return Refusal(Reason.SIZE_STEP, size, one.size_min)
        if price > 0 and price * size < one.notional_min:
            return Refusal(Reason.NOTIONAL_TOO_SMALL, price * size, one.notional_min)
        return None


def within(limit: int, side: int, price: int) -> int:
    """A price that is not beyond the parent's limit; 0: there is no limit."""
    if not limit:
        return price
    return min(price, limit) if side == BUY else max(price, limit)


def carve(behind: int, rest: int, most: int, least: int) -> int:
    """The size of the next child of a parent that is `behind` and has `rest` left; 0: none is due yet.

    It is at most `most`, at least `least`, and leaves nothing or at least `least`: what would be left below that is
    added, so all children together can equal the parent.
    """
    size = min(behind, most, rest)
    if size < least:
        return 0
    return rest if rest - size < least else size

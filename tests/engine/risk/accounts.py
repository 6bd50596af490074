"""Random accounts with a history of fills, open orders and books, and the same account in fractions and lists."""

import random
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from engine.execution.orders.ledger import Ledger
from engine.model.instrument import Instrument
from engine.model.words import BUY, SELL, BookState
from engine.risk.gate import Account, Proposed, RiskGate
from engine.risk.history import Bar
from engine.risk.history.returns import DAY_NS, Returns, returns_by_day
from engine.risk.limits import RiskLimits
from engine.risk.market import Top
from engine.venues.binance.margin import CrossMargin
from engine.venues.margin import Bracket

NOW_NS = 1_700_000_000_000_000_000
MS, MICRO = 1_000_000, 10**6
HOUR_NS = 3_600 * 10**9
STRATEGIES = (3, 4)
INSTRUMENTS = {
    1: Instrument(1, "binance", "BTCUSDT", "BTC", "USDT", 2, 5, 1, 1, 1, 0, 0),
    2: Instrument(2, "binance", "ETHBTC", "ETH", "BTC", 5, 4, 1, 1, 1, 0, 0),
    3: Instrument(3, "binance", "SOLUSDC", "SOL", "USDC", 3, 2, 1, 1, 1, 0, 0),
    4: Instrument(4, "binance", "DOGEUSDT", "DOGE", "USDT", 5, 0, 1, 1, 1, 0, 0),
}
MIDDLES = {1: 6_000_000, 2: 5_000, 3: 150_000, 4: 20_000}
SIZES = {1: 1_000, 2: 200, 3: 50, 4: 300}
TODAY = NOW_NS // (86_400 * 10**9)
WINDOW = 20  # days of the value at risk
BRACKETS = tuple(
    Bracket(*map(Decimal, row), leverage)
    for *row, leverage in (
        ("0", "300", "0.004", "0", 50), ("300", "5000", "0.025", "6.3", 10), ("5000", "900000", "0.1", "381.3", 2)
    )
)  # fmt: skip
SECTORS = {"majors": (1, 2), "all": (1, 2, 3, 4), "dogs": (4,)}


class Sent(NamedTuple):
    """An order that was sent."""

    strategy: int
    instrument: int
    side: int
    price: int
    size: int
    intent_ns: int
    child: int = 0
    amend_to: int = 0
    waiting: bool = False
    is_second: bool = False

    @property
    def exposure(self) -> int:
        """All of it is open."""
        return self.size


class Traded(NamedTuple):
    """A print."""

    instrument: int
    size: int
    second: int


class Filled(NamedTuple):
    """A fill."""

    strategy: int
    instrument: int
    side: int
    price: int
    size: int
    fee: int  # in the quote asset, at eight decimals


class Closes:
    """A history of daily closes, with an earlier bar of each day that the day's close replaces."""

    def __init__(self, closes: dict[int, dict[int, int]]) -> None:
        """By instrument and day."""
        self._closes = closes

    def bars(self, instrument: int, first_ns: int, end_ns: int) -> list[Bar]:
        """The protocol."""
        days = [(day * DAY_NS, close) for day, close in sorted(self._closes[instrument].items())]
        return [
            Bar(start_ns + hour * HOUR_NS, Decimal(price).scaleb(-2)) for start_ns, close in days
            for hour, price in ((1, close + 7), (23, close)) if first_ns <= start_ns < end_ns
        ]  # fmt: skip


@dataclass
class History:
    """One account: what the product holds of it, and the lists from which the model computes."""

    random: random.Random
    limits: RiskLimits
    ledger: Ledger = field(init=False)
    tops: dict[int, Top] = field(init=False)
    fills: list[Filled] = field(default_factory=list)
    open: list[Sent] = field(default_factory=list)  # the oldest first
    done: list[Sent] = field(default_factory=list)
    prints: list[Traded] = field(default_factory=list)  # the oldest first
    closes: dict[int, dict[int, int]] = field(init=False)  # by instrument and day
    brackets: dict[int, tuple[Bracket, ...]] = field(init=False)  # of derivatives
    account: Account = field(init=False)

    def __post_init__(self) -> None:
        """Apply a random history to the product's own ledger, books and gate."""
        draw = self.random
        self.ledger = Ledger(tuple(INSTRUMENTS.values()), STRATEGIES)
        self.tops = {number: self._top(number) for number in INSTRUMENTS}
        for _ in range(draw.choice((0, 1, 2, 5))):
            self._fill()
        for _ in range(draw.choice((0, 1, 2, 4))):
            self._send()
        permits = dict.fromkeys(STRATEGIES, tuple(INSTRUMENTS))
        gate = RiskGate(self.limits, INSTRUMENTS, self.tops, self.ledger.account, self.ledger.owned, permits, (), None,
                        self, self._returns(), self._terms())  # fmt: skip
        self.account = gate.account
        self._print(gate)

    def open_orders(self) -> list[Sent]:
        """The sight of the gate."""
        return self.open

    def newest_orders(self) -> list[Sent]:
        """The sight of the gate."""
        return sorted((*self.open, *self.done), key=lambda one: -one.intent_ns)

    def _terms(self) -> dict[int, CrossMargin]:
        """Of half of the accounts all instruments with a dollar quote are derivatives."""
        self.brackets = dict.fromkeys((1, 3, 4), BRACKETS) if self.random.random() < 0.5 else {}
        return {number: CrossMargin(found) for number, found in self.brackets.items()}

    def order(self) -> Proposed:
        """An order at random, often like one that was sent, sometimes in place of one."""
        draw = self.random
        like = draw.choice((*self.open, *self.done, None))
        now_ns = NOW_NS + draw.choice((0, 0, 1, 700, 2000)) * MS
        if like is not None and draw.random() < 0.5:
            shift_ns = draw.choice((0, 1, 499, 500, 501)) * MS
            return Proposed(now_ns, like.strategy, like.instrument, like.side, like.price, like.size,
                            like.intent_ns + shift_ns, 0, 0, draw.random() < 0.1)  # fmt: skip
        number, side = draw.choice(tuple(INSTRUMENTS)), draw.choice((BUY, SELL))
        mine = [one for one in self.open if (one.instrument, one.side) == (number, side)]
        relief = draw.choice(mine).size if mine and draw.random() < 0.3 else 0
        strategy = draw.choice(STRATEGIES)
        return Proposed(now_ns, strategy, number, side, self._price(number), self._size(number), NOW_NS, 0, relief,
                        draw.random() < 0.1)  # fmt: skip

    def price(self, number: int, now_ns: int) -> Fraction | None:
        """The middle of a good and fresh book, in the quote asset."""
        top = self.tops[number]
        if top.state != BookState.GOOD or now_ns - top.receive_ns > self.limits.max_book_age_ns:
            return None
        return Fraction(top.bid + top.ask, 2 * 10 ** INSTRUMENTS[number].price_decimals)

    def usd(self, number: int, now_ns: int) -> Fraction | None:
        """Dollars for one of the quote asset."""
        return self.price(1, now_ns) if INSTRUMENTS[number].quote == "BTC" else Fraction(1)

    def held(self, number: int, strategy: int = 0) -> Fraction:
        """The position from the fills."""
        sizes = (one.side * one.size for one in self.fills if one.instrument == number and self._is_of(one, strategy))
        return Fraction(sum(sizes), 10 ** INSTRUMENTS[number].size_decimals)

    def pending(self, number: int, side: int) -> Fraction:
        """The size that open orders on a side may still add."""
        sizes = (one.size for one in self.open if (one.instrument, one.side) == (number, side))
        return Fraction(sum(sizes), 10 ** INSTRUMENTS[number].size_decimals)

    def net(self, number: int, now_ns: int, strategy: int = 0) -> int | None:
        """Cash and inventory less fees, in millionths of a dollar, rounded down."""
        one, held = INSTRUMENTS[number], self.held(number, strategy)
        unit = 10 ** (one.price_decimals + one.size_decimals)
        cash = sum(
            (-Fraction(fill.side * fill.price * fill.size, unit) - Fraction(fill.fee, 10**8)
             for fill in self.fills if fill.instrument == number and self._is_of(fill, strategy)),
            Fraction(0),
        )  # fmt: skip
        price, usd = self.price(number, now_ns) if held else Fraction(0), self.usd(number, now_ns)
        if price is None:
            return None
        if cash + held * price == 0:
            return 0
        return None if usd is None else (cash + held * price) * usd * MICRO // 1

    def equity(self, now_ns: int) -> int | None:
        """The capital and every net."""
        nets = [self.net(number, now_ns) for number in INSTRUMENTS]
        known = [one for one in nets if one is not None]
        capital = int((self.limits.capital_usd or 0) * MICRO)
        return capital + sum(known) if len(known) == len(nets) else None

    @staticmethod
    def _is_of(fill: Filled, strategy: int) -> bool:
        return strategy in (0, fill.strategy)

    def _top(self, number: int) -> Top:
        draw, middle, top = self.random, MIDDLES[number], Top()
        half = draw.choice((1, 2, 10))
        top.update(
            BookState.GOOD, middle - half, middle + half + draw.choice((0, 1)), NOW_NS - draw.choice((0, 1500)) * MS
        )
        if draw.random() < 0.06:
            top.update(draw.choice(tuple(BookState)), middle - half, middle + draw.choice((half, -half)), NOW_NS)
        return top

    def _returns(self) -> Returns:
        """What the product holds of a random walk of closes, with a day missing here and there."""
        draw, absent = self.random, self.random.choice((0.0, 0.0, 0.01, 0.05))
        days = range(TODAY - WINDOW - 1 - draw.choice((0, 3)), TODAY - draw.choice((0, 0, 0, 1, 8)))
        self.closes = {
            number: {day: draw.randrange(9_000, 11_000) for day in days if draw.random() >= absent}
            for number in INSTRUMENTS
        }
        made = Returns()
        made.replace({number: returns_by_day(Closes(self.closes), number) for number in INSTRUMENTS})
        return made

    def _print(self, gate: RiskGate) -> None:
        """Prints of the last five minutes, some in the present second."""
        draw, seconds = self.random, NOW_NS // 10**9
        for number in INSTRUMENTS:
            found = sorted(
                seconds - draw.choice((0, 1, 118, 119, 120, 121, 300)) for _ in range(draw.choice((0, 1, 9)))
            )
            for second in found:
                one = Traded(number, SIZES[number] * draw.choice((1, 30)), second)
                self.prints.append(one)
                gate.volume.add(number, one.size, second * 10**9 + draw.randrange(10**9))

    def _price(self, number: int) -> int:
        return int(MIDDLES[number] * self.random.choice((0.99, 1, 1, 1.01)))

    def _size(self, number: int) -> int:
        return SIZES[number] * self.random.choice((1, 2, 7)) + self.random.choice((0, 0, 1))

    def _fill(self) -> None:
        draw = self.random
        number = draw.choice(tuple(INSTRUMENTS))
        one = Filled(draw.choice(STRATEGIES), number, draw.choice((BUY, SELL)), self._price(number),
                     self._size(number), draw.choice((0, 12345)))  # fmt: skip
        self.fills.append(one)
        for cell in self.ledger.cells(one.strategy, number):
            quote = INSTRUMENTS[number].quote.encode()
            self.ledger.positions[cell].apply(one.side, one.price, one.size, one.fee, quote, None, NOW_NS)

    def _send(self) -> None:
        draw, number = self.random, self.random.choice(tuple(INSTRUMENTS))
        one = Sent(draw.choice(STRATEGIES), number, draw.choice((BUY, SELL)), self._price(number), self._size(number),
                   draw.choice((0, NOW_NS - draw.randrange(3000) * MS)), draw.choice((0, 0, 0, 1)))  # fmt: skip
        one = one._replace(waiting=not one.size % 7, is_second=not one.size % 5)
        if draw.random() < 0.7:
            self.open.append(one)
            self.ledger.expose(one.strategy, number, one.side, one.size)
        else:
            self.done.append(one)


def history(draw: random.Random, **limits: Any) -> History:
    """A random account of 100,000 dollars at most."""
    capital = Decimal(draw.choice((10, 500, 5_000, 100_000)))
    more = {"usd_instruments": {"BTC": 1}, "var_window_days": WINDOW, **limits}
    leverage = draw.choice((1, 5, 20))
    return History(draw, RiskLimits(capital_usd=capital, sectors=SECTORS, margin_leverage=leverage, **more))

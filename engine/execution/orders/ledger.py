"""Positions and profit, exact: holdings as `HoldingTerms` count them, money at price + holding decimals.

Cost is the price paid for the present holdings (negative for a short). A reducing fill removes its share of the cost,
rounded once. Realised less cost is always cash, so realised + unrealised = cash + inventory holds to the last digit,
through flips too. Fees in the quote asset are added up. Fees in the base asset reduce the holdings: they are booked as
a sale at the fill's price whose proceeds are the fee (a rebate as a purchase). Fees in a third asset are added up at
the value in quote in their FILL record; without a value they are kept by asset.

    net = realised + unrealised - fees       unknown while something held has no price; without fees that have no value

`positions` begins a UTC day with the net at its first valuation, and records it: the net of the day survives a restart.
"""

from engine.lanes import lane_of
from engine.model.fixed import clamped
from engine.model.holdings import HoldingTerms
from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS, FILL, POSITION
from engine.model.rows import FillRow, PositionRow
from engine.model.words import BUY, SELL, FillFlag, PositionFlag

CELLS = lane_of("positions").count
LOW_BITS = (1 << 64) - 1
UNKNOWN = float("nan")


class Position:
    """One instrument, of one strategy or (strategy 0) of the whole account."""

    __slots__ = (
        "bought", "cash", "cost", "day_net2", "day_ns", "dust", "fees", "fees_other", "fill_count", "held",
        "instrument", "losses", "open_buy", "open_sell", "realised", "size", "sold", "strategy", "terms", "trip_result",
        "update_ns",
    )  # fmt: skip

    def __init__(self, strategy: int, instrument: Instrument) -> None:
        """Begin flat."""
        self.strategy = strategy
        self.instrument = instrument
        self.terms = HoldingTerms.of(instrument)
        self.held = 0  # exact, signed
        self.size = 0  # the part of it that can be sold
        self.dust = 0  # the rest of it
        self.cost = 0
        self.realised = 0  # before fees
        self.cash = 0  # of the trades alone, before fees
        self.fees = 0  # in quote
        self.fees_other: dict[bytes, int] = {}  # those without a value in quote, by asset, at FEE_DECIMALS
        self.fill_count = 0
        self.bought = 0
        self.sold = 0
        self.open_buy = 0
        self.open_sell = 0
        self.day_ns = 0  # the beginning of the UTC day to which `day_net2` belongs
        self.day_net2 = 0  # twice the net at that day's first valuation
        self.losses = 0  # round trips that lost in a row
        self.trip_result = 0  # realised less fees at the end of the last round trip
        self.update_ns = 0

    @property
    def money_decimals(self) -> int:
        """The decimals of every sum of money here."""
        return self.instrument.price_decimals + self.terms.decimals

    def apply(
        self, side: int, price: int, size: int, fee: int, fee_asset: bytes, fee_value: int | None, now_ns: int
    ) -> None:
        """Apply one fill; `fee_value`: the value in quote of a fee in a third asset, None without a price."""
        before = self.size
        self._trade(side, price, size * self.terms.size_unit)
        self.fill_count += 1
        self.update_ns = now_ns
        if side == BUY:
            self.bought += size
        else:
            self.sold += size
        if fee:
            self._charge(price, fee, fee_asset.rstrip(b"\0"), fee_value)
        self.size, self.dust = self.terms.split(self.held)
        if before and before * self.size <= 0:
            self._end_trip()

    @property
    def closable(self) -> int:
        """What an order can close, signed: without what open and in-flight orders already close."""
        rest = self.size - self.open_sell if self.size > 0 else self.size + self.open_buy
        return rest if rest * self.size > 0 else 0

    @property
    def average(self) -> int:
        """The average cost of a held unit, rounded to the price's decimals; 0 when flat."""
        return (2 * self.cost + self.held) // (2 * self.held) if self.held else 0

    def unrealised2(self, mark2: int) -> int | None:
        """Twice the profit of closing at `mark2` (twice a price; 0: no price); None without a price."""
        if not self.held:
            return 0
        return self.held * mark2 - 2 * self.cost if mark2 else None

    def net2(self, mark2: int) -> int | None:
        """Twice the net since the beginning; None while the holdings have no price."""
        unrealised2 = self.unrealised2(mark2)
        return None if unrealised2 is None else 2 * (self.realised - self.fees) + unrealised2

    def begin_day(self, day_ns: int, mark2: int) -> None:
        """Count the day's net from here, unless the holdings have no price."""
        net2 = self.net2(mark2)
        if net2 is not None:
            self.day_ns, self.day_net2 = day_ns, net2

    def row(self, fill_sequence: int, mark2: int, usd_rate: float, day_ns: int, account: int) -> PositionRow:
        """Its POSITION record; a sum beyond 64 bits is clamped to the nearest that fits.

        `account`: the account's number; `fill_sequence`: the FILLS cursor that it includes; `usd_rate`: dollars for
        one of the quote; `day_ns`: today.
        """
        one, scale = self.instrument, 10**self.money_decimals
        unrealised2, net2 = self.unrealised2(mark2), self.net2(mark2)
        net_day2 = None if net2 is None or self.day_ns != day_ns else net2 - self.day_net2
        asset, amount = next(iter(self.fees_other.items()), (b"", 0))
        flags = PositionFlag.FEES_UNVALUED if self.fees_other else 0
        cost, realised, fees = _split(self.cost), _split(self.realised), _split(self.fees)
        return POSITION.row(
            instrument=one.id, strategy=self.strategy, size=self.size, dust=self.dust, average_price=self.average,
            mark_price=mark2 // 2, cost_high=cost[0], cost_low=cost[1], realised_high=realised[0],
            realised_low=realised[1], fees_high=fees[0], fees_low=fees[1], unrealised=_money(unrealised2, scale),
            realised=self.realised / scale, fees=self.fees / scale, net=_money(net2, scale),
            net_day=_money(net_day2, scale), usd_rate=usd_rate, update_ns=self.update_ns, day_ns=day_ns,
            fill_count=self.fill_count, bought=clamped(self.bought), sold=clamped(self.sold),
            open_buy=clamped(self.open_buy), open_sell=clamped(self.open_sell), fee_unvalued=clamped(amount),
            fee_unvalued_asset=asset, fill_sequence=fill_sequence,
            price_decimals=one.price_decimals, size_decimals=one.size_decimals, holding_decimals=self.terms.decimals,
            unvalued_assets=len(self.fees_other), account=account,
            flags=flags if net2 is not None else flags | PositionFlag.MARK_MISSING,
        )  # fmt: skip

    def opening(self, now_ns: int, account: int) -> FillRow:
        """A FILL record of the holdings at this account, for readers of a ring that begins here."""
        one, side = self.instrument, SELL if self.size < 0 else BUY
        return FILL.row(
            client_id=bytes(16), intent_id=0, venue_fill_id=b"", venue_order_id=b"", venue_ns=0, receive_ns=now_ns,
            price=self.average, size=abs(self.size), fee=0, fee_value=0, dust=self.dust, fee_asset=b"",
            strategy=self.strategy, instrument=one.id, side=side, maker=0, flags=FillFlag.OPENING,
            account=account,
        )  # fmt: skip

    def _trade(self, side: int, price: int, amount: int) -> None:
        """Change the holdings, the cost, the cash and the realised profit."""
        signed = side * amount
        self.cash -= price * signed
        closing = min(amount, max(0, -self.held * side))
        if closing:
            share = (2 * self.cost * closing + abs(self.held)) // (2 * abs(self.held))
            self.realised += -side * closing * price - share
            self.cost -= share
            self.held += side * closing
        self.held += side * (amount - closing)
        self.cost += price * side * (amount - closing)

    def _end_trip(self) -> None:
        """Count the round trip that this fill ended, by closing the position or reversing it."""
        result = self.realised - self.fees
        self.losses = self.losses + 1 if result < self.trip_result else 0
        self.trip_result = result

    def _charge(self, price: int, fee: int, asset: bytes, value: int | None) -> None:
        """Book a fee by the asset in which it was charged."""
        if asset == self.instrument.quote.encode():
            self.fees += fee * self._quote_unit
        elif base_fee := self.terms.base_fee(fee, asset):
            self._trade(SELL if base_fee > 0 else BUY, price, abs(base_fee))
            self.fees += price * base_fee
        elif value is not None:
            self.fees += value * self._quote_unit
        else:
            self.fees_other[asset] = self.fees_other.get(asset, 0) + fee

    @property
    def _quote_unit(self) -> int:
        """One unit of a fee in quote, as money here: exact, because money has the finer decimals."""
        return int(10 ** (self.money_decimals - FEE_DECIMALS))


def _money(number2: int | None, scale: int) -> float:
    """A doubled sum as a float, for display; nan if it is unknown."""
    return UNKNOWN if number2 is None else number2 / (2 * scale)


def _split(number: int) -> tuple[int, int]:
    """A 128-bit number as its signed high and unsigned low half."""
    return number >> 64, number & LOW_BITS


class Ledger:
    """All positions: of the account and of each strategy, one cell each, in a fixed order.

    After them come those of strategies that traded once and are not configured any more: they still hold their
    positions, and the rows of all strategies add up to the account's.
    """

    def __init__(self, instruments: tuple[Instrument, ...], strategies: tuple[int, ...]) -> None:
        """Lay out a position for every strategy and instrument, the account's first."""
        self.positions = [Position(who, one) for who in (0, *strategies) for one in instruments]
        self.configured = len(self.positions)
        if self.configured > CELLS:
            msg = f"POSITIONS holds {CELLS} cells, was {1 + len(strategies)} owners of {len(instruments)} instruments"
            raise ValueError(msg)
        self.owned = {(one.strategy, one.instrument.id): one for one in self.positions if one.strategy}
        self.account = {position.instrument.id: position for position in self.positions if not position.strategy}
        self._cells = {(one.strategy, one.instrument.id): index for index, one in enumerate(self.positions)}

    def cells(self, strategy: int, instrument: int) -> tuple[int, ...]:
        """The cells that an order of this strategy touches."""
        own = self._cells.get((strategy, instrument))
        account = self._cells[0, instrument]
        if own is None:
            own = self._former(strategy, instrument, account)
        return (account,) if own == account else (account, own)

    def begin_day(self, instrument: int, day_ns: int, mark2: int) -> None:
        """Count the day's net of an instrument from here, at this price."""
        for position in self.positions:
            if position.instrument.id == instrument:
                position.begin_day(day_ns, mark2)

    def holds(self, instrument: int) -> bool:
        """Whether any strategy or the account holds some of it, dust included."""
        return any(one.held for one in self.positions if one.instrument.id == instrument)

    def _former(self, strategy: int, instrument: int, account: int) -> int:
        """A cell for a strategy that is not configured any more; the account's cell if there is no room for another."""
        if len(self.positions) >= CELLS:
            return account
        made = Position(strategy, self.account[instrument].instrument)
        made.day_ns = self.account[instrument].day_ns
        self.positions.append(made)
        self.owned[strategy, instrument] = made
        return self._cells.setdefault((strategy, instrument), len(self.positions) - 1)

    def expose(self, strategy: int, instrument: int, side: int, change: int) -> None:
        """Change the size that open and in-flight orders may still add."""
        for cell in self.cells(strategy, instrument):
            position = self.positions[cell]
            if side == BUY:
                position.open_buy += change
            else:
                position.open_sell += change

"""Positions and profit, exact: every sum is a Python integer at price + size decimals.

Cost is what was paid for what is held (negative for a short). A fill that reduces takes its share of the cost along,
rounded once; whatever the rounding, realised less cost is cash, so realised + unrealised = cash + inventory holds to
the last digit, through flips too. Fees: in the quote asset they are added up; in the base asset they take holdings
away, booked as a sale at the fill's price whose proceeds are the fee; in a third asset they are kept by asset and not
valued.
"""

from engine.lanes import BY_NAME
from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS
from engine.model.words import BUY, SELL, FillFlag

CELLS = BY_NAME["positions"].count
LOW_BITS = (1 << 64) - 1
FEES_UNVALUED = 1  # flag of a position: fees were paid in an asset that is neither base nor quote


class Position:
    """One instrument, of one strategy or (strategy 0) of the whole account."""

    __slots__ = (
        "base_fee_rest", "bought", "cash", "cost", "fees", "fees_other", "fill_count", "instrument", "mark2",
        "open_buy", "open_sell", "realised", "size", "sold", "strategy", "update_ns",
    )  # fmt: skip

    def __init__(self, strategy: int, instrument: Instrument) -> None:
        """Begin flat."""
        self.strategy = strategy
        self.instrument = instrument
        self.size = 0
        self.cost = 0
        self.realised = 0  # before fees
        self.cash = 0  # of the trades alone, before fees
        self.fees = 0  # in quote, at price + size decimals
        self.fees_other: dict[bytes, int] = {}
        self.base_fee_rest = 0  # base fees too small for the size's decimals, at FEE_DECIMALS
        self.fill_count = 0
        self.bought = 0
        self.sold = 0
        self.open_buy = 0
        self.open_sell = 0
        self.mark2 = 0  # twice the middle of the book
        self.update_ns = 0

    def apply(self, side: int, price: int, size: int, fee: int, fee_asset: bytes, now_ns: int) -> None:
        """Take one fill in."""
        self._trade(side, price, size)
        self.fill_count += 1
        self.update_ns = now_ns
        if side == BUY:
            self.bought += size
        else:
            self.sold += size
        if fee:
            self._charge(price, fee, fee_asset.rstrip(b"\0").decode())

    @property
    def average(self) -> int:
        """What a unit held has cost, rounded to the price's decimals; 0 when flat."""
        return (2 * self.cost + self.size) // (2 * self.size) if self.size else 0

    def unrealised2(self) -> int:
        """Twice what closing at the middle would bring beyond the cost."""
        return self.size * self.mark2 - 2 * self.cost

    def row(self, fill_sequence: int) -> tuple[int | float, ...]:
        """The values of its record, in order, arrays flat; `fill_sequence`: the FILLS cursor it stands at."""
        one = self.instrument
        scale = 10 ** (one.price_decimals + one.size_decimals)
        return (
            one.id, self.strategy, self.size, self.average, self.mark2 // 2, *_split(self.cost), *_split(self.realised),
            *_split(self.fees), self.unrealised2() / (2 * scale) if self.mark2 else 0.0, self.realised / scale,
            self.fees / scale, self.update_ns, self.fill_count, self.bought, self.sold, self.open_buy, self.open_sell,
            one.price_decimals, one.size_decimals, FEES_UNVALUED if self.fees_other else 0, 0,
            fill_sequence, 0, 0, 0,
        )  # fmt: skip

    def opening(self, now_ns: int) -> tuple[int | bytes, ...]:
        """The values of a FILL record that says what is held, for readers whose ring begins here."""
        one, side = self.instrument, SELL if self.size < 0 else BUY
        return (
            bytes(16), 0, 0, 0, 0, now_ns, self.average, abs(self.size), 0, b"", self.strategy, one.id, side, 0,
            int(FillFlag.OPENING), 0, 0, 0, 0,
        )  # fmt: skip

    def _trade(self, side: int, price: int, size: int) -> None:
        """Move holdings, cost, cash and what was realised."""
        signed = side * size
        self.cash -= price * signed
        closing = min(size, abs(self.size)) if self.size * side < 0 else 0
        if closing:
            share = (2 * self.cost * closing + abs(self.size)) // (2 * abs(self.size))
            self.realised += -side * closing * price - share
            self.cost -= share
            self.size += side * closing
        self.size += side * (size - closing)
        self.cost += price * side * (size - closing)

    def _charge(self, price: int, fee: int, asset: str) -> None:
        """Book a fee in whatever asset it was taken."""
        one = self.instrument
        if asset == one.quote:
            decimals = one.price_decimals + one.size_decimals
            self.fees += _rescale(fee, FEE_DECIMALS, decimals)
        elif asset == one.base:
            self._charge_base(price, fee)
        else:
            key = asset.encode()
            self.fees_other[key] = self.fees_other.get(key, 0) + fee

    def _charge_base(self, price: int, fee: int) -> None:
        """Take a base fee from the holdings; what the size's decimals cannot say is carried to the next."""
        decimals = self.instrument.size_decimals
        if decimals >= FEE_DECIMALS:
            taken = int(fee * 10 ** (decimals - FEE_DECIMALS))
        else:
            taken, self.base_fee_rest = divmod(self.base_fee_rest + fee, 10 ** (FEE_DECIMALS - decimals))
        if taken:
            self._trade(-BUY, price, taken)
            self.fees += price * taken


def _rescale(number: int, decimals: int, to: int) -> int:
    """A number at other decimals, rounded half up where digits are lost."""
    if to >= decimals:
        return int(number * 10 ** (to - decimals))
    unit = 10 ** (decimals - to)
    return int((2 * number + unit) // (2 * unit))


def _split(number: int) -> tuple[int, int]:
    """A 128-bit number as its signed high and unsigned low half."""
    return number >> 64, number & LOW_BITS


class Ledger:
    """All positions: of the account and of each strategy, one cell each, in a fixed order.

    Behind them stand those of strategies that traded once and are not configured any more: what they hold is held
    still, and the rows of the strategies add up to the account's.
    """

    def __init__(self, instruments: tuple[Instrument, ...], strategies: tuple[int, ...]) -> None:
        """Lay out a position for every strategy and instrument, the account's first."""
        self.positions = [Position(who, one) for who in (0, *strategies) for one in instruments]
        self.configured = len(self.positions)
        if self.configured > CELLS:
            msg = f"POSITIONS holds {CELLS} cells, was {1 + len(strategies)} owners of {len(instruments)} instruments"
            raise ValueError(msg)
        self.account = {position.instrument.id: position for position in self.positions if not position.strategy}
        self._cells = {(one.strategy, one.instrument.id): index for index, one in enumerate(self.positions)}

    def cells(self, strategy: int, instrument: int) -> tuple[int, ...]:
        """The cells that an order of this strategy touches."""
        own = self._cells.get((strategy, instrument))
        account = self._cells[0, instrument]
        if own is None:
            own = self._former(strategy, instrument, account)
        return (account,) if own == account else (account, own)

    def _former(self, strategy: int, instrument: int, account: int) -> int:
        """A cell for a strategy that is not configured any more; the account's where there is no room for it."""
        if len(self.positions) >= CELLS:
            return account
        self.positions.append(Position(strategy, self.account[instrument].instrument))
        return self._cells.setdefault((strategy, instrument), len(self.positions) - 1)

    def expose(self, strategy: int, instrument: int, side: int, change: int) -> None:
        """Open and in-flight orders may add this much more."""
        for cell in self.cells(strategy, instrument):
            position = self.positions[cell]
            if side == BUY:
                position.open_buy += change
            else:
                position.open_sell += change

"""The fees that were charged, in the quote currency, and the rates that they show."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from engine.model.instrument import Instrument
from engine.model.words import FillFlag
from research.parity.simulated import money
from research.parity.simulated.models import FeeRates
from research.parity.simulated.orders import Trade

RATE_STEP = Decimal("0.000001")


def in_quote(one: Instrument, row: Any) -> Trade:
    """A recorded fill, with its fee in the quote currency."""
    asset = row.fee_asset.rstrip(b"\0").decode()
    if asset in ("", one.quote):
        fee = row.fee * money.FEE_UNIT
    elif asset == one.base:
        fee = money.fee_in_quote(one, row.fee, row.price)
    else:
        fee = row.fee_value * money.FEE_UNIT if row.flags & FillFlag.FEE_VALUED else 0
    return Trade(row.venue_ns, row.price, row.size, bool(row.maker), fee)


def is_unvalued(one: Instrument, row: Any) -> bool:
    """Whether a fee was charged in a third currency whose price execution did not know."""
    known = {b"", one.quote.encode(), one.base.encode()}
    return bool(row.fee) and row.fee_asset.rstrip(b"\0") not in known and not row.flags & FillFlag.FEE_VALUED


def measured_fees(trades: Iterable[tuple[Instrument, int, Any]]) -> FeeRates:
    """The rates that fills were charged; that of a kind without a fill is that of the other one."""
    paid, traded = [0, 0], [0, 0]
    for one, _, row in trades:
        trade = in_quote(one, row)
        paid[trade.maker] += trade.fee
        traded[trade.maker] += (
            trade.price * trade.size * 10 ** (money.DECIMALS - one.price_decimals - one.size_decimals)
        )
    known = [(Decimal(fee) / total).quantize(RATE_STEP) for fee, total in zip(paid, traded, strict=True) if total]
    taker, maker = known * 2 if len(known) == 1 else known or [Decimal(0)] * 2
    return FeeRates(maker, taker)

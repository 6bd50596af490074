"""The exact holdings of an instrument, and how much of them can be sold.

A venue charges its fee with more decimals than an order's size may have: 0.001 BTC bought at a fee of 0.1 % leaves
0.000999 BTC, and 0.00099 BTC can be sold where the size step is 0.00001. So holdings are counted at the finer of the
two (`decimals`), and split where they are read:

    held = size x size_unit + dust       size: whole size steps, rounded toward zero, 0 when under the least order
                                         dust: the rest, which no order can sell

Both ledgers, a strategy's and execution's, count by these terms.
"""

from dataclasses import dataclass

from engine.model.fixed import INT64_MAX
from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS


@dataclass(frozen=True, slots=True)
class HoldingTerms:
    """How the holdings of one instrument are counted."""

    decimals: int
    size_unit: int  # holdings in one unit of a size
    fee_unit: int  # holdings in one unit of a fee
    step: int  # holdings in one size step
    least: int  # holdings in the least order
    base: bytes  # the asset that is held

    @classmethod
    def of(cls, one: Instrument) -> "HoldingTerms":
        """Derive them from the instrument; refuse one whose dust does not fit its record's 64 bits."""
        decimals = max(FEE_DECIMALS, one.size_decimals)
        size_unit = 10 ** (decimals - one.size_decimals)
        step, least = one.size_step * size_unit, one.size_min * size_unit
        if max(step, least) > INT64_MAX:
            msg = (
                f"{one.venue} {one.symbol}: size step {one.size_step} and least size {one.size_min} must fit 64 bits at"
                f" {decimals} decimals, where fees are counted"
            )
            raise ValueError(msg)
        return cls(decimals, size_unit, 10 ** (decimals - FEE_DECIMALS), step, least, one.base.encode())

    def base_fee(self, fee: int, asset: bytes) -> int:
        """The holdings that a fee costs: 0 unless the fee was charged in the base asset."""
        return fee * self.fee_unit if asset.rstrip(b"\0") == self.base else 0

    def join(self, size: int, dust: int) -> int:
        """The holdings that `split` gave as a size and its dust."""
        return size * self.size_unit + dust

    def split(self, held: int) -> tuple[int, int]:
        """The size that an order can close, and the dust beyond it; both have the sign of `held`."""
        most = abs(held)
        whole = most - most % self.step
        if whole < self.least:
            whole = 0
        size, dust = whole // self.size_unit, most - whole
        return (size, dust) if held >= 0 else (-size, -dust)

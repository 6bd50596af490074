"""A cap on an order's size as a share of what the market traded in its instrument in the last minutes."""

from decimal import Decimal
from fractions import Fraction

import msgspec

from engine.model.words import Reason
from engine.risk.cap_table import CapTable
from engine.risk.caps.equity import share_of
from engine.risk.caps.registry import cap
from engine.risk.gate import Account, Proposed, Refusal
from engine.risk.volume import MINUTES_MOST


class Share(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The value of `max_volume_share`."""

    share: Decimal  # 0.05 is 5 %
    minutes: int

    def __post_init__(self) -> None:
        """Refuse a share or a time that bounds nothing."""
        share_of(self.share)
        if not 1 <= self.minutes <= MINUTES_MOST:
            raise ValueError(f"minutes must be 1 to {MINUTES_MOST}, was {self.minutes}")


@cap("max_volume_share", Share)
class VolumeShare:
    """The order is at most this share of the volume of the last minutes; without volume no entry passes."""

    exits = False
    reads_prints = True

    def __init__(self, most: Share) -> None:
        """Keep the share as an exact number."""
        self._most, self._minutes = Fraction(most.share), most.minutes

    def precompute(self, table: CapTable) -> None:
        """Have the compiled approval ask for the largest size once a second."""
        table.bound_size(self.most)

    def most(self, account: Account, instrument_id: int, now_ns: int) -> int:
        """The largest size of an order."""
        volume = account.volume.of(instrument_id, self._minutes, now_ns)
        return volume * self._most.numerator // self._most.denominator

    def check(self, order: Proposed, account: Account) -> Refusal | None:
        """Refuse an order that is too large for its market."""
        most = self.most(account, order.instrument_id, order.now_ns)
        return Refusal(Reason.VOLUME_SHARE, order.size, most) if order.size > most else None

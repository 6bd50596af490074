"""The ramp that rises by itself: the share of every cap in dollars that is in force grows step by step.

    share in force = the larger of `ramp` and the last step that was reached

A step is reached `days` whole days, or `fills` fills of the account, after the one before, if no breaker is tripped in
that time. While one is tripped nothing counts, and after the resume the step begins anew. A share never falls, unless
the steps are others than those that were climbed: then the climb begins anew, at `ramp`.
"""

import hashlib
from decimal import Decimal

import msgspec

DAY_NS = 86_400_000_000_000
COUNT_MOST = 1_000_000


class Rise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The value of `ramp_rise`."""

    to: tuple[Decimal, ...]  # the shares, each larger than the one before
    days: int = 0
    fills: int = 0

    def __post_init__(self) -> None:
        """Refuse steps that lower the share, and a rise without its condition."""
        if not all(one.is_finite() for one in self.to):
            raise ValueError(f"ramp_rise.to must be numbers, was {[str(one) for one in self.to]}")
        if not self.to or not all(low < high for low, high in zip((Decimal(0), *self.to), self.to, strict=False)):
            raise ValueError(f"ramp_rise.to must rise from a share over 0, was {[str(one) for one in self.to]}")
        if self.to[-1] > 1:
            raise ValueError(f"ramp_rise.to must end at 1 or less, was {self.to[-1]}")
        if not 1 <= max(self.days, self.fills) <= COUNT_MOST or min(self.days, self.fills):
            raise ValueError(f"ramp_rise must have days or fills, one of them from 1 to {COUNT_MOST}")

    @property
    def mark(self) -> str:
        """What distinguishes these steps from others."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]


class Climb(msgspec.Struct, frozen=True):
    """How far the ramp has risen."""

    step: int = 0  # how many steps were reached
    since_ns: int = 0  # from when the next one counts; 0: it does not yet
    fills: int = 0  # of the account at that time
    of: str = ""  # the mark of the steps

    def share(self, rise: Rise) -> Decimal:
        """The share that was reached; 0 before the first step."""
        return rise.to[min(self.step, len(rise.to)) - 1] if self.step else Decimal(0)

    def next(self, rise: Rise, now_ns: int, fills: int, *, tripped: bool) -> "Climb":
        """The state at this time: with so many fills of the account, and with a breaker tripped or none."""
        if tripped:
            return msgspec.structs.replace(self, since_ns=0)
        if not self.since_ns:
            return msgspec.structs.replace(self, since_ns=now_ns, fills=fills)
        late = now_ns - self.since_ns >= rise.days * DAY_NS if rise.days else fills - self.fills >= rise.fills
        return Climb(self.step + 1, now_ns, fills, self.of) if late and self.step < len(rise.to) else self

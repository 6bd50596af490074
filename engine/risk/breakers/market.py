"""A breaker on the market: a fast move of a watched instrument, in either direction."""

from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

import msgspec

from engine.model.words import BreakerPolicy, Reason
from engine.risk.breakers.equity import Nothing
from engine.risk.breakers.registry import Seen, breaker, share_of
from engine.risk.breakers.window import Window
from engine.risk.gate import Refusal
from engine.risk.limits import BPS

SECOND_NS = 1_000_000_000
SECONDS_MOST = 600


class Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The value of `flash_crash`."""

    move_pct: Decimal  # a share: 0.05 is 5 %
    seconds: int
    instruments: tuple[int, ...] = ()  # the watched ones, by their ids; none: all of the account

    def __post_init__(self) -> None:
        """Refuse a move that bounds nothing."""
        share_of(self.move_pct)
        if not 1 <= self.seconds <= SECONDS_MOST:
            raise ValueError(f"seconds must be 1 to {SECONDS_MOST}, was {self.seconds}")


@breaker("flash_crash", Move, BreakerPolicy.CANCEL)
class FlashCrash:
    """The middle of no watched instrument moves by more than a share of its price within some seconds.

    Only good books count. The prices are those at the end of each reading of the books; a new life of execution begins
    without them, and the latch is kept.
    """

    per_strategy = False
    fast = True
    first: ClassVar[Nothing] = Nothing()
    anew: ClassVar[Nothing] = Nothing()

    def __init__(self, move: Move) -> None:
        """Begin without a price."""
        self._most = Fraction(move.move_pct)
        self._most_over, self._most_under = self._most.as_integer_ratio()
        self._length_ns = move.seconds * SECOND_NS
        self.watched = move.instruments
        self._windows: dict[int, Window] = {}

    def judge(self, state: Nothing, seen: Seen) -> tuple[Nothing, Refusal | None]:
        """Compare each middle with the highest and the lowest of the window."""
        now_ns, price2_of = seen.now_ns, seen.account.price2
        for number in self.watched or seen.account.instruments:
            price2 = price2_of(now_ns, number)
            if not price2:
                continue
            window = self._windows.get(number) or self._windows.setdefault(number, Window(self._length_ns))
            high, low = window.add(now_ns, price2)
            if (high - price2) * self._most_under > high * self._most_over:
                return state, self._refusal(price2, high)
            if (price2 - low) * self._most_under > low * self._most_over:
                return state, self._refusal(price2, low)
        return state, None

    def _refusal(self, price2: int, far: int) -> Refusal:
        """The trip by a price so far from another; after a resume it counts from the next price on."""
        self._windows.clear()
        found, most = Fraction(abs(far - price2), far) * BPS, self._most * BPS
        return Refusal(Reason.FLASH_CRASH, -(-found.numerator // found.denominator), int(most))

"""A breaker on the market: a fast move of a watched instrument, in either direction."""

from collections import deque
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

import msgspec

from engine.model.words import BreakerPolicy, Reason
from engine.risk.breakers.equity import Nothing
from engine.risk.breakers.registry import Seen, breaker, share_of
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


class Window:
    """The highest and the lowest of the prices of the last nanoseconds."""

    def __init__(self, length_ns: int) -> None:
        """Begin empty."""
        self._length_ns = length_ns
        self._falling: deque[tuple[int, int]] = deque()  # each higher than all later ones: the first is the highest
        self._rising: deque[tuple[int, int]] = deque()

    def add(self, now_ns: int, price: int) -> tuple[int, int]:
        """Add a price; the highest and the lowest, this one included."""
        for kept, sign in ((self._falling, 1), (self._rising, -1)):
            while kept and (kept[-1][1] - price) * sign <= 0:
                kept.pop()
            kept.append((now_ns, price))
            while kept[0][0] < now_ns - self._length_ns:
                kept.popleft()
        return self._falling[0][1], self._rising[0][1]


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
        self._length_ns = move.seconds * SECOND_NS
        self.watched = move.instruments
        self._windows: dict[int, Window] = {}

    def judge(self, state: Nothing, seen: Seen) -> tuple[Nothing, Refusal | None]:
        """Compare each middle with the highest and the lowest of the window."""
        for number in self.watched or seen.account.instruments:
            price2 = seen.account.price2(seen.now_ns, number)
            if not price2:
                continue
            window = self._windows.setdefault(number, Window(self._length_ns))
            high, low = window.add(seen.now_ns, price2)
            for far in (high, low):
                if abs(far - price2) * self._most.denominator > far * self._most.numerator:
                    self._windows.clear()  # after a resume it counts from the next price on
                    found, most = Fraction(abs(far - price2), far) * BPS, self._most * BPS
                    return state, Refusal(Reason.FLASH_CRASH, -(-found.numerator // found.denominator), int(most))
        return state, None

"""A taker that follows a move: it enters when the move is strong and leaves when it is weak.

    pull  = signed size of others' trades / their whole size, both halved in `half_life_prints`     (-1 .. 1)
    drift = (middle - slow mean of the middle) / slow mean, in basis points

It enters in the direction of the pull when |pull| reaches `entry` and the drift agrees, and leaves when the pull falls
below `exit` or changes its sign. The difference between `entry` and `exit` is a hysteresis, which prevents trades on
every small change. Orders are immediate-or-cancel with a protective price, one at a time. Each turn costs the spread
and the taker's fee, so in a random market, such as the embedded venue's, it loses exactly that. On spot it sells only
what it holds, unless `short` allows the account to borrow.
"""

from typing import Annotated

import msgspec

from engine.model.words import BUY, SELL
from engine.strategy.api.book import Book
from engine.strategy.api.rows import Print
from engine.strategy.api.strategy import Strategy
from engine.strategy.api.units import orderable, price_down, price_up, size_of

Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
PositiveCount = Annotated[int, msgspec.Meta(ge=1)]
Steps = Annotated[int, msgspec.Meta(ge=0)]


class Motion:
    """The running sums of one instrument."""

    __slots__ = ("mean_twice", "signed", "whole")

    def __init__(self) -> None:
        """Begin at 0."""
        self.signed = self.whole = self.mean_twice = 0.0

    @property
    def pull(self) -> float:
        """The weight of buys less the weight of sells, from -1 to 1."""
        return self.signed / self.whole if self.whole else 0.0


class MomentumTaker(Strategy):
    """Trades in the direction of others' trades, one position an instrument."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`size` is decimal text in the base currency."""

        size: str
        entry: Share = 0.65
        exit: Share = 0.45
        half_life_prints: PositiveCount = 20
        drift_bps: Annotated[float, msgspec.Meta(ge=0.0)] = 0.0
        slip_steps: Steps = 5  # how far beyond the best price it may trade
        short: bool = False  # whether a spot account may sell what it does not hold

        def __post_init__(self) -> None:
            """Refuse an `exit` that is not below `entry`: it would leave at once."""
            if self.exit >= self.entry:
                msg = f"exit must be below entry, was {self.exit} with entry {self.entry}"
                raise ValueError(msg)

    parameters: Parameters

    def on_start(self) -> None:
        """Begin the sums at 0."""
        self.keep = 0.5 ** (1 / self.parameters.half_life_prints)
        self.motions = {instrument: Motion() for instrument in self.instruments}

    def on_parameters(self, changed: tuple[str, ...]) -> None:
        """Forget older trades at the new rate; the sums so far continue."""
        if "half_life_prints" in changed:
            self.keep = 0.5 ** (1 / self.parameters.half_life_prints)

    def on_print(self, print_: Print) -> None:
        """Add a trade between others."""
        motion = self.motions[print_.instrument]
        motion.signed = motion.signed * self.keep + print_.side * print_.size
        motion.whole = motion.whole * self.keep + print_.size

    def on_book(self, book: Book) -> None:
        """Enter, leave, or do nothing."""
        instrument, motion = book.instrument, self.motions[book.instrument.id]
        motion.mean_twice += (
            (book.mid_twice - motion.mean_twice) * (1 - self.keep) if motion.mean_twice else book.mid_twice
        )
        if self.orders(instrument):
            return
        held = self.position(instrument)
        side = BUY if held > 0 else SELL
        if not orderable(instrument, abs(held), self.protective(book, -side)):  # flat, or only dust
            if abs(motion.pull) >= self.parameters.entry:
                self.follow(book, BUY if motion.pull > 0 else SELL)
        elif motion.pull * side < self.parameters.exit:
            self.exit(instrument, self.protective(book, -side), signal=motion.pull)

    def follow(self, book: Book, side: int) -> None:
        """Enter in the direction of the pull, if the price moves that way."""
        instrument, motion = book.instrument, self.motions[book.instrument.id]
        if side == SELL and instrument.kind == "spot" and not self.parameters.short:
            return
        drift_bps = (book.mid_twice / motion.mean_twice - 1) * 10_000
        if side * drift_bps >= self.parameters.drift_bps:
            size = size_of(instrument, self.parameters.size)
            self.enter(instrument, side, size, self.protective(book, side), signal=motion.pull)

    def protective(self, book: Book, side: int) -> int:
        """The worst price to pay: some steps beyond the best of the other side."""
        instrument = book.instrument
        price = book.best(-side) + side * self.parameters.slip_steps * instrument.price_step
        return price_up(instrument, price) if side == BUY else price_down(instrument, price)

"""A taker that follows a move: in when it is strong, out when it is spent, with room between the two.

    pull  = signed size of others' trades / their whole size, each forgotten by half in `half_life_prints`     (-1 .. 1)
    drift = (middle - slow mean of the middle) / slow mean, in basis points

It enters with the pull when |pull| reaches `entry` and the drift agrees, and leaves when the pull falls below `exit`
or turns round: between the two lies the hysteresis that keeps it from trading on every flicker. Orders are
immediate-or-cancel with a protective price, and only one is out at a time. It pays the spread and the taker's fee on
every turn, so on a market without memory, such as the simulated venue's, it loses just that.
On spot it follows a move down only out of what it holds, unless `short` says that the account may borrow.
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
    """What is remembered of one instrument: three running figures."""

    __slots__ = ("mean_twice", "signed", "whole")

    def __init__(self) -> None:
        """Begin without a memory."""
        self.signed = self.whole = self.mean_twice = 0.0

    @property
    def pull(self) -> float:
        """Whose trades weigh more, and by how much."""
        return self.signed / self.whole if self.whole else 0.0


class MomentumTaker(Strategy):
    """Takes with the flow of prints, one position an instrument."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`size` is decimal text in the base currency."""

        size: str
        entry: Share = 0.65
        exit: Share = 0.45
        half_life_prints: PositiveCount = 20
        drift_bps: Annotated[float, msgspec.Meta(ge=0.0)] = 0.0
        slip_steps: Steps = 5  # how far beyond the best price it may take
        short: bool = False  # whether a spot account may sell what it does not hold

    parameters: Parameters

    def on_start(self) -> None:
        """Refuse a hysteresis that is none, and begin without a memory."""
        if self.parameters.exit >= self.parameters.entry:
            msg = f"exit must be under entry, was {self.parameters.exit} with entry {self.parameters.entry}"
            raise ValueError(msg)
        self.keep = 0.5 ** (1 / self.parameters.half_life_prints)
        self.motions = {instrument: Motion() for instrument in self.instruments}

    def on_print(self, print_: Print) -> None:
        """Remember a trade between others."""
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
        if not orderable(instrument, abs(held), self.protective(book, -side)):  # flat, or nothing but dust
            if abs(motion.pull) >= self.parameters.entry:
                self.follow(book, BUY if motion.pull > 0 else SELL)
        elif motion.pull * side < self.parameters.exit:
            self.exit(instrument, self.protective(book, -side), signal=motion.pull)

    def follow(self, book: Book, side: int) -> None:
        """Enter with the pull, if the price has begun to move that way."""
        instrument, motion = book.instrument, self.motions[book.instrument.id]
        if side == SELL and instrument.kind == "spot" and not self.parameters.short:
            return
        drift_bps = (book.mid_twice / motion.mean_twice - 1) * 10_000
        if side * drift_bps >= self.parameters.drift_bps:
            size = size_of(instrument, self.parameters.size)
            self.enter(instrument, side, size, self.protective(book, side), signal=motion.pull)

    def protective(self, book: Book, side: int) -> int:
        """Say the worst price it takes: some steps beyond the best of the other side."""
        instrument = book.instrument
        price = book.best(-side) + side * self.parameters.slip_steps * instrument.price_step
        return price_up(instrument, price) if side == BUY else price_down(instrument, price)

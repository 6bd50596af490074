"""Strategies that the tests of sweeps run, by their name."""

import os
import signal
from typing import Annotated

import msgspec
import numpy as np

from engine.strategy import BUY, SELL, Bar, Book, Strategy

SEEN: list[int] = []  # the state of a module that an author forgot


class Every(Strategy):
    """Buys and sells in turn, at every nth book."""

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`size` is in size steps."""

        every: Annotated[int, msgspec.Meta(ge=1, le=1000)]
        size: Annotated[int, msgspec.Meta(ge=1)] = 1
        fault: str = ""

    parameters: Parameters

    def on_start(self) -> None:
        """Begin to count."""
        self.seen = 0

    def on_book(self, book: Book) -> None:
        """Trade at once at the other side's best price."""
        self.seen += 1
        if self.seen % self.parameters.every:
            return
        side = SELL if self.position(book.instrument) > 0 else BUY
        size = self.parameters.size * book.instrument.size_step
        self.enter(book.instrument, side, size, book.best(-side))
        self.fail()

    def fail(self) -> None:
        """Do what `fault` names."""
        if self.parameters.fault == "raise":
            raise RuntimeError(f"found nothing in {object()}")
        if self.parameters.fault == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.parameters.fault == "exit":
            raise SystemExit(7)


class AtBars(Every):
    """Trades at bars in place of books."""

    def on_book(self, book: Book) -> None:
        """Keep it."""
        self.book = book

    def on_bar(self, bar: Bar) -> None:  # noqa: ARG002 - its time is enough
        """Trade at the last book."""
        super().on_book(self.book)


class Heavy(Every):
    """Keeps 64 MiB of its own."""

    def on_start(self) -> None:
        """More than an allocator has left from earlier."""
        super().on_start()
        self.ballast = np.ones(1 << 23)


class Remembers(Every):
    """Trades less with every run of its process: the state of its module is that of all runs before."""

    def on_start(self) -> None:
        """Count the runs."""
        super().on_start()
        SEEN.append(1)

    def fail(self) -> None:
        """Skip books for each run before this."""
        self.seen -= len(SEEN)

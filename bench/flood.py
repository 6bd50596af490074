"""The strategy of `bench.halt`, in a file of its own as an author's: imported at each start of its process."""

import mmap
import os
import time

import msgspec

from engine.strategy import Book, Strategy, TimeInForce

CONTROL = "BENCH_HALT_CONTROL"  # the file of one byte: what the strategy does
RUN, HANG, BURST = 0, 1, 2  # hooks return; a hook is in `while True`; the same after many intents at once
OPEN = 100  # orders of SIZE that rest until a halt cancels them
MOVING = 5  # orders that are repriced, of twice the size; entries have three times the size
TURNS_MOST = 20  # that are made up for in one call
BEHIND_MOST = 100  # entries without the venue's answer: beyond it the venue has no CPU, and no entry is due
REPRICE_EACH = 10  # every tenth intent is a REPLACE of an open order, the others are entries
FAR_BPS, SIZE = 300, 20


class Flood(Strategy):
    """Keeps OPEN orders open far from the market, and submits entries and reprices that never fill."""

    timer_ns = 1_000_000

    class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """The time between two intents, and the intents at once of a BURST."""

        turn_ns: int
        backlog: int

    def on_start(self) -> None:
        """No price is known."""
        with open(os.environ[CONTROL], "r+b") as file:
            self.control = mmap.mmap(file.fileno(), 1)
        self.price = self.turns = 0
        self.resting: set[int] = set()  # by intent
        self.moving: set[int] = set()
        self.next_ns = time.monotonic_ns()

    def on_book(self, book: Book) -> None:
        """A price so far away that nothing fills."""
        if not self.price:
            self.one = book.instrument
            self.price = book.best(1) * (10_000 - FAR_BPS) // 10_000 // self.one.price_step * self.one.price_step

    def on_timer(self, now_ns: int) -> None:  # noqa: ARG002 - the hook's shape
        """Replace what is missing of the open orders, and submit what is due; or hang."""
        if not self.price:
            return
        if self.restore() <= OPEN + MOVING + BEHIND_MOST:
            self.submit_due()
        else:
            self.next_ns = time.monotonic_ns()
        if self.control[0] != RUN:
            self.hang()

    def restore(self) -> int:
        """Place what is missing of the open orders; how many orders work."""
        working = {one.intent_id for one in self.orders(self.one)}
        for found, count, size in ((self.resting, OPEN, SIZE), (self.moving, MOVING, 2 * SIZE)):
            for one in found - working:
                found.remove(one)
            for _ in range(min(TURNS_MOST, count - len(found))):
                intent_id = self.place(self.one, 1, size, self.price, time_in_force=TimeInForce.GTC)
                found.update({intent_id} - {None})
        return len(working)

    def hang(self) -> None:
        """Not return, as a hook with an endless loop; the bench ends it when nothing is left to measure."""
        for _ in range(self.parameters.backlog if self.control[0] == BURST else 0):
            self.turn()
        while True:
            self.submit_due()
            if self.control[0] == RUN:
                return

    def submit_due(self) -> None:
        """One intent each `turn_ns`."""
        late = (time.monotonic_ns() - self.next_ns) // self.parameters.turn_ns
        for _ in range(min(late, TURNS_MOST)):
            self.turn()
        self.next_ns += late * self.parameters.turn_ns

    def turn(self) -> None:
        """An entry, or a reprice."""
        self.turns += 1
        if self.turns % REPRICE_EACH or not self.reprice():
            self.enter(self.one, 1, 3 * SIZE, self.price)

    def reprice(self) -> bool:
        """Move an order by one price step; False when that is not possible now."""
        for target in list(self.moving):
            moved = self.replace(target, self.price + self.turns % 2 * self.one.price_step, 2 * SIZE)
            if moved is not None:
                self.moving ^= {target, moved}
                return True
        return False

"""The router, the role: parents over several accounts, in a journal of its own.

One step, in this order:
    1. the cells of a halt and COMMANDS: what they mean ends; the first step then submits the former life's children
    2. ORDERS and VERDICTS of each account's execution: children progress and end
    3. BOOKS, so that the split sees the newest
    4. ROUTES of each strategy: parents begin and are cancelled; then the lane's cursor goes to its cell
    5. parents whose time is over stop; the journal is flushed; budgets are divided; a set value that holds is confirmed
    6. the split: children are journalled, then submitted

It has no clock, no randomness and no I/O but its lanes and its journal. It begins by reading the journal.
"""

from collections.abc import Callable

import shm
from engine.model.step import StepPacker
from engine.router.answers import Answers
from engine.router.budgets import Budgets
from engine.router.control import Control
from engine.router.desk import Desk
from engine.router.journal import Journal
from engine.router.lanes import RouterLanes
from engine.router.offers import Offers
from engine.router.options import RouterOptions, Tables
from engine.router.outbox import Outbox
from engine.router.parents import Parents
from engine.router.settings import Settings
from engine.router.terms import Route

GRAIN_NS = 200_000  # how late, where nothing happens, what time alone asks for
INTENTS_MOST = 64  # of one lane in one step
WAIT_NS = 1_000_000  # the longest sleep: answers and intents come on other lanes than the one that wakes it


class Router:
    """The role."""

    name = "router"

    def __init__(
        self, number: int, routes: dict[int, Route], options: RouterOptions, lanes: RouterLanes, journal: Journal,
        offers: Offers, accounts: Callable[[int], str], tables: Tables, budgets: Budgets | None = None,
    ) -> None:  # fmt: skip
        """Make the parts, and restore what the journal has. `accounts` names the execution of an account's number."""
        self._lanes, self._journal, self._offers, self._routes = lanes, journal, offers, routes
        outboxes = {account: Outbox(one) for account, one in lanes.accounts.items()}
        self.parents = Parents(routes, options, journal, offers, outboxes, lanes.orders.publish_bytes, budgets)
        self._settings = Settings(tables.read, self.parents.follow_options, self.parents.cap_holds, lanes.settings)
        self._control = Control(self.parents, self._settings, lanes.commands, lanes.halt, lanes.operator_halt, accounts)
        self._answers = [
            Answers(account, one, self.parents, offers.acknowledgements[account])
            for account, one in lanes.accounts.items()
        ]
        self._desk = Desk(self.parents, self._control, routes, lanes.verdicts)
        self._pack = StepPacker(number, len(lanes.inputs), 0).pack
        self._begun = False
        self._due_ns = self._steps = self._turn = 0

    def step(self, now_ns: int) -> int:
        """Do the work that is due at this time; how much it was."""
        lanes_anew = self._control.anew
        work = self._control.step(now_ns)
        if not self._begun:
            self._begun = True
            self.parents.begin_life(now_ns, lanes_anew=lanes_anew)
        work += sum(answers.read(now_ns) for answers in self._answers)
        books = self._offers.read(self._routes)
        work += self._read_intents(now_ns)
        if work or books or now_ns >= self._due_ns:
            self._due_ns = now_ns + GRAIN_NS
            self.parents.on_time(now_ns)
            self._settings.step(now_ns)
            work += self.parents.route(now_ns)
        if work:
            self._publish_step(now_ns, work)
        return work + books

    def _read_intents(self, now_ns: int) -> int:
        """Read each strategy's intents, then publish how far."""
        total = 0
        for index, (strategy, lane) in enumerate(self._lanes.routes.items()):
            count = 0
            while count < INTENTS_MOST and (data := lane.read_bytes()) is not None:
                count += 1
                if not isinstance(data, shm.Lapped):
                    self._desk.on_record(data, lane.cursor - 1, strategy, now_ns)
            if count or not self._steps:
                self._lanes.accepted.write(index, lane.cursor, 0, now_ns, (0,) * 5)
            total += count
        return total

    def _publish_step(self, now_ns: int, work: int) -> None:
        self._steps += 1
        cursors = [lane.cursor for lane in self._lanes.inputs]
        self._lanes.steps.publish_bytes(self._pack(now_ns, 0, work, self._steps, cursors, ()))

    def wait(self, timeout_ns: int) -> bool:
        """Sleep until a book of the next feed in turn comes; not for long, because there are other lanes."""
        books = self._lanes.books
        self._turn = (self._turn + 1) % len(books)
        return books[self._turn].wait(min(timeout_ns, WAIT_NS // len(books)))

    def lag(self) -> int:
        """The number of unread records of the lane on which most wait."""
        return max(lane.lag for lane in self._lanes.inputs)

    def error_count(self) -> int:
        """How often answers lapped the router."""
        return sum(answers.laps for answers in self._answers)

    def drain(self, now_ns: int) -> bool:
        """Accept no new parent and end the others; True when none lives."""
        self._control.drain(now_ns)
        self.step(now_ns)
        return not self.parents.living

    def close(self) -> None:
        """Close the journal and the lanes."""
        self._journal.close()
        for closer in self._lanes.closers:
            closer.close()

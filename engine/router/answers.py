"""What the executions answer: ORDERS and VERDICTS of the children.

    ORDER of a child                  its progress; done: its end; after its end: what it filled after all
    refusal of a child                its end, and its account is left out for a time
    ORDER_TOO_LARGE                   its end, and the next shares of its account are within the limit in the refusal
    ORDER with FILLS_MISSING          no end: execution fetches the fills, and after 20 listings without them gives up
    ORDER with FILLS_ABSENT           execution gave up: the child counts as filled until an ORDER has its fills
    DUPLICATE_INTENT                  execution has read it in an earlier life: its ORDER shows it, else it is cancelled
    refusal of a cancel, no end seen  execution has no such order and its records are lost: the child counts as filled
    refusal of a cancel, end seen     the fills of that end are missing: the child ends with the ORDER that has them

Orders are read before verdicts, so the refusal of a cancel never overtakes the end that explains it. A lap, and a ring
that begins after its first record, leave living children in doubt: each is cancelled, and the answer decides.
"""

import logging
from collections.abc import Callable

import shm
from engine.lanes.ports import RingReader
from engine.model.intent_id import is_routed
from engine.model.rows import OrderRow, VerdictRow
from engine.model.words import DONE_STATES, OrderFlag, OrderState, Reason
from engine.router.lanes import AccountLanes
from engine.router.offers import Acknowledgements
from engine.router.parent import Child, Parent
from engine.router.parents import Parents

DONE = frozenset(DONE_STATES)
UNKNOWN_FILLS = OrderFlag.FILLS_MISSING | OrderFlag.FILLS_ABSENT
ENDS_PARENT = frozenset({Reason.HALTED, Reason.STRATEGY_HALTED, Reason.STRATEGY_DISABLED})

logger = logging.getLogger("engine.router")


class Answers:
    """The answers of one account's execution."""

    def __init__(self, account: str, lanes: AccountLanes, parents: Parents, acknowledgements: Acknowledgements) -> None:
        """Read these lanes, from the oldest record on."""
        self._account, self._lanes, self._parents = account, lanes, parents
        self._acknowledgements = acknowledgements
        self._in_doubt = any(lane.oldest > 0 for lane in (lanes.orders, lanes.verdicts))
        self.laps = 0

    def read(self, now_ns: int) -> int:
        """Follow every record since the last step; how many."""
        verdicts: list[VerdictRow] = []
        count = self._drain(self._lanes.verdicts, verdicts.append)
        count += self._drain(self._lanes.orders, lambda row: self._on_order(row, now_ns))
        for row in verdicts:
            self._on_verdict(row, now_ns)
        if self._in_doubt:
            self._in_doubt = False
            self._cancel_unknown(now_ns)
        return count

    def _drain(self, lane: RingReader, follow: Callable[..., object]) -> int:
        """Pass each row of the router's intents on."""
        count = 0
        while (row := lane.read()) is not None:
            count += 1
            if isinstance(row, shm.Lapped):
                self._in_doubt, self.laps = True, self.laps + 1
                self._forget_states()
            elif is_routed(row.intent_id):
                follow(row)
        return count

    def _on_order(self, row: OrderRow, now_ns: int) -> None:
        parent, child = self._parents.children.get(row.intent_id, (None, None))
        if parent is None or child is None:
            self._on_ended(row, now_ns)
            return
        if row.sent_ns and row.answer_ns and not child.timed:
            child.timed = True
            self._acknowledgements.add(row.answer_ns - row.sent_ns)
        filled = _filled(row, child)
        if row.state not in DONE or row.flags & OrderFlag.FILLS_MISSING:
            self._parents.progress(parent, child, row.state, filled, now_ns)
        elif row.flags & OrderFlag.FILLS_ABSENT:
            self._guess(parent, child, "the venue reports fills of a child that it does not list", now_ns)
        else:
            self._parents.end(parent, child, filled, now_ns, refused=row.state == OrderState.REJECTED)

    def _guess(self, parent: Parent, child: Child, why: str, now_ns: int) -> None:
        """End a child whose fills are not known as filled in full."""
        what = {"account": self._account, "parent": parent.id, "child": child.id}
        logger.critical("%s: it counts as filled, so no size is traded twice", why, extra=what)
        self._parents.end(parent, child, child.size, now_ns, guessed=True)

    def _on_ended(self, row: OrderRow, now_ns: int) -> None:
        """An end that execution inferred and the venue contradicts, or one that the router guessed."""
        parent, child = self._parents.ended.get(row.intent_id, (None, None))
        if parent is not None and child is not None:
            known = row.state in DONE and not row.flags & UNKNOWN_FILLS
            self._parents.correct(parent, child, _filled(row, child), now_ns, known=known)

    def _on_verdict(self, row: VerdictRow, now_ns: int) -> None:
        if row.intent_id in self._parents.cancels:
            self._on_cancel(self._parents.cancels.pop(row.intent_id), row, now_ns)
            return
        parent, child = self._parents.children.get(row.intent_id, (None, None))
        if parent is None or child is None or not row.reason or child.state:
            return
        if row.reason == Reason.DUPLICATE_INTENT:
            self._parents.cancel(parent, child, now_ns)
            return
        if row.reason == Reason.ORDER_TOO_LARGE and 0 < row.limit < row.value:
            self._parents.shrink(parent, child, row.value, row.limit, now_ns)
            return
        self._parents.end(parent, child, 0, now_ns, refused=True)
        if row.reason in ENDS_PARENT:
            self._parents.stop(parent, f"refused by {self._account}: {Reason(row.reason).name}", now_ns)

    def _on_cancel(self, child_id: int, row: VerdictRow, now_ns: int) -> None:
        parent, child = self._parents.children.get(child_id, (None, None))
        if parent is None or child is None or row.reason != Reason.UNKNOWN_ORDER or child.state in DONE:
            return
        self._guess(parent, child, "the records of a child are lost", now_ns)

    def _cancel_unknown(self, now_ns: int) -> None:
        """Have the answer to a cancel decide what the lost records would have."""
        for parent, child in list(self._parents.children.values()):
            if child.member.account == self._account:
                logger.warning("records of a child may be lost, it is cancelled", extra={"child": child.id})
                self._parents.cancel(parent, child, now_ns)

    def _forget_states(self) -> None:
        """A later ORDER of any child may be among the lost records."""
        for _, child in self._parents.children.values():
            if child.member.account == self._account:
                child.state = 0


def _filled(row: OrderRow, child: Child) -> int:
    """What a child has filled, in the route's numbers."""
    whole = row.state == OrderState.FILLED  # of a size that execution may have cut to what is held
    return min(child.size, (row.size if whole else row.filled) * child.member.size_factor)

"""The questions about orders that the venue has to answer: the broker adds them, the recovery asks them.

    broker ── ask(order, due) ────▶ statuses  ─▶ recovery ─▶ session.status
           ── fetch(order, due) ──▶ fills     ─▶ recovery ─▶ session.fills_of

There is at most one question of each kind about an order. A question about a status is dropped by the recovery at its
next turn after `settle`; a question about fills when no fill of the order is missing any more.
"""

from engine.execution.orders.order import Order


class Question:
    """One question about an order."""

    __slots__ = ("answers", "due_ns", "order")

    def __init__(self, order: Order, due_ns: int) -> None:
        """Ask at this time."""
        self.order = order
        self.due_ns = due_ns  # of a status, 0: the venue has settled it
        self.answers = 0  # of fills: listings that the venue answered while fills were missing


class Questions:
    """What is asked about orders, by client id, in the order in which it was first asked."""

    def __init__(self) -> None:
        """Begin without a question."""
        self.statuses: dict[bytes, Question] = {}
        self.fills: dict[bytes, Question] = {}

    def ask(self, order: Order, due_ns: int) -> None:
        """Ask for the order's status at this time."""
        question = self.statuses.get(order.client_id)
        if question is None or question.order is not order:
            self.statuses[order.client_id] = Question(order, due_ns or 1)
        else:
            question.due_ns = due_ns or 1

    def settle(self, order: Order) -> None:
        """Ask no further for the order's status, because the venue has reported it."""
        question = self.statuses.get(order.client_id)
        if question is not None and question.order is order:
            question.due_ns = 0

    def due_ns(self, order: Order) -> int:
        """When the order's status is asked for, or asked for again; 0: it is not asked for."""
        question = self.statuses.get(order.client_id)
        return 0 if question is None or question.order is not order else question.due_ns

    def fetch(self, order: Order, due_ns: int) -> Question:
        """Ask for the order's fills at this time; an earlier question about them remains as it is."""
        question = self.fills.get(order.client_id)
        if question is None:
            question = self.fills[order.client_id] = Question(order, due_ns)
        return question

    def count_listing(self, order: Order) -> int:
        """Count an answer that lists the order's fills and not all of them; how many there were in a row."""
        question = self.fetch(order, 0)
        question.answers += 1
        return question.answers

    def order(self, client_id: bytes) -> Order | None:
        """The order of a question; None when there is no question about it."""
        question = self.statuses.get(client_id) or self.fills.get(client_id)
        return None if question is None else question.order

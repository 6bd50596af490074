"""The account's budget: its share of a cap that spans accounts, which the router gives out (`[budgets]`)."""

from engine.model.words import BUY, Reason
from engine.risk.caps.exposure import check_gross, gross_of
from engine.risk.gate import Account, Proposed, Refusal


class AccountBudget:
    """The account's gross worst case is at most its budget. An order that does not increase it passes."""

    exits = False

    def __init__(self, most: int) -> None:
        """`most` in millionths of a dollar."""
        self.most = most

    def check(self, order: Proposed, account: Account) -> Refusal | None:
        """Refuse an order that exceeds the budget."""
        return check_gross(order, account, account.instruments, self.most, Reason.BUDGET_EXCEEDED)


def gross_now(account: Account, now_ns: int) -> int | None:
    """The account's gross worst case as it is, in millionths of a dollar; None while a price is missing."""
    none = Proposed(now_ns, 0, 0, BUY, 0, 0, now_ns, 0, 0, False)
    return gross_of(none, account, account.instruments)

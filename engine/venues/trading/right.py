"""Whether a key and its account may place orders, by the answers of a session."""

from engine.venues.session import NO_DENIAL, Answer, Ask, Denial
from engine.venues.trading.news import Outcome


class TradingRight:
    """`denied` has the reason why the venue accepts no order; NO_DENIAL while no reason is known."""

    __slots__ = ("_barred", "denied")

    def __init__(self) -> None:
        """Begin with the right: nothing has been refused."""
        self.denied: Denial = NO_DENIAL
        self._barred = False  # the answer with the account's balances has the mark that it may not trade

    def reset(self) -> None:
        """Forget the reason when a session ended: the next session's answers decide."""
        self.denied, self._barred = NO_DENIAL, False

    def judge(self, kind: int, answer: Answer) -> None:
        """Update the right to trade from the answer to a request of any kind."""
        if kind == Ask.PLACE:
            self._order(answer.outcome, answer.error, answer.text, denied=answer.denied)
        elif kind == Ask.REPLACE and answer.replace is not None:
            both = answer.replace
            self._order(both.place, both.place_error, both.place_text, denied=answer.denied)
        elif kind == Ask.RIGHT:
            self._test_order(answer)
        elif kind == Ask.BALANCES and answer.outcome == Outcome.ACCEPTED:
            self._account(answer.barred)

    def _order(self, outcome: int, error: str, text: str, *, denied: bool) -> None:
        """An order that was placed proves the right, one that was refused for lack of it disproves it."""
        if outcome == Outcome.ACCEPTED:
            self.reset()
        elif outcome == Outcome.REFUSED and denied:
            self._deny("order", error, text)

    def _test_order(self, answer: Answer) -> None:
        """An order was accepted, or refused by a filter, which proves nothing; a barred account stays barred."""
        if answer.outcome == Outcome.ACCEPTED and not self._barred:
            self.denied = NO_DENIAL
        elif answer.outcome == Outcome.REFUSED and answer.denied:
            self._deny("test order", answer.error, answer.text)

    def _account(self, barred: Denial) -> None:
        """The account's own word begins and ends only the denial that comes from it."""
        if barred != NO_DENIAL:
            self.denied, self._barred = barred, True
        elif self._barred:
            self.reset()

    def _deny(self, what: str, error: str, text: str) -> None:
        self.denied, self._barred = (error, f"{what} refused: {error} {text}".rstrip()), False

"""What goes wrong between a client and the venue: asked for one by one, or drawn from a seed.

    faults.lose_response(next=2)                 the next two changes of orders are executed, their answers are lost
    faults.lose_request(of="order.cancel")       the next cancel never arrives
    faults.time_out(executed=False)              -1007, and nothing was done
    faults.delay_request(6_000_000_000)          it reaches the matching engine that much later
    faults.duplicate_report() / delay_report(ns) / drop_report()
    faults.drop_depth()                          one depth diff is swallowed: a gap
    venue.disconnect("streams")                  see there

Without `of`, a fault waits for the next request that changes orders. Seeded rates are parts per million and touch
queries about orders too.
"""

from dataclasses import dataclass, fields
from random import Random

CHANGES = frozenset({"order.place", "order.cancel", "order.cancelReplace", "openOrders.cancelAll"})
QUERIES = frozenset({"order.status", "openOrders.status", "allOrders", "myTrades", "account.status"})
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class FaultRates:
    """Seeded faults in parts per million; `delay_most_ns` bounds the drawn delays."""

    lose_request: int = 0
    lose_response: int = 0
    time_out_executed: int = 0
    time_out_not_executed: int = 0
    delay_request: int = 0
    delay_response: int = 0
    duplicate_report: int = 0
    delay_report: int = 0
    drop_depth: int = 0
    disconnect: int = 0  # for each request
    delay_most_ns: int = 200_000_000


@dataclass(frozen=True, slots=True)
class Fate:
    """What befalls one request."""

    lose_request: bool = False
    lose_response: bool = False
    time_out: bool = False
    executed: bool = True  # of a time out
    request_delay_ns: int = 0
    response_delay_ns: int = 0
    disconnect: bool = False


@dataclass(slots=True)
class _Wish:
    """A fault asked for, and for how many requests it still stands."""

    fate: Fate
    left: int
    of: str


SPARED = Fate()


class Faults:
    """The faults to come."""

    def __init__(self, seed: int = 0, rates: FaultRates | None = None) -> None:
        """Nothing asked for; rates as given."""
        self.rates = rates or FaultRates()
        self._random = Random(f"faults:{seed}")  # noqa: S311 (a chaos must be repeatable)
        self._drawing = any(getattr(self.rates, f.name) for f in fields(FaultRates) if f.name != "delay_most_ns")
        self._wishes: list[_Wish] = []
        self._reports: list[tuple[str, int]] = []
        self._depths = 0

    def lose_response(self, next: int = 1, of: str = "") -> None:  # noqa: A002 (reads as the sentence it is)
        """Execute the request and lose the answer."""
        self._wishes.append(_Wish(Fate(lose_response=True), next, of))

    def lose_request(self, next: int = 1, of: str = "") -> None:  # noqa: A002
        """Lose the request before anything is done."""
        self._wishes.append(_Wish(Fate(lose_request=True), next, of))

    def time_out(self, *, executed: bool, next: int = 1, of: str = "") -> None:  # noqa: A002
        """Answer -1007; whether it was executed only the truth log knows."""
        self._wishes.append(_Wish(Fate(time_out=True, executed=executed), next, of))

    def delay_request(self, delay_ns: int, next: int = 1, of: str = "") -> None:  # noqa: A002
        """Let the request reach the matching engine later; its recvWindow is checked again there."""
        self._wishes.append(_Wish(Fate(request_delay_ns=delay_ns), next, of))

    def delay_response(self, delay_ns: int, next: int = 1, of: str = "") -> None:  # noqa: A002
        """Execute at once and answer later."""
        self._wishes.append(_Wish(Fate(response_delay_ns=delay_ns), next, of))

    def disconnect_after(self, next: int = 1, of: str = "") -> None:  # noqa: A002
        """Execute the request and cut the connection in place of the answer."""
        self._wishes.append(_Wish(Fate(disconnect=True, lose_response=True), next, of))

    def duplicate_report(self, next: int = 1) -> None:  # noqa: A002
        """Deliver the next execution reports twice."""
        self._reports += [("duplicate", 0)] * next

    def delay_report(self, delay_ns: int, next: int = 1) -> None:  # noqa: A002
        """Deliver the next execution reports late: those behind them overtake."""
        self._reports += [("delay", delay_ns)] * next

    def drop_report(self, next: int = 1) -> None:  # noqa: A002
        """Never deliver the next execution reports."""
        self._reports += [("drop", 0)] * next

    def drop_depth(self, next: int = 1) -> None:  # noqa: A002
        """Swallow the next depth diffs."""
        self._depths += next

    def request(self, operation: str) -> Fate:
        """What befalls this request."""
        for wish in self._wishes:
            if wish.of == operation or (not wish.of and operation in CHANGES):
                wish.left -= 1
                if not wish.left:
                    self._wishes.remove(wish)
                return wish.fate
        if self._drawing and (operation in CHANGES or operation in QUERIES):
            return self._draw()
        return SPARED

    def report(self) -> list[int]:
        """When the next execution report is delivered: a delay for each copy."""
        if self._reports:
            kind, delay_ns = self._reports.pop(0)
            return {"duplicate": [0, 0], "delay": [delay_ns], "drop": []}[kind]
        if not self._drawing:
            return [0]
        copies = [0, 0] if self._hits(self.rates.duplicate_report) else [0]
        if self._hits(self.rates.delay_report):
            copies[-1] = self._delay()
        return copies

    def depth_dropped(self) -> bool:
        """Whether the next depth diff is swallowed."""
        if self._depths:
            self._depths -= 1
            return True
        return self._drawing and self._hits(self.rates.drop_depth)

    def _draw(self) -> Fate:
        """Draw a request's fate; every rate is drawn every time, so that one does not shift another."""
        rates = self.rates
        executed, not_executed = self._hits(rates.time_out_executed), self._hits(rates.time_out_not_executed)
        late, slow = self._hits(rates.delay_request), self._hits(rates.delay_response)
        cut = self._hits(rates.disconnect)
        return Fate(
            lose_request=self._hits(rates.lose_request),
            lose_response=self._hits(rates.lose_response) or cut,
            time_out=executed or not_executed,
            executed=not not_executed,
            request_delay_ns=self._delay() if late else 0,
            response_delay_ns=self._delay() if slow else 0,
            disconnect=cut,
        )

    def _hits(self, rate: int) -> bool:
        """Draw one chance."""
        return rate > 0 and self._random.randrange(MILLION) < rate

    def _delay(self) -> int:
        """Draw a delay."""
        return 1 + self._random.randrange(self.rates.delay_most_ns)

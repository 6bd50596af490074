"""Faults between a client and the venue: planned one by one, or drawn from a seed.

    faults.lose_response(next=2)                 the next two changes of orders are executed, their answers are lost
    faults.lose_request(of="order.cancel")       the next cancel never arrives
    faults.time_out(executed=False)              -1007, and nothing was done
    faults.delay_request(6_000_000_000)          it reaches the matching engine this much later
    faults.duplicate_report() / delay_report(ns) / drop_report()
    faults.drop_depth()                          one depth diff is dropped: a gap
    venue.disconnect("streams")                  see BinanceVenue.disconnect

Without `of`, a fault is for the next request that changes orders. Seeded rates are parts per million and apply to
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
    """The faults of one request."""

    lose_request: bool = False
    lose_response: bool = False
    time_out: bool = False
    executed: bool = True  # whether a request that times out is executed
    request_delay_ns: int = 0
    response_delay_ns: int = 0
    disconnect: bool = False


@dataclass(slots=True)
class _Planned:
    """A planned fault, and for how many requests it is still planned."""

    fate: Fate
    left: int
    of: str


SPARED = Fate()


class Faults:
    """The planned and the drawn faults."""

    def __init__(self, seed: int = 0, rates: FaultRates | None = None) -> None:
        """Begin without planned faults, with these rates."""
        self.rates = rates or FaultRates()
        self._random = Random(f"faults:{seed}")  # noqa: S311 (a chaos must be repeatable)
        self._drawing = any(getattr(self.rates, f.name) for f in fields(FaultRates) if f.name != "delay_most_ns")
        self._planned: list[_Planned] = []
        self._reports: list[tuple[str, int]] = []
        self._depths = 0

    def lose_response(self, next: int = 1, of: str = "") -> None:  # noqa: A002 (a call reads as a sentence)
        """Execute the request and lose the answer."""
        self._planned.append(_Planned(Fate(lose_response=True), next, of))

    def lose_request(self, next: int = 1, of: str = "") -> None:  # noqa: A002
        """Lose the request before it is executed."""
        self._planned.append(_Planned(Fate(lose_request=True), next, of))

    def time_out(self, *, executed: bool, next: int = 1, of: str = "") -> None:  # noqa: A002
        """Answer -1007; only the truth log shows whether the request was executed."""
        self._planned.append(_Planned(Fate(time_out=True, executed=executed), next, of))

    def delay_request(self, delay_ns: int, next: int = 1, of: str = "") -> None:  # noqa: A002
        """Delay the request before the matching engine, which checks its recvWindow again."""
        self._planned.append(_Planned(Fate(request_delay_ns=delay_ns), next, of))

    def delay_response(self, delay_ns: int, next: int = 1, of: str = "") -> None:  # noqa: A002
        """Execute at once and answer later."""
        self._planned.append(_Planned(Fate(response_delay_ns=delay_ns), next, of))

    def disconnect_after(self, next: int = 1, of: str = "") -> None:  # noqa: A002
        """Execute the request and close the connection instead of answering."""
        self._planned.append(_Planned(Fate(disconnect=True, lose_response=True), next, of))

    def duplicate_report(self, next: int = 1) -> None:  # noqa: A002
        """Deliver the next execution reports twice."""
        self._reports += [("duplicate", 0)] * next

    def delay_report(self, delay_ns: int, next: int = 1) -> None:  # noqa: A002
        """Deliver the next execution reports late: later ones overtake them."""
        self._reports += [("delay", delay_ns)] * next

    def drop_report(self, next: int = 1) -> None:  # noqa: A002
        """Never deliver the next execution reports."""
        self._reports += [("drop", 0)] * next

    def drop_depth(self, next: int = 1) -> None:  # noqa: A002
        """Drop the next depth diffs."""
        self._depths += next

    def request(self, operation: str) -> Fate:
        """The faults of this request."""
        for planned in self._planned:
            if planned.of == operation or (not planned.of and operation in CHANGES):
                planned.left -= 1
                if not planned.left:
                    self._planned.remove(planned)
                return planned.fate
        if self._drawing and (operation in CHANGES or operation in QUERIES):
            return self._draw()
        return SPARED

    def report(self) -> list[int]:
        """The delays of the next execution report, one for each copy."""
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
        """Whether the next depth diff is dropped."""
        if self._depths:
            self._depths -= 1
            return True
        return self._drawing and self._hits(self.rates.drop_depth)

    def _draw(self) -> Fate:
        """Draw a request's faults; every rate is drawn every time, so that one rate does not change another's draws."""
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

"""The setup of a pass: data, instruments and models, checked once; `run` makes every part of it and returns results.

Setup(events, instruments, models, ...)  refuses what no run can follow
.run([team, ...])                    one pass over the data; a team is one portfolio with one result
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.recfunctions import repack_fields

from engine.model.instrument import Instrument
from research.simulate import perpetuals
from research.simulate.capital import Capital, at_end, balances_of
from research.simulate.capital import check as check_capital
from research.simulate.caps import DeskCaps, caps_of
from research.simulate.data import events as data
from research.simulate.data.events import Events
from research.simulate.loop import Loop
from research.simulate.matching.agenda import Agenda
from research.simulate.matching.orders import Orders
from research.simulate.matching.schedule import Schedule
from research.simulate.matching.venue import OwnOrders, VenueMarket
from research.simulate.models import Constant, Fees, Latency, Models, Rejects
from research.simulate.offline import offline
from research.simulate.perpetuals import Funding, Margin
from research.simulate.result import FILL, FILL_COLUMNS, MARK, ORDER, ORDER_COLUMNS, PAYMENT, Records, Result
from research.simulate.trading.client import Client
from research.simulate.trading.desk import Desk, Held
from research.simulate.trading.portfolio import Portfolio
from research.simulate.trading.received import Received
from research.simulate.trading.session import Session

SPEEDS = ("fast", "engine")
CALLED = ("message", "event")
MINUTE_NS = 60_000_000_000
KINDS = ("spot", "perpetual")


class Line(NamedTuple):
    """One account's way to its venue, its fees, and what it has there."""

    order_latency: Latency
    answer_latency: Latency
    fees: Fees
    rejects: Rejects | None = None
    capital: Capital | None = None  # None: no balance is checked
    funding: Funding | None = None
    margin: Margin | None = None


class Seat(NamedTuple):
    """One strategy of a team: what drives it, which instruments it trades, and through which line."""

    client: Client
    instruments: frozenset[int]
    line: int = 0


class Team(NamedTuple):
    """One portfolio. `names` are those of its strategies, where it has several."""

    seats: tuple[Seat, ...]
    lines: tuple[Line, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Setup:
    """What every run of a pass has in common."""

    events: Events
    instruments: tuple[Instrument, ...]
    models: Models
    caps: Mapping[str, Any] = field(default_factory=dict)
    called: str = "message"
    mark_ns: int = MINUTE_NS
    speed: str = "fast"
    capital: Capital | None = None

    def __post_init__(self) -> None:
        """Refuse options that no run can follow."""
        _check(self.instruments, self.models, self.called, self.mark_ns)
        _check_speed(self.speed, self.called)
        self._desk_caps()
        if self.capital is not None:
            check_capital(self.capital, self.instruments)
        if self.speed == "fast" and self.models.stop_slippage_bps is not None:
            msg = "`fast` has no stops: they are algorithms of execution"
            raise ValueError(f'stop_slippage_bps: {msg}: use speed="engine", or remove it')
        perpetuals.check(self.instruments, self.models.funding, self.models.margin, self.capital)
        if self.models.feed_latency is not None:
            _check_span("feed_latency", self.models.feed_latency, _span_ns(self.events, "venue_ns"))

    def line(self) -> Line:
        """The line of the models."""
        models = self.models
        return Line(
            models.order_latency,
            models.answer_latency,
            models.fees,
            models.rejects,
            self.capital,
            models.funding,
            models.margin,
        )

    def of_line(self, line: Line) -> "Setup":
        """The same run with what one account has."""
        own = {name: getattr(line, name) for name in ("order_latency", "answer_latency", "fees", "rejects")}
        return replace(self, models=replace(self.models, **own), capital=line.capital)

    def received(self) -> Events:
        """The events with the times at which the feed's latency brings them, checked."""
        events = _received(self.events, self.models.feed_latency)
        data.check(events, self.instruments)
        return np.ascontiguousarray(events)

    def run(self, teams: Sequence[Team]) -> list[Result]:
        """Run every team over the data; a result for each."""
        events = self.received()
        span_ns = _span_ns(events, "receive_ns")
        for line in (line for team in teams for line in team.lines):
            _check_span("order_latency", line.order_latency, span_ns)
            _check_span("answer_latency", line.answer_latency, span_ns)
        agenda = Agenda(len(teams))
        markets = [VenueMarket(len(teams)) for _ in self.instruments]
        books = [Received(one.id) for one in self.instruments]
        caps = self._desk_caps()
        period_ns = int(events[0]["venue_ns"]), int(events[-1]["receive_ns"])
        portfolios = [
            self._portfolio(agenda, place, team, markets, books, caps, period_ns) for place, team in enumerate(teams)
        ]
        loop = Loop(
            events.view(np.uint8), data.places_of(self.instruments), agenda, markets, books, portfolios,
            each=self.called == "event", mark_ns=self.mark_ns,
            margined=any(one.kind != "spot" for one in self.instruments),
        )  # fmt: skip
        try:
            _run(loop, agenda, teams)
        finally:
            for seat in (seat for team in teams for seat in team.seats):
                seat.client.close()
        marks = np.array(loop.marks, MARK)
        return [self._result(one, team.names, marks, len(events)) for one, team in zip(portfolios, teams, strict=True)]

    def _desk_caps(self) -> list[DeskCaps]:
        """The caps that the desks check: at the speed "engine" execution checks them."""
        return caps_of(self.caps, self.instruments) if self.speed == "fast" else [DeskCaps()] * len(self.instruments)

    def _portfolio(
        self, agenda: Agenda, place: int, team: Team, markets: list[VenueMarket], books: list[Received],
        caps: list[DeskCaps], period_ns: tuple[int, int],
    ) -> Portfolio:  # fmt: skip
        """One team's sessions, strategies and orders."""
        table = Orders()
        sessions = [_session(line, table, agenda, place, period_ns, self.instruments) for line in team.lines]
        of_seats = [sessions[seat.line] for seat in team.seats]
        held = [[Held() for _ in self.instruments] for _ in team.lines]
        for number, seat in enumerate(team.seats):
            desks = [
                Desk(at, one, books[at], caps[at], held[seat.line][at]) if one.id in seat.instruments else None
                for at, one in enumerate(self.instruments)
            ]
            seat.client.attach(of_seats[number], desks, number)
        own = [
            _own(one, market, table, of_seats, self.models)
            for one, market in zip(self.instruments, markets, strict=True)
        ]
        return Portfolio(agenda, place, sessions, [seat.client for seat in team.seats], own)

    def _result(self, portfolio: Portfolio, names: tuple[str, ...], marks: Records, count: int) -> Result:
        """What one portfolio did."""
        table = portfolio.sessions[0].table
        in_flight = [session.in_flight() for session in portfolio.sessions]
        return Result(
            {one.id: one for one in self.instruments},
            _table(table.fill_bytes(), FILL, FILL_COLUMNS),
            _table(table.order_bytes(), ORDER, ORDER_COLUMNS),
            marks,
            count,
            sum(client.refused for client in portfolio.clients),
            sum(session.late_cancels for session in portfolio.sessions),
            (sum(one for one, _ in in_flight), sum(one for _, one in in_flight)),
            mark_ns=self.mark_ns,
            funding=_payments(portfolio, self.instruments),
            balances=at_end([one.balances for one in portfolio.sessions if one.balances], self.instruments),
            strategies=names,
            refusals=tuple(number for client in portfolio.clients for number in client.refused_each()),
        )


def _check(instruments: Sequence[Instrument], models: Models, called: str, mark_ns: int) -> None:
    """Refuse options that the run cannot follow."""
    if called not in CALLED:
        raise ValueError(f"called: found {called!r}, expected one of {', '.join(CALLED)}")
    if not isinstance(mark_ns, int) or mark_ns <= 0:
        raise ValueError(f"mark_ns: found {mark_ns!r}, expected whole nanoseconds over 0")
    ids = [one.id for one in instruments]
    if not ids or len(set(ids)) != len(ids) or not all(0 < one < data.ID_MOST for one in ids):
        raise ValueError(f"instruments: found ids {ids}, expected at least one, each once, under {data.ID_MOST}")
    for one in instruments:
        if one.kind not in KINDS:
            msg = f"{one.symbol} is a {one.kind}: a simulation has no expiry and no settlement"
            raise ValueError(f"instruments: {msg}. It runs {', '.join(KINDS)} instruments")
    quotes = {one.quote for one in instruments}
    if len(models.fees.tiers) > 1 and len(quotes) > 1:
        msg = f"volumes in {', '.join(sorted(quotes))} cannot be added"
        raise ValueError(f"fees: several tiers need instruments of one quote currency: {msg}")


def _check_speed(speed: str, called: str) -> None:
    """Refuse a speed that does not exist, and what the chosen one does not have."""
    if speed not in SPEEDS:
        raise ValueError(f"speed: found {speed!r}, expected one of {', '.join(SPEEDS)}")
    if speed == "engine" and called == "event":
        msg = "the engine shows the strategy whole messages"
        raise ValueError(f'called: found "event" at speed "engine": {msg}: use called="message", or speed="fast"')


def _span_ns(events: Events, end: str) -> int:
    """The time from the first event to the last one's time of this name."""
    if not isinstance(events, np.ndarray) or events.dtype != data.EVENT or not len(events):
        return 1 << 62  # `events.check` says what is wrong
    return int(events[-1][end] - events[0]["venue_ns"])


def _check_span(name: str, latency: Latency, span_ns: int) -> None:
    """Refuse a latency that is as long as the data: no answer would ever arrive."""
    if latency.most_ns >= max(span_ns, 1):
        msg = f"{name}: {latency.most_ns} ns is not shorter than the data, which has {span_ns} ns"
        raise ValueError(f"{msg}: use a shorter latency or more data")


def _received(events: Events, latency: Latency | None) -> Events:
    """The events with the times at which this latency brings them; the events of a message arrive together."""
    if latency is None or not isinstance(events, np.ndarray) or events.dtype != data.EVENT or not len(events):
        return events
    moved = events.copy()
    if isinstance(latency, Constant):
        moved["receive_ns"] = events["venue_ns"] + latency.ns
        return moved
    delay, venue_ns = latency.delay(), events["venue_ns"]
    ends = np.flatnonzero(events["flags"] & data.LAST)
    arrivals = np.array([venue_ns[end] + delay.draw(int(venue_ns[end])) for end in ends], np.int64)
    message = np.minimum(np.searchsorted(ends, np.arange(len(events))), len(ends) - 1)
    moved["receive_ns"] = np.maximum.accumulate(arrivals)[message]
    return moved


def _session(
    line: Line, table: Orders, agenda: Agenda, place: int, period_ns: tuple[int, int],
    instruments: Sequence[Instrument],
) -> Session:  # fmt: skip
    """An account's session."""
    schedule = Schedule(line.fees.table(), int(line.fees.traded_before * 10**6), period_ns[0])
    margin = perpetuals.account_of(instruments, line.funding, line.margin, line.capital, *period_ns)
    spot = margin is None and line.capital is not None
    balances = balances_of(line.capital or {}, instruments, line.fees) if spot else None
    rejects = line.rejects.chance() if line.rejects else None
    return Session(
        line.order_latency.delay(), line.answer_latency.delay(), table, schedule, agenda, place, balances, rejects,
        margin,
    )  # fmt: skip


def _own(one: Instrument, market: VenueMarket, table: Orders, sessions: list[Session], models: Models) -> OwnOrders:
    """A portfolio's orders for one instrument."""
    return OwnOrders(
        market, table, sessions, family=models.queue.number, exponent=models.queue.exponent, size_step=one.size_step,
        scale=10 ** (one.price_decimals + one.size_decimals), returns=models.liquidity_returns,
        whole=models.through_fills_whole, returns_empty=models.level_returns_empty,
        unseen_empty=models.unseen_level_empty, twice=models.level_before_print,
        impact=models.impact.compiled() if models.impact else None, slippage=models.stop_slippage_share(),
    )  # fmt: skip


def _run(loop: Loop, agenda: Agenda, teams: Sequence[Team]) -> None:
    """Run; an error of a strategy has its place in the data beside it, and its name where it is one of several."""
    try:
        with offline():
            loop.run()
    except Exception as error:
        names = teams[loop.portfolio].names
        which = f", of the parameters {loop.portfolio}" if len(teams) > 1 else ""
        which += f", of the strategy {names[agenda.seat]}" if names else ""
        error.add_note(f"in event {loop.event} of the data, at {loop.now_ns}{which}")
        raise


def _payments(portfolio: Portfolio, instruments: Sequence[Instrument]) -> Records:
    """Every payment of funding, in the order of their times."""
    rows = [row for session in portfolio.sessions if session.margin for row in session.margin.paid()]
    table = np.array(sorted(rows, key=itemgetter(0)), PAYMENT)
    table["instrument"] = [instruments[place].id for place in table["instrument"]]
    return table


def _table(records: bytes, kind: "np.dtype[Any]", columns: list[str]) -> Records:
    """The public columns of a run's table."""
    table: Records = repack_fields(np.frombuffer(records, kind)[columns])
    return table

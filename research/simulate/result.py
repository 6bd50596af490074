"""What a run gives back: every fill and order as arrays, positions, equity, and the assumptions behind them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS
from research.simulate.capital import Balance

Records = np.ndarray[Any, np.dtype[Any]]
ORDER = np.dtype(
    [
        ("intent_id", "<i8"), ("submit_ns", "<i8"), ("arrive_ns", "<i8"), ("done_ns", "<i8"), ("price", "<i8"),
        ("size", "<i8"), ("filled", "<i8"), ("seen", "<i8"), ("known_size", "<i8"), ("ahead", "<i8"),
        ("traded", "<i8"), ("moved", "<i8"), ("moved_ns", "<i8"), ("stop_price", "<i8"), ("market", "<i4"),
        ("next", "<i4"),
        ("previous", "<i4"), ("instrument", "<u4"), ("strategy", "<u4"), ("side", "i1"), ("order_type", "u1"),
        ("time_in_force", "u1"), ("state", "u1"), ("known", "u1"), ("cancelling", "u1"), ("cause", "u1"),
        ("amending", "u1"), ("unseen", "u1"), ("waits", "u1"), ("stopped", "u1"), ("spare", "V1"),
    ]
)  # fmt: skip
ORDER_COLUMNS = [
    "intent_id", "submit_ns", "arrive_ns", "done_ns", "price", "size", "filled", "instrument", "side", "order_type",
    "time_in_force", "state", "cause", "strategy",
]  # fmt: skip
FILL = np.dtype(
    [
        ("venue_ns", "<i8"), ("receive_ns", "<i8"), ("intent_id", "<i8"), ("price", "<i8"), ("size", "<i8"),
        ("fee", "<i8"), ("impact", "<i8"), ("slippage", "<i8"), ("order", "<i4"), ("instrument", "<u4"), ("side", "i1"),
        ("maker", "u1"),
        ("strategy", "<u2"), ("spare", "<u4"),
    ]
)  # fmt: skip
MINUTE_NS = 60_000_000_000
FILL_COLUMNS = [name for name in FILL.names or () if name != "spare"]
PAYMENT = np.dtype(
    [
        ("at_ns", "<i8"), ("instrument", "<u4"), ("position", "<i8"), ("rate", "<i8"), ("mark2", "<i8"),
        ("paid", "<i8"),
    ]
)  # fmt: skip
MARK = np.dtype([("at_ns", "<i8"), ("instrument", "<u4"), ("middle2", "<i8")])


class Assumption(NamedTuple):
    """Something that the run took for granted, or would have."""

    name: str
    favours: bool  # whether it can make the result better than it would have been
    text: str
    made: bool = True  # by this run; the others are listed only with their P&L
    pnl: float | None = None  # final equity with it, less without it, in the quote currency
    unpriced: str = ""  # why it has no P&L


@dataclass(frozen=True)
class Result:
    """One run. Prices and sizes are in each instrument's decimals, fees in the quote currency at 8 decimals.

    A fill's `impact` is the part of its `fee` that the venue does not charge (`Models.impact`).
    """

    instruments: Mapping[int, Instrument]
    fills: Records  # in the order in which the venue made them
    orders: Records  # in the order in which they were submitted
    marks: Records  # `middle2`: twice the middle of a good book; 0 without one
    events: int
    refused: int  # orders that risk refused
    late_cancels: int  # cancels and amends that found their order done
    in_flight: tuple[int, int]  # requests and answers that the end of the data left on their way
    assumptions: tuple[Assumption, ...] = ()
    balances: Mapping[str, Balance] = field(default_factory=dict)  # by asset at the end; empty without `capital`
    funding: Records = field(default_factory=lambda: np.zeros(0, PAYMENT))  # `paid` as a fee; less than 0: received
    strategies: tuple[str, ...] = ()  # of a portfolio, by the number in the column `strategy`; empty: there is one
    refusals: tuple[int, ...] = ()  # of each of them
    mark_ns: int = MINUTE_NS  # how often equity was marked: at the first event after each whole step

    @property
    def positions(self) -> dict[int, int]:
        """What is held of each instrument at the end, as the venue has it."""
        return {
            one: int((self.fills["side"] * self.fills["size"])[self.fills["instrument"] == one].sum())
            for one in self.instruments
        }

    @property
    def profits(self) -> dict[str, float]:
        """The final equity of each quote currency; nan where the book of a position is not good at the end."""
        found = dict.fromkeys((one.quote for one in self.instruments.values()), 0.0)
        for number, one in self.instruments.items():
            found[one.quote] += float(self.equity(number)["equity"][-1])
        return found

    def of(self, strategy: str) -> "Result":
        """The part of one strategy: its orders and fills, so that the profits of all parts are those of the portfolio.

        What strategies have together is in the whole result alone: balances, cancels that were late, what was on its
        way at the end.
        """
        if strategy not in self.strategies:
            msg = f"expected one of {', '.join(self.strategies) or 'none: this run has one strategy'}"
            raise ValueError(f"strategy: found {strategy!r}, {msg}")
        number = self.strategies.index(strategy)
        orders, fills = self.orders["strategy"] == number, self.fills["strategy"] == number
        part = self.fills[fills].copy()
        part["order"] = (np.cumsum(orders) - 1)[part["order"]]
        return replace(
            self, orders=self.orders[orders], fills=part, refused=self.refusals[number], balances={}, late_cancels=0,
            in_flight=(0, 0), strategies=(), refusals=(),
        )  # fmt: skip

    def at_last_middles(self) -> "Result":
        """The same run, each mark without a good book with the instrument's last middle before it.

        Its equity has every fill; a last known equity would lack the price and the fee of those that came after it.
        """
        marks = self.marks.copy()
        for number in self.instruments:
            rows = np.flatnonzero(marks["instrument"] == number)
            known = np.where(marks["middle2"][rows] > 0, np.arange(len(rows)), 0)
            marks["middle2"][rows] = marks["middle2"][rows[np.maximum.accumulate(known)]]
        return replace(self, marks=marks)

    def equity(self, instrument: int) -> Records:
        """Money and value of one instrument at each mark, in its quote currency: `at_ns`, `position`, `equity`.

        Money is what the fills known to the venue at that time brought, less fees and funding; the position is valued
        at the middle. Without a good book the equity is nan.
        """
        one, marks = self.instruments[instrument], self.marks[self.marks["instrument"] == instrument]
        fills = self.fills[self.fills["instrument"] == instrument]
        signed = fills["side"] * fills["size"]
        cash = -np.cumsum(signed * fills["price"].astype("f8") / 10 ** (one.price_decimals + one.size_decimals))
        cash -= np.cumsum(fills["fee"] / 10**FEE_DECIMALS)
        until = np.searchsorted(fills["venue_ns"], marks["at_ns"], side="right")
        table = np.zeros(len(marks), [("at_ns", "<i8"), ("position", "<f8"), ("equity", "<f8")])
        held = np.append(0, np.cumsum(signed))[until] / 10**one.size_decimals
        middle = np.where(marks["middle2"] > 0, marks["middle2"] / (2 * 10**one.price_decimals), np.nan)
        table["at_ns"], table["position"] = marks["at_ns"], held
        table["equity"] = np.append(0.0, cash)[until] + np.where(held == 0, 0.0, held * middle)
        table["equity"] -= self.funding_paid(instrument, marks["at_ns"])
        return table

    def funding_paid(self, instrument: int, at_ns: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
        """What an instrument's positions had paid until each time, in its quote currency."""
        mine = self.funding[self.funding["instrument"] == instrument]
        paid: np.ndarray[Any, Any] = np.append(0.0, np.cumsum(mine["paid"]) / 10**FEE_DECIMALS)
        return paid[np.searchsorted(mine["at_ns"], at_ns, side="right")]

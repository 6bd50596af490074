"""What a run assumes of perpetuals: the funding that positions pay, and the margin that the venue demands.

Funding.constant("0.0001")                    every eight hours of UTC, on every perpetual
Funding.recorded(rows), read_funding(file, btc)   at the recorded times, with the recorded rates
Margin.read("leverageBracket.json", 10)       the venue's brackets, and the account's leverage
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import numpy as np

from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS
from engine.venues.binance.margin import UNIT, read_brackets
from engine.venues.margin import MICRO, Brackets
from research.simulate.capital import Capital, scaled
from research.simulate.matching.margin import MarginAccount

RATE_DECIMALS = 8
EIGHT_HOURS_NS = 8 * 3_600_000_000_000
LEVERAGE_MOST = 1_000
FUNDING = np.dtype([("at_ns", "<i8"), ("rate", "<i8"), ("mark", "<i8"), ("instrument", "<u4")])
DUE = np.dtype([("at_ns", "<i8"), ("rate", "<i8"), ("mark", "<i8"), ("market", "<i4"), ("spare", "V4")])
COLUMNS = ("calc_time", "last_funding_rate")
Rows = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Funding:
    """When positions pay, and at which rate. A positive rate is paid by longs to shorts, as on Binance USD-M."""

    rows: Rows | None = None  # FUNDING: rates of 1e-8, marks in the instrument's decimals (0: the venue's middle)
    rate: int = 0  # of 1e-8, of every perpetual; without rows
    every_ns: int = EIGHT_HOURS_NS  # counted from midnight UTC

    @classmethod
    def constant(cls, rate: str, every_ns: int = EIGHT_HOURS_NS) -> "Funding":
        """One rate, as decimal text, at each whole multiple of the interval."""
        if type(every_ns) is not int or every_ns <= 0:
            raise ValueError(f"funding: found every_ns {every_ns!r}, expected whole nanoseconds over 0")
        return cls(None, rate_of(rate, "funding"), every_ns)

    @classmethod
    def recorded(cls, rows: Rows) -> "Funding":
        """Records of FUNDING, in the order of their times."""
        if not isinstance(rows, np.ndarray) or rows.dtype != FUNDING or rows.ndim != 1 or not len(rows):
            raise ValueError(f"funding: found {_kind(rows)}, expected at least one row of {FUNDING.names}")
        _check_rows(rows)
        return cls(rows)

    def dues(self, instruments: Sequence[Instrument], begin_ns: int, end_ns: int) -> Rows:
        """Every time of funding within the data, with the place of its instrument."""
        places = {one.id: place for place, one in enumerate(instruments) if one.kind == "perpetual"}
        if self.rows is None:
            first = -(-begin_ns // self.every_ns) * self.every_ns
            times = np.arange(first, end_ns + 1, self.every_ns)
            found = np.zeros(len(times) * len(places), DUE)
            found["at_ns"], found["rate"] = np.repeat(times, len(places)), self.rate
            found["market"] = np.tile(list(places.values()), len(times))
            return found
        rows = self.rows[(self.rows["at_ns"] >= begin_ns) & (self.rows["at_ns"] <= end_ns)]
        found = np.zeros(len(rows), DUE)
        for name in ("at_ns", "rate", "mark"):
            found[name] = rows[name]
        found["market"] = [places[int(one)] for one in rows["instrument"]]
        return found

    def check(self, instruments: Sequence[Instrument]) -> None:
        """Refuse a funding that has no perpetual, and a perpetual that has no record."""
        perpetuals = {one.id for one in instruments if one.kind == "perpetual"}
        if not perpetuals:
            raise ValueError("funding: the run has no perpetual: remove it")
        if self.rows is None:
            return
        recorded = set(np.unique(self.rows["instrument"]).tolist())
        if recorded != perpetuals:
            raise ValueError(
                f"funding: has records of {sorted(recorded)}, expected the perpetuals {sorted(perpetuals)}"
            )


def read_funding(file: str | Path, one: Instrument) -> Rows:
    """Records of FUNDING of a file of Binance's public archive: `BTCUSDT-fundingRate-2026-11.csv`."""
    with Path(file).open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        if missing := set(COLUMNS).difference(reader.fieldnames or ()):
            raise ValueError(f"{file}: has no column {min(missing)}, expected {', '.join(COLUMNS)}")
        found = [_row(row, one, f"{file}: row {number}") for number, row in enumerate(reader, 1)]
    rows = np.array(found, FUNDING)
    _check_rows(rows)
    return rows


def _row(row: Mapping[str, str], one: Instrument, place: str) -> tuple[int, int, int, int]:
    """One record; the archive has no mark."""
    at, rate = (row[name] or "" for name in COLUMNS)
    if not at.isdecimal():
        raise ValueError(f"{place}: found calc_time {at!r}, expected whole milliseconds")
    return int(at) * 1_000_000, rate_of(rate, place), 0, one.id


def rate_of(text: object, place: str) -> int:
    """A rate in its 8 decimals."""
    try:
        scaled_ = Decimal(text).scaleb(RATE_DECIMALS) if isinstance(text, str) else Decimal("NaN")
    except InvalidOperation:
        scaled_ = Decimal("NaN")
    if not scaled_.is_finite() or scaled_ != int(scaled_) or abs(scaled_) >= 10**RATE_DECIMALS:
        raise ValueError(f"{place}: found rate {text!r}, expected text between -1 and 1 of at most 8 decimals")
    return int(scaled_)


def _kind(rows: object) -> str:
    return f"{rows.dtype} of shape {rows.shape}" if isinstance(rows, np.ndarray) else repr(rows)[:80]


def _check_rows(rows: Rows) -> None:
    """Refuse records that are out of order or have no meaning."""
    for wrong, expected in (
        (np.append(False, np.diff(rows["at_ns"]) < 0), "times in order"),
        (np.abs(rows["rate"]) >= 10**RATE_DECIMALS, "a rate between -1 and 1, in units of 1e-8"),
        ((rows["mark"] < 0) | (rows["mark"] > 1 << 61), "a mark from 0 to 2^61"),
    ):
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(f"funding: row {row} is {rows[row].tolist()}, expected {expected}")


@dataclass(frozen=True)
class Margin:
    """The venue's brackets by symbol, and the leverage that the account has set; cross margin, one-way mode."""

    brackets: Brackets
    leverage: int

    @classmethod
    def read(cls, file: str | Path, leverage: int) -> "Margin":
        """The brackets of a file with the answer of Binance's GET /fapi/v1/leverageBracket."""
        return cls(read_brackets(Path(file)), leverage)

    def __post_init__(self) -> None:
        """Refuse what is no leverage."""
        if type(self.leverage) is not int or not 1 <= self.leverage <= LEVERAGE_MOST:
            raise ValueError(
                f"margin: found leverage {self.leverage!r}, expected a whole number from 1 to {LEVERAGE_MOST}"
            )

    def check(self, instruments: Sequence[Instrument], capital: Capital | None) -> None:
        """Refuse instruments whose margin cannot be computed."""
        if capital is None:
            raise ValueError("margin: the run has no `capital`, so no margin is checked: give it, or remove the margin")
        if any(one.kind != "perpetual" for one in instruments):
            raise ValueError("margin: expected perpetuals only: run spot instruments apart, as another account")
        if len({one.quote for one in instruments}) > 1:
            raise ValueError(f"margin: found quotes {sorted({one.quote for one in instruments})}, expected one")
        for one in instruments:
            if one.symbol not in self.brackets:
                raise ValueError(
                    f"margin: has no brackets of {one.symbol}, expected {', '.join(sorted(self.brackets))}"
                )
        if set(capital) - {instruments[0].quote}:
            raise ValueError(
                f"capital: found {sorted(capital)}, expected only {instruments[0].quote}: perpetuals have no other"
            )

    def lines(self, symbol: str) -> list[tuple[int, int, int, int]]:
        """The brackets of a symbol in whole numbers."""
        return [
            (int(one.rate * UNIT), int(one.amount * MICRO * UNIT), int(one.cap * MICRO), one.leverage)
            for one in self.brackets[symbol]
        ]


def check(
    instruments: Sequence[Instrument], funding: Funding | None, margin: Margin | None, capital: Capital | None
) -> None:
    """Refuse perpetuals that no run can follow, and models of them that would have no effect."""
    perpetuals = [one for one in instruments if one.kind == "perpetual"]
    for one in perpetuals:
        if one.multiplier != 1:
            raise ValueError(
                f"instruments: {one.symbol} has multiplier {one.multiplier}, expected a linear perpetual, 1"
            )
    if funding is not None:
        funding.check(instruments)
    if margin is not None:
        if not perpetuals:
            raise ValueError("margin: the run has no perpetual: remove it")
        margin.check(instruments, capital)
    elif perpetuals and capital is not None:
        raise ValueError(
            f"capital: {perpetuals[0].symbol} is a perpetual: give the models `Margin`, or remove `capital`"
        )


def account_of(
    instruments: Sequence[Instrument], funding: Funding | None, margin: Margin | None, capital: Capital | None,
    begin_ns: int, end_ns: int,
) -> MarginAccount | None:  # fmt: skip
    """The account of a run with perpetuals; None without one."""
    if all(one.kind != "perpetual" for one in instruments):
        return None
    notionals = [one.price_decimals + one.size_decimals for one in instruments]
    decimals = max(*notionals, FEE_DECIMALS)
    quote, lines = instruments[0].quote, [[] if margin is None else margin.lines(one.symbol) for one in instruments]
    wallet = 0 if margin is None else scaled(quote, (capital or {}).get(quote, 0), decimals)
    dues = np.zeros(0, DUE) if funding is None else funding.dues(instruments, begin_ns, end_ns)
    scales, symbols = [10**one for one in notionals], [one.symbol for one in instruments]
    return MarginAccount(
        wallet, scales, lines, margin.leverage if margin else 0, decimals, dues.view(np.uint8), symbols
    )

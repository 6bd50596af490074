"""What a real system did between two times, from its recorded history (`[recorder]`), as a `Performance`.

    of_session("demo", capital=100_000, start="2026-12-01", end="2026-12-02")

Equity is the capital and what the account earned since `start`: the net profit of POSITIONS, which execution publishes
and values at the middle. Fills and orders are those of FILLS and ORDERS. The arrival price of an order is the middle of
the best prices of TICKS that were published before its intent. Gaps of any of these lanes make the session PARTIAL.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from engine.model.words import FillFlag, TickKind
from engine.monitor.names import Names
from research.history import History, Moment, history, nanoseconds
from research.performance.executions import UNKNOWN_NS, executions_of
from research.performance.performance import Performance, carried
from research.performance.trades import FILL, Fills
from research.statistics.figures import Row

POSITION = ("read_ns", "account", "strategy", "instrument", "net", "size", "dust", "mark_price", "usd_rate", "fees",
            "fill_count", "update_ns", "holding_decimals")  # fmt: skip
LOOK_BACK_DAYS = (1, 30, 36_500)
DAY_NS = 86_400_000_000_000
SAMPLE_NS = 60_000_000_000  # longer than from a fill to the sample of its position
LANES = ("positions", "fills", "orders", "ticks")
STEPS_MOST = 20_000
STEPS_NS = tuple(seconds * 1_000_000_000 for seconds in (1, 5, 15, 60, 300, 900, 3_600))
WHOLE = 0  # in the field `strategy`: the account's whole position
DOLLAR = "USD"
ORDER = np.dtype(
    [("order", "<i8"), ("decided_ns", "<i8"), ("instrument", "<i4"), ("side", "i1"), ("size", "<f8"),
     ("limit", "<f8"), ("arrival", "<f8"), ("acknowledged_ns", "<i8")]
)  # fmt: skip


def of_session(
    system: str = "", *, capital: float, start: Moment | None = None, end: Moment | None = None,
    directory: str | Path = "",
) -> Performance:  # fmt: skip
    """The performance of a system's accounts together; `capital` is their money at `start`."""
    return Recorded(system, start, end, directory).performance(capital)


class Recorded:
    """The rows of a range that a report needs."""

    def __init__(self, system: str, start: Moment | None, end: Moment | None, directory: str | Path) -> None:
        """Nothing is read yet."""
        self._start_ns = nanoseconds(start, 0)
        self.unknown: list[tuple[int, ...]] = []  # positions whose state before the range is not recorded
        self.system, self._range = system, {"start": start, "end": end, "directory": directory, "system": system}

    def read(self, kind: str, *columns: str) -> dict[str, Any]:
        """Columns of a kind, whole."""
        found: dict[str, Any] = self._of(kind, *columns).numpy()
        return found

    def _of(self, kind: str, *columns: str) -> History:
        return history(kind, columns=columns, **self._range)  # type: ignore[arg-type]

    def performance(self, capital: float) -> Performance:
        """Everything together."""
        at_ns, profits, values = self._profits()
        fills = self.fills
        known = self._names()
        return Performance(
            title=f"{self.system or 'session'}, {_day(at_ns[0])}", source="recorded session", currency=self.currency,
            capital=float(capital), step_ns=int(at_ns[1] - at_ns[0]), at_ns=at_ns,
            equity=capital + np.sum(list(profits.values()), axis=0),
            profits={known.strategy(one): row for one, row in profits.items()}, values=values, names=self.symbols,
            fills=self._in_currency(fills), executions=executions_of(self.orders, fills),
            facts=tuple(self._facts(fills)), missing=tuple(self._missing()), market_notional=self._market_notional,
            part="strategy", begun=self._in_currency(self.begun),
        )  # fmt: skip

    @cached_property
    def instruments(self) -> dict[int, dict[str, Any]]:
        """The newest row of each instrument."""
        table = history("instruments", **self._range | {"start": None}).numpy()  # type: ignore[arg-type]
        rows = [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]
        return {int(row["id"]): row for row in rows}

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The symbol of each instrument by its place, with the venue where two venues have the same symbol."""
        pairs = [(_text(row["venue"]), _text(row["symbol"])) for row in self.instruments.values()]
        plain = [symbol for _, symbol in pairs]
        return tuple(symbol if plain.count(symbol) == 1 else f"{venue}:{symbol}" for venue, symbol in pairs)

    @cached_property
    def places(self) -> Mapping[int, int]:
        """The place of each instrument."""
        return {number: place for place, number in enumerate(self.instruments)}

    @cached_property
    def currency(self) -> str:
        """The one quote currency; dollars where there are several, by the rate of each position."""
        quotes = {_text(row["quote"]) for row in self.instruments.values()}
        return quotes.pop() if len(quotes) == 1 else DOLLAR

    def _names(self) -> Names:
        """The names of the strategies."""
        return Names.of(self.system)

    def _rate(self, table: Mapping[str, Any]) -> Any:
        """What one unit of each row's quote currency is in the report's."""
        return table["usd_rate"] if self.currency == DOLLAR else 1.0

    def _profits(self) -> tuple[Any, dict[int, Row], dict[str, Row]]:
        """The ends of the steps, what each strategy earned since the start, and the value held of each instrument."""
        cells = self.cells
        if not cells:
            raise ValueError(f"{self.system}: no position changed in the range: expected a time in which it traded")
        first = min(int(one["at_ns"][0]) for one in cells.values())
        at_ns = _steps(first, max(int(one["at_ns"][-1]) for one in cells.values()))
        profits: dict[int, Row] = {}
        values = {name: np.zeros(len(at_ns)) for name in self.symbols}
        for (_, strategy, instrument), rows in cells.items():
            if strategy == WHOLE:
                value = rows["size"] * rows["mark_price"] * self._rate(rows)
                values[self.symbols[self.places[instrument]]] += _at(rows["at_ns"], value, at_ns)
            else:
                earned = _at(rows["at_ns"], (rows["net"] - rows["net"][0]) * self._rate(rows), at_ns)
                profits[strategy] = profits.get(strategy, np.zeros(len(at_ns))) + earned
        return at_ns, profits, values

    @cached_property
    def cells(self) -> dict[tuple[int, ...], dict[str, Any]]:
        """The rows of each position (account, strategy, instrument), the first the state at the start of the range."""
        found = _cells(self.read("positions", *POSITION))
        opened = self._opened({key: rows for key, rows in found.items() if rows["fill_count"][0] > 0})
        for key, rows in found.items():
            begin = opened.get(key) or {name: _zero(name, values) for name, values in rows.items()}
            begin["at_ns"] = np.array([min(int(rows["at_ns"][0]), self._start_ns or int(rows["at_ns"][0]))])
            found[key] = _marked({name: np.concatenate([begin[name], values]) for name, values in rows.items()})
        return found

    def _opened(self, wanted: Mapping[tuple[int, ...], Mapping[str, Any]]) -> dict[tuple[int, ...], dict[str, Any]]:
        """The last row of each position before the range: a cell is recorded only when it changes."""
        found: dict[tuple[int, ...], dict[str, Any]] = {}
        for days in LOOK_BACK_DAYS if self._start_ns else ():
            if not wanted.keys() - found.keys():
                break
            earlier = self._range | {"start": max(0, self._start_ns - days * DAY_NS), "end": self._start_ns}
            try:
                table = history("positions", columns=POSITION, **earlier).numpy()  # type: ignore[arg-type]
            except ValueError:  # nothing is recorded then
                continue
            last = {key: {name: values[-1:] for name, values in rows.items()} for key, rows in _cells(table).items()}
            found = {key: rows for key, rows in last.items() if key in wanted} | found
        absent = sorted(wanted.keys() - found.keys()) if self._start_ns else []
        self.unknown = [key for key in absent if not self._began_in_range(key, wanted[key])]
        return found

    def _began_in_range(self, key: tuple[int, ...], rows: Mapping[str, Any]) -> bool:
        """Whether every fill that a position ever had is recorded in the range."""
        earlier = self._range | {"start": max(0, self._start_ns - SAMPLE_NS)}
        columns = ("receive_ns", "account", "strategy", "instrument", "flags")
        table = history("fills", columns=columns, **earlier).numpy()  # type: ignore[arg-type]
        account, strategy, instrument = key
        mine = (table["account"] == account) & (table["instrument"] == instrument)
        mine &= ((table["strategy"] == strategy) | (strategy == WHOLE)) & (table["flags"] & FillFlag.OPENING == 0)
        return bool((mine & (table["receive_ns"] <= rows["update_ns"][0])).sum() == rows["fill_count"][0])

    @cached_property
    def fills(self) -> Fills:
        """The fills that the positions of the range include, in the order in which execution received them.

        A position is sampled a moment after its fill, so both ends of the range are those of the positions.
        """
        earlier = self._range | {"start": max(0, self._start_ns - SAMPLE_NS)}
        columns = ( "receive_ns", "venue_ns", "client_id", "instrument", "side", "maker", "price", "size", "fee",
            "fee_value", "fee_asset", "flags", "account",
        )  # fmt: skip
        table = history("fills", columns=columns, **earlier).numpy()  # type: ignore[arg-type]
        kept = np.flatnonzero((table["flags"] & FillFlag.OPENING == 0) & self._included(table))
        table = {name: values[kept] for name, values in table.items()}
        found = np.zeros(len(kept), FILL)
        found["at_ns"] = table["receive_ns"].astype(np.int64)
        found["order"] = [self._order_of(one) for one in table["client_id"]]
        found["instrument"] = [self.places[int(one)] for one in table["instrument"]]
        for name in ("side", "price", "size"):
            found[name] = table[name]
        found["maker"], found["fee"], found["account"] = table["maker"] != 0, self._fees(table), table["account"]
        self.accounts, self.in_base = table["account"], np.where(self._is_base(table), table["fee"], 0.0)
        return found

    @property
    def begun(self) -> Fills:
        """What each account held at the start of the range, as a fill at the middle of then."""
        first = []
        for (account, strategy, instrument), rows in self.cells.items():
            held, mark = float(held_of(rows)[0]), float(rows["mark_price"][0])
            if strategy == WHOLE and held and mark > 0:
                place, at_ns = self.places[instrument], int(rows["at_ns"][0])
                first.append((at_ns, -1, place, np.sign(held), False, mark, abs(held), 0.0, account))
        return np.array(first, FILL)

    def _in_currency(self, fills: Fills) -> Fills:
        """Fills with prices and fees in the report's currency, by the rate of their time."""
        found, times = fills.copy(), fills["at_ns"]  # the first row of a position is sampled after its fill
        for (account, strategy, instrument), rows in self.cells.items() if self.currency == DOLLAR else ():
            if strategy == WHOLE:
                mine = (fills["account"] == account) & (fills["instrument"] == self.places[instrument])
                rate = _at(rows["at_ns"], rows["usd_rate"], np.maximum(times[mine], rows["at_ns"][0]))
                found["price"][mine], found["fee"][mine] = fills["price"][mine] * rate, fills["fee"][mine] * rate
        return found

    @property
    def _market_notional(self) -> float:
        """What all traded; not known where their prints are in several currencies."""
        return float("nan") if self.currency == DOLLAR else self._market[1]

    def _included(self, table: Mapping[str, Any]) -> Any:
        """Whether the position of each fill changed by it within the range."""
        times, included = table["receive_ns"].astype(np.int64), np.zeros(len(table["receive_ns"]), bool)
        for (account, strategy, instrument), rows in self.cells.items():
            if strategy == WHOLE:
                newest = np.where(np.isnat(rows["update_ns"]), 0, rows["update_ns"].astype(np.int64))[[0, -1]]
                mine = (table["account"] == account) & (table["instrument"] == instrument)
                included |= mine & (times > newest[0]) & (times <= newest[1])
        return included

    def _is_base(self, table: Mapping[str, Any]) -> Any:
        """Whether each fee was charged in the base currency: it lowers what is held."""
        base = {one: _text(row["base"]) for one, row in self.instruments.items()}
        pairs = zip(table["fee_asset"], table["instrument"], strict=True)
        return np.array([_text(asset) == base[int(one)] for asset, one in pairs], bool)

    def _fees(self, table: Mapping[str, Any]) -> Row:
        """Each fee in its instrument's quote currency: as it was charged, or by the value that execution gave it."""
        charged = np.where(self._is_base(table), table["fee"] * table["price"], table["fee"])
        return np.asarray(np.where(table["fee_value"] != 0, table["fee_value"], charged), np.float64)

    @cached_property
    def _numbers(self) -> dict[bytes, int]:
        """A number for each order, by its id."""
        return {}

    def _order_of(self, client_id: bytes) -> int:
        """The number of an order."""
        return self._numbers.setdefault(client_id, len(self._numbers))

    @cached_property
    def orders(self) -> Fills:
        """One row for each order, from the last row that it has: it includes the earlier times."""
        columns = ("client_id", "intent_ns", "answer_ns", "instrument", "side", "size", "price")
        table = self.read("orders", *columns)
        last = {self._order_of(one): row for row, one in enumerate(table["client_id"])}
        rows = np.array(list(last.values()), np.int64)
        found = np.zeros(len(rows), ORDER)
        found["order"], found["decided_ns"] = list(last), table["intent_ns"][rows].astype(np.int64)
        found["instrument"] = [self.places[int(one)] for one in table["instrument"][rows]]
        found["side"], found["size"], found["limit"] = (table[name][rows] for name in ("side", "size", "price"))
        answered = ~np.isnat(table["answer_ns"][rows])
        waited = np.where(answered, table["answer_ns"][rows].astype(np.int64) - found["decided_ns"], UNKNOWN_NS)
        found["acknowledged_ns"] = waited
        found = found[np.argsort(found["decided_ns"], kind="stable")]
        found["arrival"] = self._arrivals(found["instrument"], found["decided_ns"])
        return found

    def _arrivals(self, places: Any, times: Any) -> Row:
        """The middle of the best prices that were published before each time; nan without both."""
        found = np.full(len(times), np.nan)
        bests = self._market[0]
        for place in np.unique(places):
            rows = np.flatnonzero(places == place)
            bid, ask = (_last(bests.get((int(place), side)), times[rows]) for side in (1, -1))
            found[rows] = np.where(bid < ask, (bid + ask) / 2, np.nan)
        return found

    @cached_property
    def _market(self) -> tuple[dict[tuple[int, int], tuple[Any, Row]], float]:
        """The best prices over time by place and side, and the notional of all prints."""
        parts: dict[tuple[int, int], list[tuple[Any, Row]]] = {}
        notional = 0.0
        for batch in self._ticks():
            prints = batch["kind"] == TickKind.PRINT
            notional += float((batch["price"][prints] * batch["size"][prints]).sum())
            best = np.flatnonzero(batch["kind"] == TickKind.BEST)
            for key, rows in groups(batch["instrument"][best], batch["side"][best]):
                chosen = best[rows]
                price = np.where(batch["size"][chosen] > 0, batch["price"][chosen], np.nan)
                parts.setdefault((self.places[key[0]], key[1]), []).append((batch["publish_ns"][chosen], price))
        joined = {key: tuple(np.concatenate(one) for one in zip(*each, strict=True)) for key, each in parts.items()}
        return joined, notional or float("nan")  # type: ignore[return-value]

    def _ticks(self) -> Iterator[dict[str, Any]]:
        """Batches of ticks, whatever their number."""
        try:
            ticks = self._of("ticks", "publish_ns", "kind", "side", "instrument", "price", "size")
        except ValueError:
            return  # TICKS is not recorded: no arrival price is known
        for batch in ticks:
            table = {
                name: batch.column(at).to_numpy(zero_copy_only=False) for at, name in enumerate(batch.schema.names)
            }
            yield table | {"publish_ns": table["publish_ns"].astype(np.int64)}

    def _missing(self) -> Iterator[str]:
        """What the recording lacks."""
        for _, strategy, instrument in self.unknown:
            name = self.symbols[self.places[instrument]]
            yield f"strategy {strategy}: what it held of {name} before the range is not recorded: its first row counts"
        for kind in LANES:
            try:
                gaps = self._of(kind).gaps
            except ValueError:
                yield f"{kind} is not recorded"
                continue
            for path, (number, lost, seconds) in gaps.items():
                yield f"{kind}: {number} gaps, {lost} records and {seconds:.1f} s lost, in {path}"

    def _facts(self, fills: Fills) -> Iterator[tuple[str, str]]:
        """What was read."""
        yield "orders", f"{len(self.orders):,}"
        yield "fills", f"{len(fills):,}"
        yield "instruments", ", ".join(self.symbols)


def _cells(table: Mapping[str, Any]) -> dict[tuple[int, ...], dict[str, Any]]:
    """The rows of each position, with the time at which each was sampled."""
    table = {**table, "at_ns": table["read_ns"].astype(np.int64)}
    keys = (table["account"], table["strategy"], table["instrument"])
    return {key: _marked({name: values[rows] for name, values in table.items()}) for key, rows in groups(*keys)}


def _marked(rows: Mapping[str, Any]) -> dict[str, Any]:
    """Rows without a price of what is held, as while the feed is away, with the profit and the price before."""
    known = np.isfinite(rows["net"])
    if not known.any():
        return {**rows, "is_priced": known}
    last = np.maximum.accumulate(np.where(known, np.arange(len(known)), np.argmax(known)))
    return {**rows, "net": rows["net"][last], "mark_price": rows["mark_price"][last], "is_priced": known}


def held_of(rows: Mapping[str, Any]) -> Row:
    """What a position holds at each row, with what is smaller than a step."""
    return np.asarray(rows["size"] + rows["dust"] / 10.0 ** rows["holding_decimals"].astype(np.float64), np.float64)


def _zero(name: str, values: Any) -> Any:
    """The state before the first fill of a position: nothing is held and nothing was earned."""
    kept = name in {"account", "strategy", "instrument", "usd_rate", "mark_price", "holding_decimals", "read_ns"}
    return values[:1] if kept else np.zeros(1, values.dtype)


def _text(value: bytes) -> str:
    return bytes(value).rstrip(b"\0").decode()


def _day(at_ns: Any) -> str:
    return str(np.datetime64(int(at_ns), "ns"))[:10]


def _steps(first: int, last: int) -> Any:
    """The ends of the steps: at most STEPS_MOST of them, or an hour each."""
    step = next((one for one in STEPS_NS if (last - first) // one < STEPS_MOST), STEPS_NS[-1])
    step = min(step, max(1, last - first))
    begin = first // step * step
    return np.arange(begin, last + step, step, dtype=np.int64)


def _at(times: Any, values: Row, at_ns: Any) -> Row:
    """The last value at or before each time; 0 before the first."""
    places = np.searchsorted(times, at_ns, side="right") - 1
    return carried(np.where(places >= 0, values[np.maximum(places, 0)], np.nan))[0]


def _last(series: tuple[Any, Row] | None, times: Any) -> Row:
    """The last price before each time; nan without one."""
    if series is None:
        return np.full(len(times), np.nan)
    places = np.searchsorted(series[0], times, side="left") - 1
    return np.where(places >= 0, series[1][np.maximum(places, 0)], np.nan)


def groups(*columns: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Each combination of values that occurs, with its rows in their order."""
    if not len(columns[0]):
        return
    table = np.stack([np.asarray(one, np.int64) for one in columns], axis=1)
    keys, which = np.unique(table, axis=0, return_inverse=True)
    for number, key in enumerate(keys):
        yield tuple(int(one) for one in key), np.flatnonzero(which.reshape(-1) == number)

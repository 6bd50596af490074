"""What an indicator costs: by the row, as a strategy calls it, and over arrays, as research does; peers beside it.

    update_ns     one call of `update` from Python, with the loop around it
    rows_per_s    rows of `over`, which calls the same compiled lines for each row
    cache_hit_ns  a hit of the cache: 1 000 rows compared byte for byte, and records found by their sequences
    ratio         ours ÷ the peer's, of the same kind: above 1 ours takes longer

Rounds are interleaved, so that a noisy minute affects every contender; medians, with the lowest and the highest round
of ours in `spread`. Every indicator has its default parameters.

    python -m bench.indicators [--json]
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench import machine
from bench.peers import indicators as peers
from engine.indicators import Sma
from engine.indicators.cache import Cache
from engine.indicators.catalogue import indicators
from engine.indicators.indicator import Indicator

ROWS = 200_000
UPDATES = 20_000
HITS = 20_000
HIT_ROWS = 1_000
ROUNDS = 7
CLOSE = 1e-6
OURS = [one for one in indicators() if one.__module__.startswith("engine.indicators.")]
Run = Callable[[], object]


def market(rows: int) -> dict[str, np.ndarray]:
    """The columns of a random walk."""
    random = np.random.default_rng(7)
    price = 60_000 * np.exp((random.normal(size=rows) * 1e-4).cumsum())
    columns = {"price": price, "close": price, "high": price * 1.0002, "low": price * 0.9997}
    columns |= {"volume": random.exponential(size=rows), "size": random.exponential(size=rows)}
    columns |= {"side": random.choice([-1.0, 1.0], rows), "time_ns": np.arange(rows, dtype=np.int64) * 10**9}
    for side, sign in (("bid", -1), ("ask", 1)):
        columns[f"{side}_price_1"] = price + sign * 0.05
        columns |= {f"{side}_size_{level}": random.exponential(size=rows) for level in range(1, 11)}
    return columns


def ns(run: Run, count: int) -> float:
    """Nanoseconds of the processor for one of `count`."""
    before = time.process_time_ns()
    run()
    return (time.process_time_ns() - before) / count


def caller(update: Callable[..., object], rows: list[tuple[float, ...]]) -> Run:
    """A loop that calls `update` for each row."""

    def run() -> None:
        for row in rows:
            update(*row)

    return run


def rows_of(one: Indicator, columns: Mapping[str, np.ndarray]) -> list[tuple[float, ...]]:
    """The first rows as Python numbers."""
    return list(zip(*(columns[name][:UPDATES].tolist() for name in one.inputs), strict=True))


def by_row(columns: Mapping[str, np.ndarray], absent: dict[str, str]) -> dict[str, dict[str, Run]]:
    """For each contender, what calls its update for each row."""
    ours = {kind.definition.name: kind() for kind in OURS}
    runs = {"ours": {name: caller(one.update, rows_of(one, columns)) for name, one in ours.items()}}
    if "nautilus_trader" in absent:
        return runs
    runs["nautilus_trader"] = {}
    for name, (update, value) in peers.nautilus_updates().items():
        run = caller(update, rows_of(ours[name], columns))
        run()
        expected = ours[name].over(*(columns[column][:UPDATES] for column in ours[name].inputs))[-1]
        keep("nautilus_trader", name, run, value(), expected, runs["nautilus_trader"], absent)
    return runs


def by_array(columns: Mapping[str, np.ndarray], absent: dict[str, str]) -> dict[str, dict[str, Run]]:
    """For each contender, what computes the whole arrays."""
    ours = {kind.definition.name: kind() for kind in OURS}
    call = lambda one: lambda: one.over(*(columns[name] for name in one.inputs))  # noqa: E731 - a call for later
    runs: dict[str, dict[str, Run]] = {"ours": {name: call(one) for name, one in ours.items()}}
    for peer, functions in (("talib", peers.talib_over), ("pandas", peers.pandas_over)):
        if peer in absent:
            continue
        runs[peer] = {}
        for name, function in functions().items():
            found = float(np.asarray(function(columns))[-1])
            keep(peer, name, lambda f=function: f(columns), found, float(runs["ours"][name]()[-1]), runs[peer], absent)
    return runs


def keep(
    peer: str, name: str, run: Run, found: float, expected: float, into: dict[str, Run], absent: dict[str, str]
) -> None:
    """Measure a peer whose value is ours; name another one."""
    if abs(found - expected) <= CLOSE * abs(expected):
        into[name] = run
    else:
        absent[f"{peer} {name}"] = f"its last value was {found:.6g}, ours {expected:.6g}: another formula"


def cache_runs() -> dict[str, Run]:
    """Hits of the cache."""
    cache, one, prices = Cache(), Sma(20), market(HIT_ROWS)["price"]
    source = ("demo", "bars", "BTCUSDT", 1)
    cache.over_records(one, source, 0, HIT_ROWS, lambda: [prices])

    def arrays() -> None:
        for _ in range(HITS):
            cache.over(one, prices)

    def records() -> None:
        for _ in range(HITS):
            cache.over_records(one, source, 0, HIT_ROWS, list)

    return {"arrays": arrays, "records": records}


def timed(runs: Mapping[str, Mapping[str, Run]], count: int) -> dict[str, dict[str, list[float]]]:
    """Every contender's rounds, interleaved."""
    times: dict[str, dict[str, list[float]]] = {who: {name: [] for name in these} for who, these in runs.items()}
    for _ in range(ROUNDS):
        for name in next(iter(runs.values())):
            for who, these in runs.items():
                if name in these:
                    times[who][name].append(ns(these[name], count))
    return times


def figures(times: dict[str, dict[str, list[float]]]) -> dict[str, dict[str, float]]:
    """The median of each."""
    return {who: {name: statistics.median(one) for name, one in these.items()} for who, these in times.items()}


def rounded(values: Mapping[str, float], digits: int = 1) -> dict[str, float]:
    """Figures as they are printed."""
    return {name: round(value, digits) for name, value in values.items()}


def spread_of(times: Mapping[str, list[float]]) -> dict[str, list[float]]:
    """The lowest and the highest round of each."""
    return {name: [round(min(one), 1), round(max(one), 1)] for name, one in times.items()}


def ratios(ours: Mapping[str, float], theirs: Mapping[str, float]) -> dict[str, float]:
    """Our time over the peer's."""
    return {name: round(ours[name] / value, 2) for name, value in theirs.items()}


def measure() -> dict[str, Any]:
    """Every figure."""
    columns = market(ROWS)
    absent = {peer: reason for peer in peers.PEERS if (reason := peers.missing(peer))}
    row_times = timed(by_row(columns, absent), UPDATES)
    array_times = timed(by_array(columns, absent), ROWS)
    hit_times = timed({"cache": cache_runs()}, HITS)["cache"]
    rows, arrays = figures(row_times), figures(array_times)
    ours = {"by row": rows.pop("ours"), "by array": arrays.pop("ours")}
    return {
        "machine": machine.describe(),
        "update_ns": rounded(ours["by row"]),
        "rows_per_s": {name: round(1e9 / value) for name, value in ours["by array"].items()},
        "cache_hit_ns": rounded({name: statistics.median(one) for name, one in hit_times.items()}),
        "peers": {
            **{
                who: {"update_ns": rounded(these), "ratio": ratios(ours["by row"], these)}
                for who, these in rows.items()
            },
            **{
                who: {
                    "rows_per_s": {n: round(1e9 / v) for n, v in these.items()},
                    "ratio": ratios(ours["by array"], these),
                }
                for who, these in arrays.items()
            },
        },
        "spread": {"update_ns": spread_of(row_times["ours"]), "row_ns": spread_of(array_times["ours"])},
        "absent": absent,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    print(json.dumps(measure(), indent=None if as_json else 2))

"""What a report shows, as plain values. Tables are bounded and rows thinned: the size does not grow with the run."""

from dataclasses import asdict
from typing import Any

import numpy as np

from research.performance.figures import Figure
from research.performance.performance import Performance
from research.report.grids import bars, correlation, hours, months
from research.report.lines import POINTS_MOST, lines
from research.report.strategies import strategies
from research.report.tables import known, milliseconds, orders, quality, trades
from research.report.thin import kept
from research.report.values import number, numbers, seconds_of, step_text, text_of
from research.statistics.figures import drawdowns
from research.statistics.monte_carlo import QUANTILES, Paths


def content(one: Performance, figures: tuple[Figure, ...], paths: Paths | None, seed: int) -> dict[str, Any]:
    """Everything that the page draws."""
    return {
        "title": one.title, "source": one.source, "part": one.part, "currency": one.currency, "capital": one.capital,
        "missing": list(one.missing), "unmarked": one.unmarked, "step": step_text(one.step_ns), "seed": seed,
        "first": text_of(one.at_ns[0]), "last": text_of(one.at_ns[-1]),
        "assumptions": [
            asdict(each) | {"profit": number(each.profit)} for each in one.assumptions
        ],
        "facts": [list(each) for each in (*one.facts, *sorted(one.seals.items()))],
        "figures": [each._asdict() for each in figures],
        "equity": _equity(one), "exposure": _exposure(one), "profits": lines(one, one.profits),
        "hours": hours(one.at_ns[1:], np.diff(one.equity)), "months": months(one),
        "trades_by_hour": hours(one.trades["closed_ns"], one.trades["profit"]),
        "trade_sizes": bars(one.trades["profit"]), "correlation": correlation(one.profits),
        "slippage": bars(known(one.executions["slippage_bps"])),
        "acknowledged": bars(milliseconds(one.executions["acknowledged_ns"]), wide=True),
        "waits": bars(milliseconds(one.executions["wait_ns"]), wide=True),
        "quality": quality(one), "orders": orders(one), "trades": trades(one),
        "strategies": strategies(one) if one.strategies else None,
        "paths": None if paths is None else _paths(paths),
    }  # fmt: skip


def _equity(one: Performance) -> dict[str, Any]:
    """Equity and drawdown; where nothing is left to lose a part of, no drawdown."""
    fallen = drawdowns(one.equity) if one.equity[0] > 0 else np.zeros(len(one.equity))
    places = kept([one.equity, fallen], POINTS_MOST)
    at, equity = seconds_of(one.at_ns[places]), numbers(one.equity[places], 9)
    return {"at": at, "equity": equity, "drawdown": numbers(-100 * fallen[places])}


def _exposure(one: Performance) -> dict[str, Any]:
    """Gross and net exposure, and the value of each instrument, in parts of the equity."""
    base = np.where(one.equity > 0, one.equity, np.nan)
    shown = lines(one, {name: 100 * row / base for name, row in one.values.items()})
    rows = np.array(list(one.values.values())) if one.values else np.zeros((1, len(base)))
    gross, net = np.abs(rows).sum(axis=0) / base, rows.sum(axis=0) / base
    places = kept([np.nan_to_num(gross), np.nan_to_num(net)], POINTS_MOST)
    return {
        "at": seconds_of(one.at_ns[places]), "gross": numbers(100 * gross[places]), "net": numbers(100 * net[places]),
        "parts": shown,
    }  # fmt: skip


def _paths(paths: Paths) -> dict[str, Any]:
    """Other orders of the trades."""
    return {
        "at": paths.band_at.tolist(), "band": [numbers(row) for row in paths.band], "quantiles": list(QUANTILES),
        "returns": numbers(100 * paths.returns), "drawdowns": numbers(100 * paths.drawdowns),
        "ruin": 100 * paths.ruin, "spread": 100 * paths.spread, "trades": paths.trades, "paths": paths.paths,
        "seed": paths.seed, "slippage_bps": paths.slippage_bps,
    }  # fmt: skip

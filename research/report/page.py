"""Writes the page: the content as JSON, beside the style, the script and uPlot, in one file.

The page loads nothing: it has a policy that forbids every request, and a test opens it in a browser and counts them.
"""

import html
import os
from importlib import resources
from pathlib import Path
from typing import Any

import orjson

from research.performance.figures import figures_of
from research.performance.performance import Performance
from research.report.content import content
from research.statistics.figures import Undefined
from research.statistics.intervals import DRAWS
from research.statistics.monte_carlo import Paths, paths_of

SIZE_MOST = 3_000_000
SLIPPAGE_BPS = 1.0  # how much worse than it was the execution of a drawn trade is, on average
PATH_TRADES_MOST = 5_000


def write(
    path: str | os.PathLike[str], one: Performance, *, seed: int = 0, draws: int = DRAWS,
    slippage_bps: float = SLIPPAGE_BPS,
) -> Path:  # fmt: skip
    """Write the report of a performance; the same performance and seed give the same bytes."""
    text = page(one, seed=seed, draws=draws, slippage_bps=slippage_bps).encode()
    assert len(text) <= SIZE_MOST, f"the report has {len(text)} bytes, more than {SIZE_MOST}"
    target = Path(path)
    target.write_bytes(text)
    return target


def page(one: Performance, *, seed: int = 0, draws: int = DRAWS, slippage_bps: float = SLIPPAGE_BPS) -> str:
    """The whole page."""
    shown = content(one, figures_of(one, seed, draws), _paths(one, seed, slippage_bps), seed)
    return filled(one.title, shown, "page.js")


def filled(title: str, shown: Any, script: str) -> str:
    """The page of some content, drawn by one of the scripts."""
    data = orjson.dumps(shown, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    data = data.replace("<", "\\u003c")  # a name cannot end the script
    parts = {
        "title": html.escape(title), "style": _vendored("uPlot.min.css") + _asset("page.css"), "data": data,
        "charts": _vendored("uPlot.iife.min.js"), "script": _asset(script),
    }  # fmt: skip
    text = _asset("page.html")
    for name, value in parts.items():
        text = text.replace(f"<!--{name}-->", value, 1)
    return text


def _asset(name: str) -> str:
    """A file of the page."""
    return resources.files("research.report").joinpath("assets", name).read_text(encoding="utf-8")


def _vendored(name: str) -> str:
    """A file of uPlot, of which the dashboard has the one copy."""
    return resources.files("engine.dashboard").joinpath("page", "vendor", name).read_text(encoding="utf-8")


def _paths(one: Performance, seed: int, slippage_bps: float) -> Paths | None:
    """Other orders of the trades; None with too few of them. Of very many trades the newest are drawn from."""
    trades = one.trades[-PATH_TRADES_MOST:]
    try:
        return paths_of(
            trades["profit"], trades["entry"] * trades["size"], one.capital, slippage_bps=slippage_bps, seed=seed
        )
    except Undefined:
        return None

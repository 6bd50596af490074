"""The position of one symbol as a live system publishes it.

    from research import get_position_snapshot

    get_position_snapshot("BTCUSDT")             # of the only system on this machine, or system="demo"

A call maps the lanes read-only and registers nothing. A system that has stopped has the position of its last moment.
"""

from dataclasses import dataclass
from math import fsum, nan
from typing import Any

import numpy as np

import shm
from engine.monitor.names import Names
from research.lanes import Records, frame

WHOLE = 0  # in the field `strategy`: the account's whole position
SUMS = ("realised", "unrealised", "fees", "net", "open_buy", "open_sell")


@dataclass(frozen=True)
class PositionSnapshot:
    """The position over all accounts. Sizes are in the base asset; prices and money in the quote asset.

    Money is NaN while a part that is held has no price.
    """

    system: str
    symbol: str
    size: float  # below 0: short; with dust, which is less than one size step
    average_price: float  # the cost of what is held, by the unit; NaN without a position
    mark_price: float  # the middle of the book at the last valuation; NaN without one
    realised: float
    unrealised: float
    fees: float
    net: float  # realised + unrealised - fees
    open_buy: float  # size of working orders
    open_sell: float
    fill_count: int
    update_ns: int  # the newest fill; 0 without one
    accounts: dict[str, float]  # the size by account
    strategies: dict[str, float]  # the size by strategy


def get_position_snapshot(symbol: str, system: str = "") -> PositionSnapshot:
    """The position of a symbol; a size of 0 if no account has traded it."""
    name = _choose(system)
    rows = frame(name, "positions", symbol)
    whole = rows[rows["strategy"] == WHOLE]
    sums: dict[str, Any] = {one: fsum(whole[one]) for one in SUMS}
    names, sizes = Names.of(name), whole["size"] + whole["dust"]
    return PositionSnapshot(
        system=name,
        symbol=symbol,
        size=fsum(sizes),
        average_price=_average(whole["average_price"], sizes),
        mark_price=_mark(whole),
        fill_count=int(whole["fill_count"].sum()),
        update_ns=_newest(whole["update_ns"]),
        accounts={names.account(int(row["account"])): float(row["size"] + row["dust"]) for row in whole},
        strategies=_by_strategy(rows[rows["strategy"] != WHOLE], names),
        **sums,
    )


def _choose(system: str) -> str:
    """The named system, or the only one on this machine that publishes positions."""
    known = sorted({name.split(".")[0] for name in shm.names() if ".positions." in name})
    found = [one for one in known if system in {"", one}]
    if len(found) != 1:
        raise ValueError(
            f"system is {system!r}; expected one of those with positions here: {', '.join(known) or 'none'}"
        )
    return found[0]


def _average(prices: Records, sizes: Records) -> float:
    """The cost of all parts over their size."""
    size = fsum(sizes)
    return fsum(prices * sizes) / size if size else nan


def _mark(whole: Records) -> float:
    """The mark of the largest part."""
    marked = whole[whole["mark_price"] > 0]
    return float(marked[np.argmax(np.abs(marked["size"]))]["mark_price"]) if len(marked) else nan


def _newest(times: Records) -> int:
    """The newest of the times that are there."""
    known = times[~np.isnat(times)]
    return int(known.max().astype(np.int64)) if len(known) else 0


def _by_strategy(rows: Records, names: Names) -> dict[str, float]:
    """The size of each strategy over all accounts."""
    found: dict[str, float] = {}
    for row in rows:
        name = names.strategy(int(row["strategy"]))
        found[name] = found.get(name, 0.0) + float(row["size"] + row["dust"])
    return found

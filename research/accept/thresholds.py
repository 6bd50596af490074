"""The thresholds of the gate: a table in TOML, each key a bound; a key that is not written is not checked.

[accept]
trades_least = 100
sharpe_low_least = 0.5        the low end of the 95 % interval
drawdown_most = 0.15
profit_factor_least = 1.2
favouring_share_most = 0.25   of the profit, what favouring assumptions add
evidence = ["lookahead", "parity"]
"""

import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

from engine.config.nearest import read_table

Count = Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Every bound; None: it is not checked."""

    trades_least: Count | None = None
    profit_least: float | None = None
    return_least: float | None = None
    sharpe_least: float | None = None
    sharpe_low_least: float | None = None
    sortino_least: float | None = None
    calmar_least: float | None = None
    drawdown_most: Share | None = None
    drawdown_high_most: Share | None = None  # the high end of the interval
    win_rate_least: Share | None = None
    profit_factor_least: float | None = None
    profit_factor_low_least: float | None = None
    capacity_least: float | None = None
    deflated_sharpe_least: Share | None = None
    overfit_most: Share | None = None
    ruin_most: Share | None = None
    favouring_share_most: float | None = None
    partial: bool = False  # whether data may be missing
    evidence: tuple[str, ...] = ()  # tests whose passing is required, by name


def read_thresholds(path: Path) -> Thresholds:
    """Read the table; ValueError names the key, what was found and what was expected."""
    try:
        tables = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path}: {error}") from error
    if set(tables) != {"accept"} or not isinstance(tables["accept"], dict) or not tables["accept"]:
        raise ValueError(f"{path}: found tables {sorted(tables)}, expected one table [accept] with thresholds")
    try:
        return read_table(tables["accept"], Thresholds)
    except ValueError as error:  # msgspec's errors are ValueErrors
        raise ValueError(f"{path}: accept: {error}") from error

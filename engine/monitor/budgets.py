"""The budget of each hop: how long it may take, from [latency] of the system's file."""

import json
from collections.abc import Mapping

from engine.config import ConfigError, Paths, load
from engine.config.tables import Latency
from engine.meters.table import HOPS


def budgets_of(system: str) -> Mapping[str, int]:
    """The budgets in nanoseconds, by hop; the defaults where the file cannot be read."""
    try:
        table = load(json.loads(Paths.known(system).system.read_text(encoding="utf-8"))["config"]).latency
    except (OSError, ValueError, KeyError, TypeError, ConfigError):
        table = Latency()
    return {hop: round(micros * 1000) for hop, micros in table.budgets.items()}


def check_budgets(table: Latency) -> None:
    """Refuse a budget of a hop that does not exist."""
    names = [one.name for one in HOPS]
    for hop in table.budgets:
        if hop not in names:
            msg = f"latency: budgets.{hop}: expected one of the hops {', '.join(names)}"
            raise ValueError(msg)

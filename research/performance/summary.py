"""The figures of a performance as a small JSON file: what the gate reads, and what a next run can be compared with."""

import math
import os
from pathlib import Path
from typing import Any

import msgspec

from research.performance.figures import figures_of
from research.performance.performance import Performance
from research.statistics.figures import Undefined
from research.statistics.monte_carlo import paths_of

FORMAT = 1


class Known(msgspec.Struct, frozen=True):
    """A figure with its interval; `value` is None when the data does not define it."""

    value: float | None
    low: float | None = None
    high: float | None = None
    why: str = ""


class Summary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a run."""

    format: int
    title: str
    source: str
    currency: str
    figures: dict[str, Known]
    favours: dict[str, float | None]  # favouring assumptions and what each adds; None: not known
    missing: list[str]
    seals: dict[str, str]
    parameters: dict[str, Any] = {}

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it as JSON."""
        target = Path(path)
        target.write_bytes(msgspec.json.format(msgspec.json.encode(self, order="deterministic"), indent=1))
        return target


def load(path: str | os.PathLike[str]) -> Summary:
    """Read a summary; ValueError names what is wrong."""
    try:
        found = msgspec.json.decode(Path(path).read_bytes(), type=Summary)
    except (OSError, msgspec.DecodeError) as error:
        raise ValueError(f"{path}: {error}: expected a summary, as research.performance.summary_of saves it") from error
    if found.format != FORMAT:
        raise ValueError(f"{path}: format {found.format}, expected {FORMAT}")
    return found


def summary_of(one: Performance, seed: int = 0) -> Summary:
    """The figures with their intervals, and the ruin of other orders of the trades."""
    found = {each.name: Known(each.value, each.low, each.high, each.why) for each in figures_of(one, seed)}
    made = [each for each in one.assumptions if each.made]
    favours = {each.name: None if math.isnan(each.profit) else each.profit for each in made if each.favours}
    return Summary(
        FORMAT, one.title, one.source, one.currency, {**found, "ruin": _ruin(one, seed)}, favours, list(one.missing),
        dict(one.seals), dict(one.parameters),
    )  # fmt: skip


def _ruin(one: Performance, seed: int) -> Known:
    """The part of the drawn paths that lost half of the capital."""
    try:
        return Known(
            paths_of(one.trades["profit"], one.trades["entry"] * one.trades["size"], one.capital, seed=seed).ruin
        )
    except Undefined as reason:
        return Known(None, why=str(reason))

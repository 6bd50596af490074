"""The sums of every position of an account, and how they compare with the positions that execution publishes.

Both sides are compared to the last digit when both have counted the same number of fills. While execution publishes
fewer fills than the monitor has read, or more, nothing is compared, and that itself is a difference if it lasts.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.model.fixed import clamped, to_text
from engine.model.instrument import Instrument
from engine.model.records import FEE_DECIMALS
from engine.model.rows import FillRow, PositionRow
from engine.model.words import FillFlag
from engine.monitor.recount.differences import Differences, Finding
from engine.monitor.recount.sums import Sums

NEVER = 1 << 62
Owner = tuple[int, int]  # a strategy, 0 for the account, and an instrument


class Positions:
    """The sums by owner and instrument: those of the configuration, then those of strategies that it no longer has."""

    def __init__(self, instruments: Iterable[Instrument], strategies: Iterable[int]) -> None:
        """Begin with the account and each strategy flat in each instrument."""
        self.instruments = {one.id: one for one in instruments}
        self.first_ns = NEVER  # when the first fill came
        self.sums: dict[Owner, Sums] = {
            (strategy, number): Sums(one) for strategy in (0, *strategies) for number, one in self.instruments.items()
        }

    def add(self, fill: FillRow) -> None:
        """Add a fill to its strategy and to the account, which an internal fill leaves as it is."""
        self.first_ns = min(self.first_ns, fill.receive_ns)
        owners = (fill.strategy,) if fill.flags & FillFlag.INTERNAL else (0, fill.strategy)
        for strategy in dict.fromkeys(owners):
            self.of((strategy, fill.instrument)).add(fill)

    def of(self, owner: Owner) -> Sums:
        """The sums of an owner."""
        if owner not in self.sums:
            self.sums[owner] = Sums(self.instruments[owner[1]])
        return self.sums[owner]

    def dump(self) -> dict[str, Any]:
        """Every sum, for JSON."""
        rows = [[*owner, sums.dump()] for owner, sums in self.sums.items() if sums.fill_count]
        return {"first_ns": self.first_ns, "sums": rows}

    def load(self, dumped: Mapping[str, Any]) -> None:
        """Continue from what `dump` gave."""
        self.first_ns = dumped["first_ns"]
        for strategy, instrument, sums in dumped["sums"]:
            self.of((strategy, instrument)).load(sums)

    @property
    def account(self) -> Mapping[int, Sums]:
        """The account's own sums, by instrument."""
        return {instrument: sums for (strategy, instrument), sums in self.sums.items() if not strategy}


def compare(sums: Sums, row: PositionRow, into: Differences, now_ns: int) -> None:
    """Compare one published position with the sums, and note or clear the differences."""
    count, figures = ("count", row.strategy, row.instrument), ("figures", row.strategy, row.instrument)
    if row.fill_count != sums.fill_count:
        text = f"{_name(sums, row)}: the monitor counts {sums.fill_count} fills, execution {row.fill_count}"
        into.note(count, row.fill_count - sums.fill_count, Finding((row.instrument,), row.strategy, 0, text), now_ns)
        return
    into.clear(count)
    wrong = differing(sums, row)
    if not wrong:
        into.clear(figures)
        return
    more = _more(sums, row)
    difference = clamped(more[0] // 10 ** (sums.scale.held - FEE_DECIMALS))
    what = f"the monitor's sum of {sums.fill_count} fills is {_text(sums, *wrong[:2])}, execution has {wrong[2]}"
    text = f"{_name(sums, row)}: {what}"
    finding = Finding((row.instrument,), row.strategy, difference, text, more)
    into.note(figures, "figures", finding, now_ns)


def differing(sums: Sums, row: PositionRow) -> tuple[str, int, str] | None:
    """The first figure that differs: its name, ours, and execution's as text; None: they agree.

    Two ways to round an average cost may differ by one last digit a fill, which moves nothing but realised and cost.
    """
    scale, realised = sums.scale, row.realised_high << 64 | row.realised_low
    held, cash, fees = _more(sums, row)
    if held:
        return "position", sums.held, to_text(sums.held + held, scale.held)
    if cash:
        return "cash", sums.cash, to_text(sums.cash + cash, scale.money)
    if fees:
        return "fees", sums.fees, to_text(sums.fees + fees, scale.money)
    if abs(realised - sums.realised) > sums.fill_count:
        return "realised", sums.realised, to_text(realised, scale.money)
    return None


def _more(sums: Sums, row: PositionRow) -> tuple[int, int, int]:
    """What execution has more of holdings, cash and fees; a fill that both count alike changes none of them."""
    realised, cost = row.realised_high << 64 | row.realised_low, row.cost_high << 64 | row.cost_low
    held, fees = row.size * sums.scale.size_unit + row.dust, row.fees_high << 64 | row.fees_low
    return held - sums.held, realised - cost - sums.cash, fees - sums.fees


def _text(sums: Sums, name: str, value: int) -> str:
    return f"{name} {to_text(value, sums.scale.held if name == 'position' else sums.scale.money)}"


def _name(sums: Sums, row: PositionRow) -> str:
    return f"{sums.one.symbol} of {f'strategy {row.strategy}' if row.strategy else 'the account'}"

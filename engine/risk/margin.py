"""The margin of positions, in millionths of a dollar: a derivative's by its venue's formulas, else the whole value."""

from collections.abc import Mapping

from engine.risk.gate import Account


def initial_margin(account: Account, values: Mapping[int, int]) -> int:
    """What these values, by instrument, bind at the leverage that is set."""
    leverage, margin = account.limits.margin_leverage, account.margin
    return sum(margin[number].initial(value, leverage) if number in margin else value
               for number, value in values.items())  # fmt: skip


def maintenance_margins(account: Account, values: Mapping[int, int]) -> dict[int, int]:
    """Below how much of the equity each of these values is liquidated; what is no derivative is no collateral."""
    margin = account.margin
    return {number: margin[number].maintenance(value) if number in margin else value
            for number, value in values.items()}  # fmt: skip

"""The table of docs/indicators.md, written from the definitions: `python -m engine.indicators.describe`."""

from engine.indicators.catalogue import indicators
from engine.indicators.indicator import Indicator

COLUMNS_MAX = 4  # that are listed
HEAD = "| names | reads | parameters | formula | first value at row | TA-Lib |\n|---|---|---|---|---|---|\n"


def table() -> str:
    """One row for each indicator of the product."""
    ours = [one for one in indicators() if one.__module__.startswith("engine.indicators.")]
    return HEAD + "".join(_row(one) for one in ours)


def _row(one: type[Indicator]) -> str:
    """The definition, with the first row at the default parameters."""
    definition = one.definition
    standard = one()
    names = ", ".join(f"`{name}`" for name in definition.names)
    reads = f"{definition.kind}: {', '.join(definition.columns(standard.parameters))}"
    numbers = ", ".join(f"{each.name} = {each.default}" for each in definition.parameters) or "none"
    title = f"**{definition.title}**: {definition.formula}"
    return f"| {names} | {_short(reads)} | {numbers} | {title} | {standard.first_row} | {definition.talib} |\n"


def _short(reads: str) -> str:
    """The columns, without the middle of a long list."""
    columns = reads.split(", ")
    return reads if len(columns) <= COLUMNS_MAX else ", ".join((*columns[:2], "…", columns[-1]))


if __name__ == "__main__":
    print(table(), end="")  # noqa: T201 - a program that prints

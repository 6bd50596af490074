"""Binance USD-M, one-way mode, cross margin: the brackets as the venue lists them, and its liquidation price.

    LP = (WB - TMM + UPNL + cum - side * pos * EP) / (pos * MMR - side * pos)

WB is the wallet's balance, TMM and UPNL the maintenance margin and unrealised profit of the other positions, MMR and
cum those of a bracket. With the mark M, the notional N = pos * M and the margin balance E = WB + every unrealised
profit, the entry price drops out, and the way to the liquidation as a share of the mark is

    side * (M - LP) / M = (E - TMM + cum - MMR * N) / (N * (1 - side * MMR))

The notional changes on that way, and so may its bracket. The maintenance margin of a notional is the highest of all
brackets' lines (`read_brackets` refuses a list of which this is not true), so the shortest way of all brackets counts.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from engine.venues.margin import MICRO, Bracket, Brackets

UNIT = 10**9  # a rate has at most nine decimals
KEYS = ("notionalFloor", "notionalCap", "maintMarginRatio", "cum", "initialLeverage")


class CrossMargin:
    """One symbol's formulas."""

    def __init__(self, brackets: Sequence[Bracket]) -> None:
        """Keep each bracket as whole numbers."""
        self._lines = [(int(one.rate * UNIT), int(one.amount * MICRO * UNIT)) for one in brackets]
        self._leverages = [(int(one.cap * MICRO), one.leverage) for one in brackets]

    def initial(self, notional: int, leverage: int) -> int:
        """The notional over the leverage, but at most over its bracket's."""
        allowed = next((most for cap, most in self._leverages if notional <= cap), self._leverages[-1][1])
        return -(-notional // min(leverage, allowed))

    def maintenance(self, notional: int) -> int:
        """The highest of the brackets' lines."""
        return -(-max(rate * notional - amount for rate, amount in self._lines) // UNIT)

    def distance(self, side: int, notional: int, free: int) -> tuple[int, int]:
        """The shortest way of all brackets."""
        near, unit = 0, 0
        for rate, amount in self._lines:
            way, whole = free * UNIT + amount - rate * notional, notional * (UNIT - side * rate)
            if not unit or way * unit < near * whole:
                near, unit = way, whole
        return near, unit


def read_brackets(file: Path) -> Brackets:
    """The brackets of a file with the answer of GET /fapi/v1/leverageBracket, of one symbol or of many."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise ValueError(f"{file}: expected the answer of /fapi/v1/leverageBracket in JSON: {error}") from error
    symbols = found if isinstance(found, list) else [found]
    return {_name(one, file): _read(one, file) for one in symbols}


def _name(entry: Any, file: Path) -> str:
    if not isinstance(entry, dict) or not isinstance(entry.get("symbol"), str) or not _list_of(entry):
        raise ValueError(f'{file}: expected objects with "symbol" and "brackets", was {str(entry)[:80]}')
    return str(entry["symbol"])


def _list_of(entry: Mapping[str, Any]) -> list[Any] | None:
    found = entry.get("brackets")
    return found if isinstance(found, list) else None


def _read(entry: Mapping[str, Any], file: Path) -> tuple[Bracket, ...]:
    """The brackets of a symbol, in their order."""
    place = f"{file}: {entry['symbol']}"
    if entry.get("notionalCoef", 1) != 1:
        raise ValueError(
            f"{place}: notionalCoef is {entry['notionalCoef']}, expected none: write the brackets it makes"
        )
    read = [_bracket(one, place) for one in entry["brackets"]]
    _check(sorted(read), place)
    return tuple(sorted(read))


def _bracket(row: Any, place: str) -> Bracket:
    try:
        floor, cap, rate, amount, leverage = (Decimal(str(row[key])) for key in KEYS)
    except (TypeError, KeyError, ArithmeticError) as error:
        raise ValueError(f"{place}: expected a bracket with the numbers {', '.join(KEYS)}, was {row}") from error
    finite = all(one.is_finite() for one in (floor, cap, rate, amount, leverage))
    if not finite or not 0 < rate < 1 or rate * UNIT % 1 or amount * MICRO % 1 or not floor < cap or leverage < 1:
        raise ValueError(
            f"{place}: expected floor < cap, a rate over 0 and under 1 of at most 9 decimals, an amount of at most 6"
            f" and a leverage of at least 1, was {row}"
        )
    return Bracket(floor, cap, rate, amount, int(leverage))


def _check(brackets: Sequence[Bracket], place: str) -> None:
    """Refuse brackets with a hole, or whose maintenance margin jumps or grows more slowly for more notional."""
    if brackets[0].floor or brackets[0].amount:
        raise ValueError(f"{place}: the first bracket must begin at 0 with cum 0, was {brackets[0]}")
    for low, high in pairwise(brackets):
        amount = low.amount + high.floor * (high.rate - low.rate)
        if high.floor != low.cap or high.rate <= low.rate or abs(high.amount - amount) > 1:
            raise ValueError(
                f"{place}: the bracket from {high.floor} must begin at {low.cap}, have a rate over {low.rate} and cum"
                f" {amount}, was rate {high.rate} and cum {high.amount}"
            )

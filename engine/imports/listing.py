"""The instruments that an import may name: from `--instrument`, and from what the feeds of a system have kept."""

import re
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from engine.feed.instruments.instruments import load_instruments
from engine.imports.errors import ImportRefusedError
from engine.imports.numbers import NUMBER
from engine.model.fixed import to_fixed
from engine.model.instrument import DECIMALS_MAX
from engine.recorder.part import Known

SHAPE = re.compile(r"[A-Za-z0-9_.-]{1,16}:[^:,=\s]{1,32}")
EXPECTED = "expected venue:SYMBOL,price=0.01,size=0.00001 (the steps of price and size), with ,id=1 if it has one"


class Listed(NamedTuple):
    """An instrument: its names, and the decimals and steps by which its numbers are read."""

    venue: str
    symbol: str
    price_decimals: int
    size_decimals: int
    price_step: int  # at these decimals
    size_step: int
    id: int = 0  # of a system; 0: of none
    trading: bool = True

    @property
    def known(self) -> Known:
        """As the head of a part describes it."""
        return self.venue, self.symbol, self.price_decimals, self.size_decimals

    @property
    def name(self) -> str:
        """As options name it."""
        return f"{self.venue}:{self.symbol}"


class Listing:
    """Finds an instrument by its symbol, or by venue and symbol."""

    def __init__(self, given: Iterable[Listed] = (), kept: Iterable[Listed] = ()) -> None:
        """Those that are `given` replace those of the same name that a system has kept."""
        self.given = tuple(given)
        self._known = {one.name: one for one in (*kept, *self.given)}

    def find(self, symbol: str, venue: str = "") -> Listed | None:
        """The instrument; None without one. Refuse a symbol that several venues have."""
        names = [f"{venue}:{symbol}"] if venue else [name for name in self._known if name.endswith(f":{symbol}")]
        if len(names) > 1:
            raise ImportRefusedError(f"symbol {symbol!r}: found {', '.join(sorted(names))}: choose one by --venue")
        return self._known.get(names[0]) if names else None

    def only(self) -> Listed:
        """The one instrument that is given, for a file that names none."""
        if len(self.given) != 1:
            found = ", ".join(one.name for one in self.given) or "none"
            raise ImportRefusedError(
                f"--instrument: found {found}, expected exactly one, because the file names no symbol:"
                f" {EXPECTED.removeprefix('expected ')}; or name the symbol's column: --columns symbol=NAME"
            )
        return self.given[0]


def parse(text: str, kept: Iterable[Listed] = ()) -> Listed:
    """Read an option `--instrument`; one without steps is one that a system has kept."""
    name, *pairs = text.split(",")
    if not SHAPE.fullmatch(name):
        raise ImportRefusedError(f"--instrument {text!r}: {EXPECTED}")
    keys = dict(pair.partition("=")[::2] for pair in pairs)
    known = next((one for one in kept if one.name == name), None)
    if not keys and known is not None:
        return known
    if not {"price", "size"} <= keys.keys() <= {"price", "size", "id"}:
        raise ImportRefusedError(f"--instrument {text!r}: {EXPECTED}")
    if not keys.get("id", "0").isdigit():
        raise ImportRefusedError(f"--instrument {text!r}: id {keys['id']!r}, expected a whole number")
    (price, price_step), (size, size_step) = (_step(text, key, keys[key]) for key in ("price", "size"))
    venue, _, symbol = name.partition(":")
    return Listed(venue, symbol, price, size, price_step, size_step, int(keys.get("id", 0)))


def kept_by(state: Path) -> list[Listed]:
    """The instruments whose metadata the feeds of a system have kept in its state directory."""
    found = (load_instruments(str(path)) for path in sorted(state.glob("instruments*.json")))
    return [
        Listed(one.venue, one.symbol, one.price_decimals, one.size_decimals, one.price_step, one.size_step, one.id,
               one.trading)
        for kept in found if kept is not None for one in kept.instruments
    ]  # fmt: skip


def _step(option: str, key: str, text: str) -> tuple[int, int]:
    """The decimals of a step, and the step at these decimals."""
    value = Decimal(text) if NUMBER.fullmatch(text) else Decimal(0)
    exponent = value.normalize().as_tuple().exponent
    decimals = max(0, -exponent) if isinstance(exponent, int) else 0
    if value <= 0 or decimals > DECIMALS_MAX:
        raise ImportRefusedError(f"--instrument {option!r}: {key}={text!r}, expected a step as 0.01")
    return decimals, to_fixed(text, decimals)

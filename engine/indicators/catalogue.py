"""Every indicator by name. A class is in the catalogue from its definition on: nothing else lists it.

make("rsi_14")           Rsi(14)
make("macd_signal")      Macd(output="macd_signal"), with the default parameters
make("bb_pct_20_2.5")    Bollinger(20, 2.5, output="bb_pct")
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches

from engine.indicators.indicator import Indicator

NAME = re.compile(r"(?P<output>.*?)(?P<numbers>(?:_\d+(?:\.\d+)?)*)")


def indicators() -> list[type[Indicator]]:
    """Every class that has a definition, by module and name. A class that is defined anew replaces the earlier one."""
    newest = {(one.__module__, one.__qualname__): one for one in _classes(Indicator)}
    return sorted(newest.values(), key=lambda one: (one.__module__, one.definition.name))


def make(name: str) -> Indicator:
    """The indicator that a name such as "rsi_14" means: an output, then parameters in their order."""
    match = NAME.fullmatch(name)
    assert match is not None
    numbers = [float(text) if "." in text else int(text) for text in match["numbers"].split("_")[1:]]
    return _owner(match["output"], name)(*numbers, output=match["output"])


def _owner(output: str, name: str) -> type[Indicator]:
    """The class that has an output, or an error for the name that asked for it."""
    every = indicators()
    found = [one for one in every if output in one.definition.names]
    if len(found) > 1:
        raise ValueError(f"{' and '.join(one.__qualname__ for one in found)} both define {output!r}: rename one")
    if not found:
        known = sorted(each for one in every for each in one.definition.names)
        close = get_close_matches(output, known, n=1)
        near = f"; did you mean {close[0]!r}?" if close else f"; expected one of {', '.join(known)}"
        raise ValueError(f"no indicator {name!r}{near}")
    return found[0]


def _classes(of: type[Indicator]) -> Iterator[type[Indicator]]:
    """The subclasses that have a definition of their own, at any depth."""
    for one in of.__subclasses__():
        if "definition" in vars(one):
            yield one
        yield from _classes(one)

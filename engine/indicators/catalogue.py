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
    """Every class that has a definition, by module and name; of a class that was defined again, the latest."""
    latest = {(one.__module__, one.__qualname__): one for one in _classes(Indicator)}
    return sorted(latest.values(), key=lambda one: (one.__module__, one.definition.name))


def by_output() -> dict[str, type[Indicator]]:
    """Which class has each output."""
    found: dict[str, type[Indicator]] = {}
    for one in indicators():
        for output in one.definition.names:
            if output in found:
                raise ValueError(
                    f"{one.__qualname__} and {found[output].__qualname__} both define {output!r}: rename one"
                )
            found[output] = one
    return found


def make(name: str) -> Indicator:
    """The indicator that a name such as "rsi_14" means: an output, then parameters in their order."""
    match = NAME.fullmatch(name)
    assert match is not None
    known = by_output()
    if match["output"] not in known:
        close = get_close_matches(match["output"], known, n=1)
        near = f"; did you mean {close[0]!r}?" if close else f"; expected one of {', '.join(sorted(known))}"
        raise ValueError(f"no indicator {name!r}{near}")
    numbers = [float(text) if "." in text else int(text) for text in match["numbers"].split("_")[1:]]
    return known[match["output"]](*numbers, output=match["output"])


def _classes(of: type[Indicator]) -> Iterator[type[Indicator]]:
    """The subclasses that have a definition of their own, at any depth."""
    for one in of.__subclasses__():
        if "definition" in vars(one):
            yield one
        yield from _classes(one)

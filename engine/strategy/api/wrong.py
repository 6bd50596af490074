"""The errors of a strategy's calls: each names the argument, what came, what was expected and what converts it."""

import difflib
from collections.abc import Iterable
from typing import Any

EXPECTED = {
    "price": "a whole number of the instrument's price units: price_of(instrument, '60000.10') makes one of text or a "
    "Decimal, price_down and price_up put it on the venue's steps",
    "size": "a whole number of the instrument's size units: size_of(instrument, '0.001') makes one of text or a "
    "Decimal, size_down puts it on the venue's steps",
    "side": "BUY (+1) or SELL (-1)",
    "order_type": "one of engine.strategy.OrderType",
    "time_in_force": "one of engine.strategy.TimeInForce",
    "ttl_ns": "whole nanoseconds",
    "timeout_ns": "whole nanoseconds",
}


def not_whole(argument: str, found: Any) -> TypeError:
    """A float, Decimal or text where an exact integer was expected."""
    return TypeError(f"{argument}: found {found!r} ({type(found).__name__}), expected {EXPECTED[argument]}")


def beyond_range(argument: str, found: Any, expected: str) -> ValueError:
    """A number that cannot be meant."""
    return ValueError(f"{argument}: found {found!r}, expected {expected}")


def not_an_instrument(found: Any) -> TypeError:
    """An id or a symbol where an instrument was expected."""
    name = type(found).__name__
    return TypeError(f"instrument: found {found!r} ({name}), expected an Instrument: book.instrument, or one of "
                     "self.instruments.values(); self.instruments[id] for an id")  # fmt: skip


def not_an_intent(found: Any) -> TypeError:
    """An order where its id was expected."""
    name = type(found).__name__
    return TypeError(f"intent_id: found {found!r} ({name}), expected what `place` gave, or the intent_id of an order")


def replaced(strategy: Any, name: str) -> AttributeError:
    """A name of the engine's set on a strategy."""
    kind = type(strategy).__name__
    if name.startswith("on_"):
        return AttributeError(f"{kind}: self.{name} was set, but names that begin with on_ are hooks, and hooks are "
                              "methods of the class: write `def` there, or choose another name")  # fmt: skip
    return AttributeError(f"{kind}: self.{name} was set, but it is the engine's, and what the engine gives would no "
                          f"longer be seen: choose another name, like self.my_{name}")  # fmt: skip


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The known names that are nearest to a misspelt one, in words."""
    close = difflib.get_close_matches(name, list(known), 2, 0.6)
    return f"did you mean {' or '.join(close)}? " if close else ""

"""The errors of a strategy's calls: each names the argument, what was found, what was expected and what converts it."""

from typing import Any

EXPECTED = {
    "price": "a whole number of the instrument's price units: price_of(instrument, '60000.10') makes one of text or a "
    "Decimal, price_down and price_up put it on the venue's steps",
    "size": "a whole number of the instrument's size units: size_of(instrument, '0.001') makes one of text or a "
    "Decimal, size_down puts it on the venue's steps",
    "side": "BUY (+1) or SELL (-1)",
    "order_type": "one of engine.strategy.OrderType",
    "time_in_force": "one of engine.strategy.TimeInForce",
    "parameters": "whole numbers by the names of the algorithm's parameters",
    "ttl_ns": "whole nanoseconds",
    "timeout_ns": "whole nanoseconds",
    "good_till_ns": "a time in whole nanoseconds since 1970, such as self.now_ns + 60_000_000_000",
}


def not_whole(argument: str, found: Any) -> TypeError:
    """The error for a float, Decimal or text instead of an exact integer."""
    return TypeError(f"{argument}: found {found!r} ({type(found).__name__}), expected {EXPECTED[argument]}")


def beyond_range(argument: str, found: Any, expected: str) -> ValueError:
    """The error for a number outside the allowed range."""
    return ValueError(f"{argument}: found {found!r}, expected {expected}")


def not_an_instrument(found: Any) -> TypeError:
    """The error for an id or a symbol instead of an instrument."""
    name = type(found).__name__
    return TypeError(f"instrument: found {found!r} ({name}), expected an Instrument: book.instrument, or one of "
                     "self.instruments.values(); self.instruments[id] for an id")  # fmt: skip


def not_an_intent(found: Any) -> TypeError:
    """The error for an order instead of its id."""
    name = type(found).__name__
    return TypeError(
        f"intent_id: found {found!r} ({name}), expected the id that `place` returned, or the intent_id of an order"
    )


def replaced(strategy: Any, name: str) -> AttributeError:
    """The error for one of the engine's names set on a strategy."""
    kind = type(strategy).__name__
    if name.startswith("on_"):
        return AttributeError(f"{kind}: self.{name} was set, but names that begin with on_ are hooks, and hooks are "
                              "methods of the class: write `def` there, or choose another name")  # fmt: skip
    return AttributeError(f"{kind}: self.{name} was set, but the engine uses this name: choose another name, like "
                          f"self.my_{name}")  # fmt: skip

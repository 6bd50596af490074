"""The further caps by their key.

    @cap("max_gross_usd", Decimal, ramps=True)
    class GrossUsd: ...

To add a cap: one class in this folder, a line in docs/risk.md and a test. The gate checks every order against the
configured caps after its own caps, and refuses an order that would exceed one. A cap with `exits = True` is checked for
exits too. The compiled approval holds the numbers of a cap that has `precompute`, and asks `check` of any other cap.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from engine.risk.gate import FurtherCap
from engine.risk.keyed import make_keyed
from engine.risk.limits import RiskLimits

Made = TypeVar("Made", bound=FurtherCap)


class Entry(NamedTuple):
    """A registered cap."""

    kind: Any  # the type of its key's value
    make: Callable[[Any], FurtherCap]
    ramps: bool  # its value is an amount of dollars, of which `ramp` is in force
    needs: tuple[str, ...]  # limits that must be set beside it


CAPS: dict[str, Entry] = {}


def cap(key: str, kind: Any, *, ramps: bool = False, needs: tuple[str, ...] = ()) -> Callable[[type[Made]], type[Made]]:
    """Register a class as the cap of a key of `[risk]`; it is made with the key's value."""

    def register(made: type[Made]) -> type[Made]:
        assert key not in CAPS, f"two caps are called {key}"
        assert key not in RiskLimits.__struct_fields__, f"{key} is a limit of the gate itself"
        CAPS[key] = Entry(kind, made, ramps, needs)
        return made

    return register


def make(key: str, value: object, limits: RiskLimits) -> FurtherCap:
    """The cap of a key with this value; a ValueError names the key."""
    one = CAPS[key]

    def ramped(found: Any) -> FurtherCap:
        return one.make(found * limits.ramp if one.ramps and found.is_finite() else found)

    return make_keyed(key, value, limits, one, ramped)

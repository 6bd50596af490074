"""What a cap and a breaker have in common: each is made from the value of its key in `[risk]`."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import msgspec

from engine.risk.limits import RiskLimits

Made = TypeVar("Made")


class Keyed(Protocol):
    """What the registries know of a key."""

    @property
    def kind(self) -> Any:
        """The type of its value."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The limits that must be set beside it."""


def make_keyed(key: str, value: object, limits: RiskLimits, entry: Keyed, make: Callable[[Any], Made]) -> Made:
    """What `make` returns for the converted value of a key; a ValueError names the key."""
    if absent := next((name for name in entry.needs if not getattr(limits, name)), ""):
        raise ValueError(f"{key}: needs {absent}, which is not set: set {absent} in [risk] too (docs/risk.md)")
    try:
        return make(msgspec.convert(value, entry.kind))
    except (msgspec.ValidationError, ValueError) as error:
        raise ValueError(f"{key}: {error}, was {value!r}") from error

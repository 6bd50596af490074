"""The breakers by their key, and what each of them reads and returns.

    @breaker("max_drawdown_pct", Decimal, Policy.CANCEL)
    class Drawdown: ...

A breaker is judged after every valuation (`mark_interval_ns`), and one with `fast = True` in every step that has read a
book, before the intents. `judge` is a function of the state and of what is seen; it returns the next state, and a
Refusal where the breaker trips. RATE_MISSING does not trip it: entries are refused while the value is not known.
Execution (`engine/execution/breakers.py`) keeps the states in the journal and applies the policy.
"""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any, NamedTuple, Protocol, TypeVar

from engine.config.nearest import unknown_key
from engine.model.words import BreakerPolicy, Reason
from engine.risk.gate import Account, Exposure, Refusal
from engine.risk.keyed import make_keyed
from engine.risk.limits import RiskLimits

UNKNOWN = Refusal(Reason.RATE_MISSING)
POLICIES = {one.name.lower(): one for one in BreakerPolicy if one}


class Seen(NamedTuple):
    """What a breaker may read when it is judged."""

    now_ns: int
    account: Account
    positions: Collection[tuple[int, Exposure]]  # of the account, or of the strategy, with their instruments


class Breaker(Protocol):
    """One breaker. Its states are msgspec structs of the type of `first`."""

    @property
    def per_strategy(self) -> bool:
        """Whether each strategy has a state of its own."""

    @property
    def fast(self) -> bool:
        """Whether it is judged after each reading of the books too."""

    @property
    def first(self) -> Any:
        """The state of a journal that has none."""

    @property
    def anew(self) -> Any:
        """The state after an operator's resume: it counts from the next value on."""

    def judge(self, state: Any, seen: Seen) -> tuple[Any, Refusal | None]:
        """The next state; a Refusal with the found value and the limit where the breaker trips."""


Made = TypeVar("Made", bound=Breaker)


class Entry(NamedTuple):
    """A registered breaker."""

    kind: Any  # the type of its key's value
    make: Callable[[Any], Breaker]
    policy: BreakerPolicy  # where the configuration names no other
    needs: tuple[str, ...]  # limits that must be set beside it


class Guard(NamedTuple):
    """A configured breaker."""

    key: str
    breaker: Breaker
    policy: BreakerPolicy


BREAKERS: dict[str, Entry] = {}


def breaker(
    key: str, kind: Any, policy: BreakerPolicy, *, needs: tuple[str, ...] = ()
) -> Callable[[type[Made]], type[Made]]:
    """Register a class as the breaker of a key of `[risk]`; it is made with the key's value."""

    def register(made: type[Made]) -> type[Made]:
        assert key not in BREAKERS, f"two breakers are called {key}"
        assert key not in RiskLimits.__struct_fields__, f"{key} is a limit of the gate itself"
        BREAKERS[key] = Entry(kind, made, policy, needs)
        return made

    return register


def read_breakers(table: Mapping[str, Any], limits: RiskLimits) -> tuple[Guard, ...]:
    """The breakers that `[risk]` sets, with their policies; a ValueError names the wrong key or value."""
    for key, policy in limits.policies.items():
        if key not in BREAKERS:
            raise ValueError(f"policies.{key}: {unknown_key(key, BREAKERS)}")
        if policy not in POLICIES:
            raise ValueError(f"policies.{key}: expected one of {', '.join(POLICIES)}, was {policy!r}")
        if key not in table:
            raise ValueError(f"policies.{key}: {key} is not set: set it too, or delete its policy")
    return tuple(_make(key, table[key], limits) for key in BREAKERS if key in table)


def check_watched(table: Mapping[str, Any], limits: RiskLimits, known: Collection[int]) -> None:
    """Refuse a breaker that watches an instrument which is not configured: it would never trip."""
    for guard in read_breakers(table, limits):
        if unknown := set(getattr(guard.breaker, "watched", ())).difference(known):
            raise ValueError(f"{guard.key}.instruments must be of {sorted(known)}, was {min(unknown)}")


def share_of(value: Decimal) -> Decimal:
    """A share; ValueError if it is not over 0 and at most 1."""
    if not value.is_finite() or not 0 < value <= 1:
        raise ValueError("must be over 0 and at most 1")
    return value


def _make(key: str, value: object, limits: RiskLimits) -> Guard:
    one = BREAKERS[key]
    policy = POLICIES.get(limits.policies.get(key, ""), one.policy)
    return Guard(key, make_keyed(key, value, limits, one, one.make), policy)

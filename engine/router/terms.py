"""The routes of a configuration: instruments of one asset pair, and their numbers at the finest decimals of a route.

    venue's number * factor = the route's number        prices and sizes have a factor each

Sizes of a route are multiples of its coarsest size step, so that any share in whole steps leaves a rest that another
venue can fill.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.model.instrument import Instrument

PPM_OF_BPS = 100


@dataclass(frozen=True, slots=True)
class Member:
    """One instrument of a route, and the account that trades it."""

    instrument: Instrument
    account: str  # the role of its execution
    fee_ppm: int  # the taker's fee
    price_factor: int
    size_factor: int

    @property
    def step(self) -> int:
        """The size step, in the route's numbers."""
        return self.instrument.size_step * self.size_factor


@dataclass(frozen=True, slots=True)
class Route:
    """One asset pair at several venues."""

    name: str
    members: tuple[Member, ...]
    size_decimals: int

    @property
    def step(self) -> int:
        """The coarsest size step: a parent's size is a multiple of it."""
        return max(one.step for one in self.members)

    @property
    def notional_least(self) -> int:
        """The least notional that one of the venues accepts, in the route's numbers."""
        return min(notional_least(one) for one in self.members)

    def has(self, instrument: int) -> bool:
        """Whether this instrument is a member's."""
        return any(one.instrument.id == instrument for one in self.members)

    def member(self, instrument: int) -> Member:
        """The member with this instrument."""
        return next(one for one in self.members if one.instrument.id == instrument)


def notional_least(member: Member) -> int:
    """The least notional of a member's venue, in the route's numbers."""
    return member.instrument.notional_min * member.price_factor * member.size_factor


def make_route(
    name: str, instruments: Sequence[Instrument], accounts: Mapping[str, str], fees: Mapping[str, int]
) -> Route:
    """A route over these instruments; ValueError where they are not one asset pair, or their steps do not fit.

    `accounts` has the execution of each venue, `fees` the taker's fee in millionths.
    """
    first = instruments[0]
    for one in instruments[1:]:
        if _pair(one) != _pair(first):
            msg = (
                f"router.routes {name}: expected instruments of one pair, kind and multiplier, found {_text(first)} and"
                f" {_text(one)}: put them into different routes"
            )
            raise ValueError(msg)
    price_decimals = max(one.price_decimals for one in instruments)
    size_decimals = max(one.size_decimals for one in instruments)
    members = tuple(
        Member(
            one, accounts[one.venue], fees[one.venue], 10 ** (price_decimals - one.price_decimals),
            10 ** (size_decimals - one.size_decimals),
        )
        for one in instruments
    )  # fmt: skip
    route = Route(name, members, size_decimals)
    for member in members:
        if route.step % member.step:
            msg = (
                f"router.routes {name}: the size step of {member.instrument.venue} does not divide the coarsest one:"
                " expected steps that do, so that the sizes of the children can add up to the parent's"
            )
            raise ValueError(msg)
    return route


def routes_by_instrument(routes: Iterable[Route]) -> dict[int, Route]:
    """The route of each instrument."""
    return {member.instrument.id: route for route in routes for member in route.members}


def _pair(one: Instrument) -> tuple[object, ...]:
    return one.base, one.quote, one.kind, one.multiplier


def _text(one: Instrument) -> str:
    return f"{one.venue} {one.symbol} ({one.base}/{one.quote}, {one.kind}, multiplier {one.multiplier})"

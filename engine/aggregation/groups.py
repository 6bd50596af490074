"""The groups with their fees for `Merge`: every number converted to its group's decimals."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from engine.model.group import Group

E8_PER_BPS = 10_000


def fee_e8(fees: Mapping[str, Decimal], venue: str, *, needed: bool) -> int:
    """Return a venue's taker fee in 10^-8; 0 where no opportunities are computed."""
    if venue not in fees:
        if needed:
            msg = f"aggregation.taker_fee_bps must name {venue!r}: without its fee every edge at this venue is wrong"
            raise ValueError(msg)
        return 0
    return bps_e8(fees[venue], f"aggregation.taker_fee_bps.{venue}", least=-100)


def bps_e8(value: Decimal, name: str, least: int = 0) -> int:
    """Return basis points as a whole number of 10^-8."""
    scaled = value * E8_PER_BPS
    if not value.is_finite() or scaled != int(scaled) or not least <= value < E8_PER_BPS:
        msg = f"{name} must be in {least}..9999 with at most four decimals, was {value}"
        raise ValueError(msg)
    return int(scaled)


Member = tuple[int, int, int, int]


def share_e8(value: Decimal, name: str) -> int:
    """Return a share as a whole number of 10^-8."""
    scaled = value * 10**8
    if not value.is_finite() or scaled != int(scaled) or not 0 <= value <= 1:
        msg = f"{name} must be in 0..1 with at most eight decimals, was {value}"
        raise ValueError(msg)
    return int(scaled)


def is_weighed(group: Group) -> bool:
    """Whether a profit of buying at one member and selling at another can be computed.

    A contract of several units is linear at one venue and inverse at another, and its metadata does not contain which:
    the profit could be computed the wrong way, so none is computed.
    """
    return len(group.members) > 1 and group.members[0].multiplier == 1


def merge_table(groups: Sequence[Group], fees: Mapping[str, Decimal]) -> list[tuple[int, int, int, bool, list[Member]]]:
    """Return the groups in the form that `Merge` needs."""
    return [
        (group.id, group.price_decimals, group.size_decimals, is_weighed(group), _members(group, fees))
        for group in groups
    ]


def _members(group: Group, fees: Mapping[str, Decimal]) -> list[Member]:
    return [
        (
            one.id,
            10 ** (group.price_decimals - one.price_decimals),
            10 ** (group.size_decimals - one.size_decimals),
            fee_e8(fees, one.venue, needed=is_weighed(group)),
        )
        for one in group.members
    ]

"""The groups with their fees, as the merge takes them: every number brought to its group's decimals."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from engine.model.group import Group
from engine.model.instrument import Instrument

E8_PER_BPS = 10_000


def fee_e8(fees: Mapping[str, Decimal], venue: str, *, needed: bool) -> int:
    """A venue's taker fee in 10^-8; 0 where nothing is bought and sold between venues."""
    if venue not in fees:
        if needed:
            msg = f"aggregation.taker_fee_bps must name {venue!r}: without its fee every edge there would be wrong"
            raise ValueError(msg)
        return 0
    return bps_e8(fees[venue], f"aggregation.taker_fee_bps.{venue}", least=-100)


def bps_e8(value: Decimal, name: str, least: int = 0) -> int:
    """Basis points as a whole number of 10^-8."""
    scaled = value * E8_PER_BPS
    if not value.is_finite() or scaled != int(scaled) or not least <= value < E8_PER_BPS:
        msg = f"{name} must be in {least}..9999 with at most four decimals, was {value}"
        raise ValueError(msg)
    return int(scaled)


Member = tuple[int, int, int, int, int]


def merge_table(
    groups: Sequence[Group], venues: Sequence[str], fees: Mapping[str, Decimal]
) -> list[tuple[int, int, int, list[Member]]]:
    """The groups as `Merge` takes them."""
    members = {group.id: [_member(group, one, venues, fees) for one in group.members] for group in groups}
    return [(group.id, group.price_decimals, group.size_decimals, members[group.id]) for group in groups]


def _member(group: Group, one: Instrument, venues: Sequence[str], fees: Mapping[str, Decimal]) -> Member:
    return (
        one.id,
        venues.index(one.venue),
        10 ** (group.price_decimals - one.price_decimals),
        10 ** (group.size_decimals - one.size_decimals),
        fee_e8(fees, one.venue, needed=len(group.members) > 1),
    )

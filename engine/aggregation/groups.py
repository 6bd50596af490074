"""Which instruments are the same thing at several venues, and how their numbers are brought to common decimals.

Named by the configuration, or alike in base, quote, kind and multiplier by the venues' own metadata: two contracts of
different size are never added up. A group has the finest decimals of its members; nothing is rounded.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from engine.config.tables import Group as GroupTable
from engine.model.aggregates import GROUP_MEMBERS
from engine.model.instrument import Instrument

E8_PER_BPS = 10_000


@dataclass(frozen=True, slots=True)
class Group:
    """One thing."""

    id: int  # its place, from 1
    name: str
    members: tuple[Instrument, ...]

    @property
    def price_decimals(self) -> int:
        """The finest of its members'."""
        return max(one.price_decimals for one in self.members)

    @property
    def size_decimals(self) -> int:
        """The finest of its members'."""
        return max(one.size_decimals for one in self.members)


def make_groups(instruments: Sequence[Instrument], tables: Iterable[GroupTable]) -> tuple[Group, ...]:
    """The groups of the configuration, and behind them those that the metadata says."""
    by_id = {one.id: one for one in instruments}
    named = {table.name: [by_id[number] for number in table.instruments] for table in tables}
    taken = [one.id for members in named.values() for one in members]
    for one in instruments:
        if one.id not in taken:
            named.setdefault(_name(one), []).append(one)
    return tuple(_group(number, name, members) for number, (name, members) in enumerate(named.items(), 1))


def _name(one: Instrument) -> str:
    """What a thing is called: "BTC/USDT", "BTC/USDT perpetual", and its multiplier where that is not one."""
    kind = "" if one.kind == "spot" else f" {one.kind}"
    size = "" if one.multiplier == 1 else f" x{one.multiplier}"
    return f"{one.base}/{one.quote}{kind}{size}"


def _group(number: int, name: str, members: Sequence[Instrument]) -> Group:
    if len(members) > GROUP_MEMBERS:
        msg = f"group {name!r} may have at most {GROUP_MEMBERS} instruments, had {len(members)}"
        raise ValueError(msg)
    multipliers = {one.multiplier for one in members}
    if len(multipliers) > 1:
        msg = f"group {name!r}: instruments must have one multiplier, had {sorted(multipliers)}"
        raise ValueError(msg)
    return Group(number, name, tuple(members))


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

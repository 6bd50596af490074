"""Which instruments are the same thing at several venues.

Named by the configuration, or alike in base, quote, kind and multiplier by the venues' own metadata: two contracts of
different size are never added up, and which dated futures are of one day only the configuration knows. A group has the
finest decimals of its members; no value is rounded. Every process with the same instruments and configuration finds the
same groups under the same numbers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.config.tables import Group as GroupTable
from engine.model.aggregates import GROUP_MEMBERS
from engine.model.instrument import Instrument


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
    """The groups of the configuration, then the groups that follow from the metadata."""
    by_id = {one.id: one for one in instruments}
    named = {table.name: [by_id[number] for number in table.instruments] for table in tables}
    grouped = [one.id for members in named.values() for one in members]
    for one in instruments:
        if one.id not in grouped:
            named.setdefault(_name(one), []).append(one)
    return tuple(_group(number, name, members) for number, (name, members) in enumerate(named.items(), 1))


def _name(one: Instrument) -> str:
    """The name of a group: "BTC/USDT", "BTC/USDT perpetual", with a multiplier other than 1."""
    if one.kind == "future":
        return f"{one.venue} {one.symbol}"
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

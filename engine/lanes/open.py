"""The door: a role gets the lanes that the map gives it. Every other lane is refused by name.

    lanes = open_lanes("demo", STRATEGY, "maker")
    lanes.ring_reader("books")             # the map: read by strategies; `demo.books.feed`, the only one
    lanes.ring_readers("books")            # one of each feed, in the configuration's order
    lanes.ring_writer("intents")           # its own, `demo.intents.maker.execution`
    lanes.ring_writer("ticks")             # LaneError: the map gives ticks to feed
    lanes.close()                          # closes the lanes that were opened for writing

Each lane is opened when the role requests it: a writer acquires the lane's lock, a reader maps the segment read-only.
The configuration lists the owners (`owners.py`); a role without a configuration finds the owners by their segments.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import shm
from engine.lanes.map import ROLE, Lane, LaneError, lane_of
from engine.lanes.owners import Owners, found_owners, owners_of

if TYPE_CHECKING:
    from engine.config import Config

T = TypeVar("T")


class Owned(NamedTuple, Generic[T]):
    """An opened lane with the name of its owner; of a lane of a pair, with the name of the other one."""

    owner: str
    lane: T


class Door:
    """What one role may open. `kind` is its name in the map, `own` its name in the lanes that exist once for each."""

    def __init__(self, kind: str, own: str = "", owners: Owners | None = None) -> None:
        """Open nothing yet."""
        self.kind, self.own, self.owners = kind, own or kind, owners

    def expect_writer(self, name: str, of: str = "") -> tuple[str, Lane]:
        """Give the full name of a lane that this role writes; of an `each` lane its own."""
        lane = lane_of(name)
        of = self._completed(lane, of, lane.is_written_by)
        if not lane.is_written_by(self.kind, self.own, of):
            msg = f"{self.own}: may not write lane {name!r}, the map (engine/lanes/map.py) gives it to {lane.writer}"
            raise LaneError(msg)
        return full_name(lane, of), lane

    def expect_reader(self, name: str, of: str = "") -> tuple[str, Lane]:
        """Give the full name of a lane that this role reads; of an `each` lane its own, `of`'s or the only one."""
        lane = lane_of(name)
        of = self._completed(lane, of, lane.is_read_by)
        if not lane.is_read_by(self.kind, self.own, of):
            whose = f" of {of}" if of else ""
            readers = ", ".join(lane.readers)
            msg = f"{self.own}: may not read lane {name!r}{whose}, the map (engine/lanes/map.py) gives it to {readers}"
            raise LaneError(msg)
        return full_name(lane, of), lane

    def readable(self, name: str) -> tuple[str, ...]:
        """The owners whose lane of this name the role may read, in the configuration's order."""
        lane = lane_of(name)
        return tuple(self._allowed(lane, lane.is_read_by)) or (self._completed(lane, "", lane.is_read_by),)

    def writable(self, name: str) -> tuple[str, ...]:
        """The owners of the lanes of this name that the role writes, in the configuration's order."""
        lane = lane_of(name)
        return tuple(self._allowed(lane, lane.is_written_by)) or (self._completed(lane, "", lane.is_written_by),)

    def has(self, name: str) -> bool:
        """Whether the system has a lane of this name: the router's exist only beside a router."""
        return any(True for _ in self.find_owners(lane_of(name)))

    def other(self, name: str, of: str) -> str:
        """The owners of a lane without the role itself."""
        parts = zip(lane_of(name).owner_kinds, of.split("."), strict=False)
        return ".".join(owner for kind, owner in parts if kind != self.kind) or of

    def find_owners(self, lane: Lane) -> Iterable[str]:
        """The owners of a lane."""
        assert self.owners is not None, "a door without owners finds them where it opens lanes"
        return self.owners.of_lane(lane)

    def _allowed(self, lane: Lane, may: Callable[[str, str, str], bool]) -> list[str]:
        return [of for of in self.find_owners(lane) if may(self.kind, self.own, of)]

    def _completed(self, lane: Lane, of: str, may: Callable[[str, str, str], bool]) -> str:
        """Name every owner of a lane: the role itself where it is one, and the only one that there is."""
        given = of.split(".") if of else []
        if not lane.each or len(given) >= len(lane.owner_kinds):
            return self._existing(lane, of)
        if lane.each in (self.kind, ROLE):
            return self.own
        found = [one for one in self._allowed(lane, may) if set(given) <= set(one.split("."))]
        if len(found) > 1:
            msg = f"{self.own}: lane {lane.name!r} exists for each of {', '.join(found)}: expected the name of one"
            raise LaneError(msg)
        return found[0] if found else ".".join(self._by_default(kind, given) for kind in lane.owner_kinds)

    def _by_default(self, kind: str, given: list[str]) -> str:
        if kind == self.kind:
            return self.own
        return given.pop(0) if given else kind

    def _existing(self, lane: Lane, of: str) -> str:
        if of and self.owners is not None and self.owners.lacks(lane, of):
            msg = f"{self.own}: lane {lane.name!r} of {of}: expected one of {', '.join(self.owners.of_lane(lane))}"
            raise LaneError(msg)
        return of


class RoleLanes(Door):
    """The lanes of one role in the shared memory of one system."""

    def __init__(self, system: str, kind: str, own: str = "", owners: Owners | None = None) -> None:
        """Open nothing yet."""
        super().__init__(kind, own, owners)
        self.system = system
        self._writers: list[shm.RingWriter | shm.CellWriter | shm.WordWriter] = []

    def find_owners(self, lane: Lane) -> Iterable[str]:
        """The owners of a lane: the configuration's, or those whose segments exist."""
        return found_owners(self.system, lane) if self.owners is None else self.owners.of_lane(lane)

    def ring_writer(self, name: str, of: str = "", *, populate: bool = False) -> shm.RingWriter:
        """Become the one writer of a ring; `populate` maps its pages now instead of at their first use."""
        full, lane = self.expect_writer(name, of)
        writer = shm.RingWriter(f"{self.system}.{full}", lane.record, populate=populate)
        self._writers.append(writer)
        return writer

    def ring_writers(self, name: str) -> "tuple[Owned[shm.RingWriter], ...]":
        """Become the one writer of a ring of each owner."""
        return tuple(Owned(self.other(name, of), self.ring_writer(name, of)) for of in self.writable(name))

    def cell_writer(self, name: str, of: str = "") -> shm.CellWriter:
        """Become the one writer of cells."""
        full, lane = self.expect_writer(name, of)
        writer = shm.CellWriter(f"{self.system}.{full}", lane.record)
        self._writers.append(writer)
        return writer

    def word_writer(self, name: str, of: str = "") -> shm.WordWriter:
        """Become the one writer of words; their pages are mapped now, because they are written on the hot path."""
        full, lane = self.expect_writer(name, of)
        writer = shm.WordWriter(f"{self.system}.{full}", lane.record, populate=True)
        self._writers.append(writer)
        return writer

    def word_reader(self, name: str, of: str = "") -> shm.WordReader:
        """Read words."""
        full, lane = self.expect_reader(name, of)
        return shm.WordReader(f"{self.system}.{full}", lane.record)

    def ring_reader(self, name: str, of: str = "", *, populate: bool = False) -> shm.RingReader:
        """Read a ring, from now on."""
        full, lane = self.expect_reader(name, of)
        return shm.RingReader(f"{self.system}.{full}", lane.record, populate=populate)

    def ring_readers(self, name: str) -> "tuple[Owned[shm.RingReader], ...]":
        """Read a ring of each owner, from now on."""
        return tuple(Owned(self.other(name, of), self.ring_reader(name, of)) for of in self.readable(name))

    def cell_reader(self, name: str, of: str = "") -> shm.CellReader:
        """Read cells."""
        full, lane = self.expect_reader(name, of)
        return shm.CellReader(f"{self.system}.{full}", lane.record)

    def cell_readers(self, name: str) -> "tuple[Owned[shm.CellReader], ...]":
        """Read the cells of each owner."""
        return tuple(Owned(self.other(name, of), self.cell_reader(name, of)) for of in self.readable(name))

    def close(self) -> None:
        """Close every writer that was opened here, in that order; closing one twice does nothing."""
        for writer in self._writers:
            writer.close()


def full_name(lane: Lane, of: str = "") -> str:
    """A lane's name in its system, with its owner's where the lane exists once for each."""
    return f"{lane.name}.{of}" if of else lane.name


def open_lanes(system: str, role: str, own: str = "", owners: Owners | None = None) -> RoleLanes:
    """The lanes of a role. `role` is its name in the map, `own` its own name where that differs: a strategy's."""
    return RoleLanes(system, role, own, owners)


def open_role(config: "Config", role: str) -> RoleLanes:
    """The lanes of a role of a configured system."""
    return open_lanes(config.system.name, config.kind_of(role), role, owners_of(config))

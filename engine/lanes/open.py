"""The door: a role gets the lanes that the map gives it. Every other lane is refused by name.

    lanes = open_lanes("demo", STRATEGY, "maker")
    lanes.ring_reader("books")             # the map: read by strategies
    lanes.ring_writer("intents")           # its own, `demo.intents.maker`
    lanes.ring_writer("ticks")             # LaneError: the map gives ticks to feed
    lanes.close()                          # closes what was opened for writing

Nothing is opened before it is asked for: a writer takes the lane's lock, a reader maps the segment read-only.
"""

import shm
from engine.lanes.map import Lane, LaneError, lane_of


class Door:
    """What one role may open. `kind` is its name in the map, `own` its name in the lanes that exist once for each."""

    def __init__(self, kind: str, own: str = "") -> None:
        """Open nothing yet."""
        self.kind, self.own = kind, own or kind

    def expect_writer(self, name: str) -> tuple[str, Lane]:
        """Give the full name of a lane that this role writes; of an `each` lane its own."""
        lane = lane_of(name)
        of = self.own if lane.each else ""
        if not lane.is_written_by(self.kind, self.own, of):
            msg = f"{self.own}: may not write lane {name!r}, the map (engine/lanes/map.py) gives it to {lane.writer}"
            raise LaneError(msg)
        return full_name(lane, of), lane

    def expect_reader(self, name: str, of: str) -> tuple[str, Lane]:
        """Give the full name of a lane that this role reads; of an `each` lane its own, or that of `of`."""
        lane = lane_of(name)
        of = (of or self.own) if lane.each else of
        if not lane.is_read_by(self.kind, self.own, of):
            whose = f" of {of}" if of else ""
            readers = ", ".join(lane.readers)
            msg = f"{self.own}: may not read lane {name!r}{whose}, the map (engine/lanes/map.py) gives it to {readers}"
            raise LaneError(msg)
        return full_name(lane, of), lane


class RoleLanes(Door):
    """The lanes of one role in the shared memory of one system."""

    def __init__(self, system: str, kind: str, own: str = "") -> None:
        """Open nothing yet."""
        super().__init__(kind, own)
        self.system = system
        self._writers: list[shm.RingWriter | shm.CellWriter] = []

    def ring_writer(self, name: str, *, populate: bool = False) -> shm.RingWriter:
        """Become the one writer of a ring; `populate` maps its pages now instead of at their first use."""
        full, lane = self.expect_writer(name)
        writer = shm.RingWriter(f"{self.system}.{full}", lane.record, populate=populate)
        self._writers.append(writer)
        return writer

    def cell_writer(self, name: str) -> shm.CellWriter:
        """Become the one writer of cells."""
        full, lane = self.expect_writer(name)
        writer = shm.CellWriter(f"{self.system}.{full}", lane.record)
        self._writers.append(writer)
        return writer

    def ring_reader(self, name: str, of: str = "", *, populate: bool = False) -> shm.RingReader:
        """Read a ring, from now on."""
        full, lane = self.expect_reader(name, of)
        return shm.RingReader(f"{self.system}.{full}", lane.record, populate=populate)

    def cell_reader(self, name: str, of: str = "") -> shm.CellReader:
        """Read cells."""
        full, lane = self.expect_reader(name, of)
        return shm.CellReader(f"{self.system}.{full}", lane.record)

    def close(self) -> None:
        """Close every writer that was opened here, in that order; closing one twice does nothing."""
        for writer in self._writers:
            writer.close()


def full_name(lane: Lane, of: str = "") -> str:
    """A lane's name in its system, with its strategy's or role's where the lane exists once for each."""
    return f"{lane.name}.{of}" if of else lane.name


def open_lanes(system: str, role: str, own: str = "") -> RoleLanes:
    """The lanes of a role. `role` is its name in the map, `own` its own name where that differs: a strategy's."""
    return RoleLanes(system, role, own)

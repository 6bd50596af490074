"""The protocol of a role: one job of the engine, advanced by `step`."""

from typing import NamedTuple, Protocol


class WorkingOn(NamedTuple):
    """The record that a role was working on when its step failed; by it a second failure on the same one is known.

    After the second failure the supervisor halts the strategy that it names, without a strategy the instrument.
    """

    lane: str
    sequence: int  # 0: a report of the venue, which has none
    strategy: int = 0  # its number; 0: of none
    instrument: int = 0
    id: str = ""  # of such a report: the venue's id of the fill, without a fill our id of the order


class StopsAloneError(Exception):
    """A role cannot be built because its author's code raised `cause`: other roles are not affected."""

    def __init__(self, name: str, cause: Exception) -> None:
        """The role, and what was raised."""
        super().__init__(f"{name}: {type(cause).__name__}: {cause}")
        self.cause = cause


class Role(Protocol):
    """One job. No hidden clock, thread or I/O: the process loop, the chaos and research drive the same object."""

    name: str

    def step(self, now_ns: int) -> int:
        """Do the work that is due at this time; how much was done, 0 for none."""

    def lag(self) -> int:
        """The largest number of unread records on one of its input lanes; read at each heartbeat."""

    def error_count(self) -> int:
        """How many errors this life has counted: frames that cannot be read, lost connections, laps, alarms."""

    def drain(self, now_ns: int) -> bool:
        """Accept no new work and finish the work that has begun; True when finished."""

    def close(self) -> None:
        """Close lanes, ports and files."""

"""What every process of the engine runs: a role, advanced by `step`."""

from typing import Protocol


class Role(Protocol):
    """One job. No hidden clock, thread or I/O: the process loop, the chaos and research drive the same object."""

    name: str

    def step(self, now_ns: int) -> int:
        """Do what there is to do at this time; say how much it was, 0 for nothing."""

    def lag(self) -> int:
        """How many records wait on the lane of its inputs on which most wait; read at each heartbeat."""

    def error_count(self) -> int:
        """How many errors this life has counted: frames that cannot be read, lost connections, laps, alarms."""

    def drain(self, now_ns: int) -> bool:
        """Wind down: take nothing new, finish what is begun; True when done."""

    def close(self) -> None:
        """Let go of lanes, ports and files."""
